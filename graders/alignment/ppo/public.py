"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np

from harness.grading import assert_close, check

# ---- what a step was worth -------------------------------------------------------------------


@check(points=3, hint="rewards - beta * (log_policy - log_reference)")
def test_leaving_the_reference_costs(own_code, rng):
    """Each step pays for how much likelier the policy has made its action"""
    rewards, policy, reference = rng.normal(size=(3, 4, 6))
    beta = float(rng.uniform(0.1, 2))
    truth = [
        [r - beta * (p - q) for r, p, q in zip(*rows, strict=True)]
        for rows in zip(rewards, policy, reference, strict=True)
    ]
    assert_close(own_code.penalised(rewards, policy, reference, beta), truth, what="penalised(…)")


@check(
    points=5,
    hint="surprise = reward + discount * next value - value; "
    "sum (discount * trace)^k times the surprise k steps later",
)
def test_advantages_are_sums_of_surprises(own_code, rng):
    """An advantage is the sum of this surprise and the later ones, each discounted"""
    for discount, trace in ((1.0, 1.0), (0.9, 0.0), tuple(rng.uniform(0.3, 0.99, size=2))):
        rewards, values = rng.normal(size=(3, 8)), rng.normal(size=(3, 9))
        ended = np.zeros((3, 8), dtype=bool)
        answer = own_code.advantages(rewards, values, ended, float(discount), float(trace))
        truth = by_definition(rewards, values, ended, discount, trace)
        assert_close(answer, truth, what="advantages(…) without an end")


def by_definition(rewards, values, ended, discount, trace):
    """Return advantages as sums over all later steps of the same episode, (worlds, steps)."""
    truth = np.zeros(rewards.shape)
    for world, step in np.ndindex(*rewards.shape):
        factor = 1.0
        for later in range(step, rewards.shape[1]):
            over = ended[world, later]
            following = 0.0 if over else discount * values[world, later + 1]
            truth[world, step] += factor * (rewards[world, later] + following - values[world, later])
            factor *= discount * trace
            if over:
                break
    return truth


# ---- the clipped objective -------------------------------------------------------------------


@check(points=5, hint="np.minimum(ratio * A, np.clip(ratio, 1 - clip, 1 + clip) * A), then the mean")
def test_surrogate_takes_the_lesser_gain(own_code, draw):
    """The objective is the mean of the lesser of two gains, with and without the clip"""
    batch = draw(change=1.0)
    new = batch.log_new(batch.logits)
    answer = own_code.surrogate(new, batch.log_old, batch.estimates, batch.clip)
    assert_close(answer, batch.surrogate(batch.logits), what="surrogate(…)")


# ---- keeping near ----------------------------------------------------------------------------


@check(points=3, hint="the mean of exp(d) - 1 - d, with d = log_new - log_old")
def test_divergence_is_estimated(own_code, rng):
    """The divergence from old to new is estimated from the old policy's actions"""
    old = -rng.exponential(size=40)
    new = old + 0.5 * rng.normal(size=40)
    truth = np.mean([np.exp(n - o) - 1 - (n - o) for n, o in zip(new, old, strict=True)])
    assert_close(own_code.divergence_estimate(new, old), truth, what="divergence_estimate(…)")
