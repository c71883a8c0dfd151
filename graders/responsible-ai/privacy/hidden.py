"""Hidden checks: learners see their titles, outcomes and hints."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr
from scipy.stats import chi2

from harness.grading import (
    Measurement,
    assert_close,
    check,
    expect_array,
    expect_number,
    expect_text,
    metric,
    wrong,
)
from harness.metrics.privacy import audited_epsilon

TINY = 1e-7
"""An honest training is called dishonest once in ten million trainings."""

# ---- one private step ------------------------------------------------------------------------


@check(
    points=2,
    needs="clip_shortens_each_example",
    hint="a row of zeros has length 0, and an empty batch no rows",
)
def test_clip_survives_the_extremes(handed_in, rng):
    """Rows of zeros, empty batches, and gradients of any size are clipped without NaN"""
    for scale in (1e-150, 1e-8, 1e8, 1e120):
        rows = rng.normal(size=(6, 5))
        rows[2] = 0
        norm = float(scale * rng.uniform(0.5, 2))
        length = np.array([math.hypot(*row) for row in rows])
        truth = rows * np.minimum(1, norm / scale / np.where(length > 0, length, 1))[:, None]
        answer = expect_array(handed_in.clip(rows * scale, norm), shape=(6, 5), what="clip")
        assert_close(answer / scale, truth, what="clip of very large or small gradients")
    expect_array(handed_in.clip(np.zeros((0, 5)), 1.0), shape=(0, 5), what="clip of an empty batch")


@check(
    points=2,
    needs="private_gradient_adds_noise_to_the_sum",
    hint="one vector of noise for the batch, new for each seed, and none of it from the data",
)
def test_noise_comes_once_and_from_the_seed(handed_in, rng):
    """Noise is added once for each batch, also for an empty one; the seed decides it, and the data do not"""
    seed, other = rng.seed(), rng.seed()
    empty = np.zeros((0, 3000))
    alone = expect_array(handed_in.private_gradient(empty, 0.5, 2.0, 10.0, seed), shape=(3000,), what="noise")
    if not abs(alone.std() - 0.1) <= 0.01 or not abs(np.corrcoef(alone[1:], alone[:-1])[0, 1]) <= 0.12:
        wrong("private_gradient: of an empty batch it has to be noise alone, independent in each place.")
    again = handed_in.private_gradient(empty, 0.5, 2.0, 10.0, seed)
    assert_close(again, alone, what="the noise of the same seed")
    batch = rng.normal(size=(300, 3000)) * 0.001  # shorter than the norm
    moved = handed_in.private_gradient(batch, 0.5, 2.0, 10.0, seed)
    assert_close(moved, alone + batch.sum(axis=0) / 10, what="a batch with the same seed")
    fresh = expect_array(
        handed_in.private_gradient(empty, 0.5, 2.0, 10.0, other), shape=(3000,), what="noise"
    )
    if not abs(np.corrcoef(alone, fresh)[0, 1]) <= 0.12:
        wrong("private_gradient: two seeds give the same noise.")


# ---- the accountant --------------------------------------------------------------------------


@check(
    points=3, needs="epsilon_is_accounted", hint="rate 1 has no binomial; terms may be as large as exp(1000)"
)
def test_epsilon_holds_at_the_ends(handed_in, accountant, rng):
    """Whole batches, rare ones, little noise and much are accounted, and never below the exact value"""
    cases = [
        (float(rng.uniform(2, 6)), 1.0, 1, 1e-5),
        (float(rng.uniform(20, 60)), 1.0, int(rng.integers(5, 50)), 1e-6),
        (0.4, float(rng.uniform(0.001, 0.01)), 30, 1e-5),
        (float(rng.uniform(1, 2)), 1e-5, 100_000, 1e-8),
        (float(rng.uniform(5, 30)), float(rng.uniform(0.3, 0.9)), int(rng.integers(50, 2000)), 1e-4),
    ]
    for noise, rate, steps, delta in cases:
        answer = expect_number(handed_in.epsilon(noise, rate, steps, delta), what="epsilon")
        most = accountant.whole_orders(noise, rate, steps, delta)
        least = accountant.epsilon(noise, rate, steps, delta)
        if rate == 1:
            least = max(least, exact_epsilon(noise / math.sqrt(steps), delta))
        if not least * 0.999 - 1e-9 <= answer <= most * 1.001 + 1e-9:
            wrong("epsilon: at an end of its range it is not what the orders 2 to 64 give.")


def exact_epsilon(noise, delta):
    """Return the exact epsilon of one Gaussian mechanism (Balle and Wang 2018, theorem 8)."""

    def excess(value):
        first = log_ndtr(1 / (2 * noise) - value * noise)
        second = value + log_ndtr(-1 / (2 * noise) - value * noise)
        return math.exp(first) - math.exp(second) - delta

    return brentq(excess, 0, 200) if excess(0) > 0 else 0.0


# ---- training --------------------------------------------------------------------------------


@check(
    points=3,
    needs="training_is_logged",
    hint="a coin for each example in each step: no shuffling, no batches of one size",
)
def test_batches_are_drawn_as_logged(trainings):
    """Each example is in each batch with the logged probability, independently: the promise rests on it"""
    for one in trainings:
        n, q, steps = one.data.n, one.rate, one.steps
        chosen = np.zeros((steps, n))
        for step, (_, batch) in enumerate(one.data.asked):
            chosen[step, batch] = 1
        if q == 1:
            if not chosen.all():
                wrong("train: with rate 1 everybody is in every batch.")
            continue
        spread = n * q * (1 - q)
        sizes = (chosen.sum(axis=1) - n * q) / math.sqrt(spread)
        often = (chosen.sum(axis=0) - steps * q) / math.sqrt(steps * q * (1 - q))
        again = float((chosen[1:] * chosen[:-1]).sum() - (steps - 1) * n * q * q) if steps > 1 else 0.0
        likely = abs(sizes.sum()) / math.sqrt(steps) < 6
        tight = steps * q > 5  # else a binomial is too far from normal
        likely &= between((sizes**2).sum(), steps) and (not tight or between((often**2).sum(), n))
        likely &= abs(again) < 8 * math.sqrt((steps - 1) * n * q * q * (1 + 2 * q)) + 8
        if not likely:
            wrong("train: the batches are not drawn as a rate says: by a coin for each example in each step.")


def between(statistic, freedom):
    """Whether a chi-square statistic is neither too large nor too small, a little wider than its law."""
    return 0.85 * chi2.ppf(TINY, freedom) < statistic < 1.15 * chi2.isf(TINY, freedom) + 5


@check(
    points=3,
    needs="training_is_logged",
    hint="the update is the README's, with the clip and the noise that are logged, fresh in each step",
)
def test_noise_is_what_the_log_says(trainings):
    """What moved the weights beside the clipped gradients is normal noise of the logged size"""
    drawn = [one.drawn() for one in trainings]
    z = np.concatenate([part.ravel() for part in drawn])
    if not 0.98 * chi2.ppf(TINY, z.size) < (z**2).sum() < 1.02 * chi2.isf(TINY, z.size):
        wrong("train: the noise has not the logged size.")
    if not (abs(z.mean()) * math.sqrt(z.size) <= 6 and abs((z**4).mean() - 3) <= 7 * math.sqrt(96 / z.size)):
        wrong("train: the noise is not normal.")
    known = [directions(one) for one in trainings]
    for name in known[0]:
        along = np.concatenate([projected(part, ways[name]) for part, ways in zip(drawn, known, strict=True)])
        if not abs(along.sum()) <= 6 * math.sqrt(max(len(along), 1)):
            wrong("train: the noise knows where the data want to go.")
    for part in drawn:
        if not abs((part[1:] * part[:-1]).sum()) <= 6 * math.sqrt(part[1:].size):
            wrong("train: the noise of one step is found again in the next.")


def projected(noise, towards):
    """Return the noise of each step along a direction that was known before: standard normal."""
    length = np.linalg.norm(towards, axis=1)
    return (noise * towards).sum(axis=1)[length > 0] / length[length > 0]


def directions(one):
    """Return ways that noise must not know, one for each step."""
    raw = np.array([one.data.gradients_of(*asked).sum(axis=0) for asked in one.data.asked])
    return {"sums": one.sums(), "raw": raw, "back": one.weights[:-1], "goal": goal(one)}


def goal(one):
    """Return from each step's weights the way to those that separate the classes best."""
    data = one.data
    best = data.turn[:, : len(data.centre)] @ (data.centre / data.scale)
    return best - one.weights[:-1]


@check(
    points=3,
    needs=("batches_are_drawn_as_logged", "noise_is_what_the_log_says"),
    hint="noise, rate and steps together make epsilon: ask the accountant before the training",
)
def test_budget_is_kept(trainings, accountant):
    """The logged noise, rate and steps cost no more than the epsilon that was promised"""
    for one in trainings:
        if not one.epsilon <= accountant.target * 1.001:
            wrong("train: an independent accountant finds more than the target from noise, rate and steps.")


@check(
    points=2, needs="training_is_logged", hint="is every gradient clipped, and is there noise in every place?"
)
def test_attack_finds_no_more_than_promised(trainings, accountant):
    """An attack on planted examples cannot refute the promise"""
    caught = members = alarms = others = 0
    for one in trainings:
        hidden = one.data.turn[:, -len(one.data.inside) :]  # a direction for each canary
        moved = (one.weights[0] - one.weights[-1]) @ hidden
        called = (
            moved > one.learning_rate * one.steps * one.clip / one.data.n / 2
        )  # half of a member's own push
        inside = one.data.inside
        caught, members = caught + int((called & inside).sum()), members + int(inside.sum())
        alarms, others = alarms + int((called & ~inside).sum()), others + int((~inside).sum())
    found = audited_epsilon(caught, members, alarms, others, delta=accountant.delta, confidence=1 - 1e-6)
    if not found <= accountant.target:
        wrong("train: the attack tells who was in the data more often than the target allows.")


@metric(
    points=8,
    better="lower",
    unit="points of accuracy lost against the best possible, at epsilon 1",
    needs=("budget_is_kept", "attack_finds_no_more_than_promised"),
    hint="larger batches buy less noise on the mean; clip where gradients are, not far above",
)
def test_learns_within_the_budget(trainings, show):
    """The model is useful although it tells so little of each example"""
    lost = []
    for number, one in enumerate(trainings, 1):
        best = one.data.accuracy(
            one.data.turn[:, : len(one.data.centre)] @ (one.data.centre / one.data.scale)
        )
        reached = one.data.accuracy(one.model)
        lost.append(100 * (best - reached))
        told = f"accuracy {reached:.1%}, at best {best:.1%}; epsilon {one.epsilon:.3f}"
        how = f"noise {one.noise:.3g}, rate {one.rate:.3g}, {one.steps} steps, clip {one.clip:.3g}"
        show.text(f"Training {number}", f"{told}\n{how}")
    spread = 2 * float(np.std(lost, ddof=1)) / len(lost) ** 0.5
    mean = float(np.mean(lost))
    return Measurement(
        value=mean,
        low=mean - spread,
        high=mean + spread,
        interval="two standard errors over tasks",
        n=len(lost),
        notes=tuple(f"task {number}: {one:.1f}" for number, one in enumerate(lost, 1)),
    )


# ---- membership inference --------------------------------------------------------------------


@check(points=2, hint="a threshold calls all or none of those with the same score")
def test_rate_at_few_false_alarms(handed_in, rng):
    """caught_at is the best that one threshold does within the allowed false alarms, ties included"""
    for decimals in (0, 1, 6):
        members = rng.permutation(np.repeat([True, False], [70, 90]))
        scores = np.round(rng.normal(size=160) + members, decimals)
        for allowed in (0.0, float(rng.uniform(0.02, 0.2)), 1.0):
            truth = 0.0
            for threshold in scores:
                if sum(scores[~members] >= threshold) <= allowed * 90 + 1e-9:
                    truth = max(truth, sum(scores[members] >= threshold) / 70)
            answer = expect_number(handed_in.caught_at(scores, members, allowed), what="caught_at")
            assert_close(answer, truth, what="caught_at(scores, members, false_alarms)")


# ---- redaction -------------------------------------------------------------------------------


@check(
    points=3,
    needs="redact_finds_each_kind",
    hint="Luhn tells cards from other numbers; a byte is at most 255; a full stop ends a sentence",
)
def test_redact_leaves_the_rest_alone(handed_in, letters):
    """Order numbers, dates and versions stay, all kinds in one text go, once and for all"""
    for text, truth in letters(75, lookalikes=True):
        answer = expect_text(handed_in.redact(text), what="redact(text)")
        if answer != truth:
            wrong("redact: something personal stayed, or something else went.")
        if handed_in.redact(answer) != answer:
            wrong("redact: redacting again changes the text.")
    if handed_in.redact("") != "":
        wrong("redact: an empty text stays empty.")
