"""Public checks: learners may run and read them."""

import numpy as np

from harness.grading import assert_close, check, expect_array, expect_number, expect_text, wrong

# ---- one private step ------------------------------------------------------------------------


@check(points=2, hint="each row has its own length; only those above the norm change")
def test_clip_shortens_each_example(handed_in, rng):
    """clip shortens each example's gradient to the norm, and leaves short ones alone"""
    gradients = rng.normal(size=(40, 7)) * rng.uniform(0.1, 3, size=(40, 1))
    norm = float(rng.uniform(2, 4))
    truth = np.stack([row * min(1.0, norm / np.sqrt((row**2).sum())) for row in gradients])
    assert_close(handed_in.clip(gradients, norm), truth, what="clip(gradients, norm)")


@check(
    points=3,
    needs="clip_shortens_each_example",
    hint="noise on the sum, with deviation noise * norm; then divide",
)
def test_private_gradient_adds_noise_to_the_sum(handed_in, rng):
    """private_gradient is the sum of clipped gradients plus noise, over the expected number"""
    gradients, norm, noise = rng.normal(size=(12, 5000)) * 0.1, 2.0, float(rng.uniform(1, 3))
    expected = 40.0
    clipped = np.stack([row * min(1.0, norm / np.sqrt((row**2).sum())) for row in gradients])
    answer = handed_in.private_gradient(gradients, norm, noise, expected, rng.seed())
    found = expect_array(answer, shape=(5000,), what="private_gradient(…)").astype(float)
    z = (found * expected - clipped.sum(axis=0)) / (noise * norm)
    if not (abs(z.mean()) <= 0.1 and abs(z.std() - 1) <= 0.07):  # 7 standard deviations; NaN is wrong, too
        wrong("private_gradient: beside the clipped sum there is no noise of deviation noise * norm.")


# ---- the accountant --------------------------------------------------------------------------


@check(points=3, hint="add the binomial terms as logarithms; times steps; then each order gives an epsilon")
def test_epsilon_is_accounted(handed_in, accountant, rng):
    """epsilon(noise, rate, steps, delta) bounds the loss of privacy as Rényi's divergence does"""
    for _ in range(3):
        noise, rate = float(rng.uniform(0.8, 4)), float(rng.uniform(0.005, 0.2))
        steps, delta = int(rng.integers(20, 800)), float(10 ** rng.uniform(-7, -4))
        answer = expect_number(handed_in.epsilon(noise, rate, steps, delta), what="epsilon")
        most = accountant.whole_orders(noise, rate, steps, delta)
        least = accountant.epsilon(noise, rate, steps, delta)
        if not least * 0.999 <= answer <= most * 1.001:
            what = f"epsilon({noise:.4g}, {rate:.4g}, {steps}, {delta:.3g})"
            wrong(f"{what} is {answer:.5g}: the orders 2 to 64 give {most:.5g}.")


@check(
    points=2,
    needs="epsilon_is_accounted",
    hint="epsilon falls with noise: halve a bracket, return its safe end",
)
def test_noise_for_spends_the_budget(handed_in, accountant, rng):
    """noise_for finds the least noise that keeps the target"""
    for target in (float(rng.uniform(0.3, 1)), float(rng.uniform(2, 6))):
        rate, steps = float(rng.uniform(0.01, 0.3)), int(rng.integers(20, 400))
        noise = expect_number(handed_in.noise_for(target, rate, steps, 1e-5), what="noise_for")
        if not 1e-4 <= noise <= 1e4:
            wrong(f"noise_for({target:.3g}, {rate:.3g}, {steps}, 1e-5) is {noise:.3g}: far off.")
        if not accountant.epsilon(noise, rate, steps, 1e-5) <= target * 1.0005:
            wrong(f"noise_for({target:.3g}, {rate:.3g}, {steps}, 1e-5) exceeds the target.")
        if accountant.whole_orders(noise * 0.98, rate, steps, 1e-5) <= target:
            wrong(f"noise_for({target:.3g}, {rate:.3g}, {steps}, 1e-5) is larger than it has to be.")


# ---- training --------------------------------------------------------------------------------


@check(
    points=2, hint="ask for gradients once in each step, and log the weights before the first and after each"
)
def test_training_is_logged(trainings):
    """train logs noise, rate, steps, clip, learning rate and all weights, as its questions show them"""
    for one in trainings:
        if not np.abs(one.weights[1:] - one.weights[:-1]).max(axis=1).all():
            wrong("train: a step left the weights as they were.")


# ---- membership inference --------------------------------------------------------------------


@check(points=2, hint="two normal laws for each example; the variances count in the densities, too")
def test_likelihood_ratio_of_normal_laws(handed_in, rng):
    """likelihood_ratio compares each loss with the models that knew the example, and those that did not"""
    inside, outside = rng.normal(1, 0.5, size=(9, 20)), rng.normal(1.5, 0.9, size=(14, 20))
    losses = rng.normal(1.2, 1, size=20)
    truth = np.zeros(20)
    for sign, sample in ((1, inside), (-1, outside)):
        mean = sample.sum(axis=0) / len(sample)
        variance = ((sample - mean) ** 2).sum(axis=0) / (len(sample) - 1)
        density = np.exp(-((losses - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        truth += sign * np.log(density)
    assert_close(handed_in.likelihood_ratio(losses, inside, outside), truth, what="likelihood_ratio(…)")


# ---- redaction -------------------------------------------------------------------------------


@check(points=3, hint="one pattern for each kind; of what stands around it nothing changes")
def test_redact_finds_each_kind(handed_in, letters):
    """redact replaces e-mail addresses, phones, cards and IPv4 addresses by their kind"""
    for kind in ("[EMAIL]", "[PHONE]", "[CARD]", "[IP]"):
        for text, truth in letters(25, [kind]):
            answer = expect_text(handed_in.redact(text), what="redact(text)")
            if answer != truth:
                wrong(f"redact({text!r}) is {answer[:300]!r}, expected {truth!r}.")
