"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LinearRegression

from harness.grading import assert_close, check, metric, wrong
from harness.metrics.classification import (
    accuracy,
    accuracy_interval,
    brier_score,
    calibration_error,
    excess_calibration_error,
)
from harness.metrics.intervals import Interval, basic_bootstrap, measurement

# ---- a line ----------------------------------------------------------------------------------


@check(points=3, needs="fits_a_line", hint="a Gram matrix may be singular: np.linalg.lstsq or pinv, not inv")
def test_line_survives_dependent_columns(learners, sizes, line, rng):
    """A column that says nothing, and two that say the same, do not spoil the line"""
    rows, width = sizes()
    x = rng.normal(size=(rows, width))
    x = np.column_stack([x, np.zeros(rows), x[:, 0], 2 * x[:, 1] - 1])
    y = x @ rng.normal(size=width + 3) + 2 + rng.normal(size=rows)
    truth = LinearRegression().fit(x[:, :width], y).predict(x[:, :width])
    found = line(learners.fit_linear(x, y), width + 3, "fit_linear(x, y)")
    assert_close(found.scores(x), truth, rtol=1e-3, atol=1e-3, what="x w + b with dependent columns")


# ---- a logistic line -------------------------------------------------------------------------


@check(
    points=3,
    needs="knows_the_slope_of_its_loss",
    hint="log(p) is lost where p has become 0: log(1 + exp(s)) - y s, as np.logaddexp(0, s) - y s",
)
def test_loss_survives_large_scores(learners, parts_of, sizes, rng):
    """The loss of a confident mistake is large, and a number"""
    rows, width = sizes()
    x, weights, bias = 1e4 * rng.normal(size=(rows, width)), rng.normal(size=width), 0.5
    y, scores = rng.integers(2, size=rows), x @ weights + bias
    loss, slope, bias_slope = parts_of(learners.logistic_loss(x, y, weights, bias), width)
    assert_close(loss, np.where(y == 1, -scores, scores).clip(0).mean(), what="the loss of scores of 10,000")
    errors = expit(scores) - y
    assert_close(slope, x.T @ errors / rows, rtol=1e-3, atol=1e-2, what="the slope by the weights")
    assert_close(bias_slope, errors.mean(), what="the slope by the bias")


@check(
    points=3,
    needs="finds_the_least_loss",
    hint="steps of one length suit one scale: use the curvature (Newton), or standardise and convert back",
)
def test_finds_it_on_unequal_scales(learners, require_least, rng):
    """Columns of very different scale, far from zero, or rarely of class 1, are no obstacle"""
    rows, width = 300, 4
    z = rng.normal(size=(rows, width))
    y = (rng.random(rows) < expit(z @ rng.normal(size=width) - 1)).astype(int)
    y[:4] = 0, 1, 0, 1
    scale = rng.permutation(10 ** np.linspace(-1.5, 1.5, width))
    require_least((z + rng.normal(size=width)) * scale, y, 1e-3)
    parted = (z[:, 0] > 1).astype(int)  # a column tells the classes apart: only the penalty holds the weights
    parted[:2], z[:2, 0] = (0, 1), (0, 2)
    require_least(z, parted, 1e-3)


# ---- neighbours ------------------------------------------------------------------------------


@check(
    points=3,
    needs="asks_the_nearest",
    hint="argsort(kind='stable') keeps the order of equals; argmax takes the first of equals",
)
def test_ties_have_a_rule(learners, rng):
    """Of rows equally far the earlier counts, of classes with equal votes the smallest wins"""
    for k in (1, 2, 4, 6):
        train_x = rng.integers(-1, 2, size=(60, 2)).astype(float)
        train_y = 2 * rng.integers(4, size=60)  # some numbers below the largest stand for no class
        x = rng.integers(-1, 2, size=(40, 2)).astype(float)
        truth = [voted(train_x, train_y, row, k) for row in x]
        assert_close(learners.knn_predict(train_x, train_y, x, k), truth, what=f"knn_predict with k = {k}")


def voted(train_x, train_y, row, k):
    """Return the class of one row as one would find it with pencil and paper."""
    far = sorted((sum((row - other) ** 2), place) for place, other in enumerate(train_x))
    votes = [int(train_y[place]) for _, place in far[:k]]
    return min(set(votes), key=lambda label: (-votes.count(label), label))


@check(
    points=3,
    needs="asks_the_nearest",
    hint="|a|² - 2ab + |b|² loses small differences of large numbers: subtract first",
)
def test_neighbours_far_from_zero(learners, rng):
    """Where zero lies does not matter to who is near"""
    width, k = 3, 5
    train_x, train_y = rng.normal(size=(80, width)) + 1e8, rng.integers(3, size=80)
    x = rng.normal(size=(150, width)) + 1e8
    far = np.sort(((x[:, None] - train_x) ** 2).sum(axis=2), axis=1)
    x = x[far[:, k] - far[:, k - 1] > 1e-4]  # rows for which no rounding decides
    truth = [voted(train_x, train_y, row, k) for row in x]
    assert_close(learners.knn_predict(train_x, train_y, x, k), truth, what="knn_predict far from zero")


# ---- a stump ---------------------------------------------------------------------------------


@check(
    points=3,
    needs="stump_makes_the_fewest_mistakes",
    hint="add up the weights of the wrong rows, not their number",
)
def test_stump_minds_the_weights(learners, sizes, stump, fewest, rng):
    """Rows count by their weight, and the threshold lies halfway between two values"""
    for _ in range(8):
        rows, width = sizes()
        x, y = rng.integers(0, 12, size=(rows, width)).astype(float), rng.integers(2, size=rows)
        weights = rng.exponential(size=rows) ** 2
        weights[rng.permutation(rows)[: rows // 3]] = 0
        found = stump(learners.fit_stump(x, y, weights), width)
        made, least = float(weights[found.predict(x) != y].sum()), fewest(x, y, weights)
        if made > least + 1e-9 * weights.sum():
            wrong("fit_stump(x, y, weights): there is a stump that misclassifies less weight.")
        values = np.unique(x[:, found.column])
        middles = (values[1:] + values[:-1]) / 2
        if found.below != found.above and np.abs(middles - found.threshold).min() > 1e-6:
            wrong("fit_stump(x, y, weights): the threshold is not halfway between two neighbouring values.")


@check(
    points=3,
    needs="stump_makes_the_fewest_mistakes",
    hint="no threshold parts equal values; and where no question helps, the heavier class is the answer",
)
def test_stump_knows_when_not_to_ask(learners, stump, fewest, rng):
    """Columns that say nothing, and classes that no question parts, get a sensible stump"""
    rows = int(rng.integers(30, 40))
    for turn in range(20):
        kept = turn % 2
        y = np.full(rows, kept)
        y[: rows // 3] = 1 - kept
        y = y if turn < 2 else rng.permutation(y)
        x = np.repeat(rng.normal(size=(1, 3)), rows, axis=0)
        found = stump(learners.fit_stump(x, y), 3)
        if (found.predict(x) != y).sum() > rows // 3:
            wrong("fit_stump where all rows are alike: the commoner class is the best answer.")
        x[:, 2] = rng.integers(2, size=rows)
        found = stump(learners.fit_stump(x, y), 3)
        if (found.predict(x) != y).sum() > fewest(x, y, np.ones(rows)):
            wrong("fit_stump with few different values: there is a stump that does better.")


# ---- a classifier of your own ----------------------------------------------------------------


@check(
    points=3, hint="means and scales come from the training rows; a row to predict lends nothing to another"
)
def test_judges_each_row_alone(judged, ask_classify):
    """A row gets the same probability alone, among others, and beside strange ones"""
    few = judged.x[:5]
    if np.ptp(judged.probabilities) < 0.2:
        wrong("classify gives much the same probability to all rows.")
    strange = np.vstack([few, 1e3 * judged.x[5:9]])
    beside = ask_classify(judged.train_x, judged.train_y, strange)[:5]
    assert_close(
        beside, judged.probabilities[:5], atol=1e-6, what="classify of five rows beside strange ones"
    )
    alone = ask_classify(judged.train_x, judged.train_y, few[:1])
    assert_close(alone, judged.probabilities[:1], atol=1e-6, what="classify of one row")


@metric(
    points=4,
    better="higher",
    unit="share of 8,000 unseen rows that are judged rightly",
    needs=test_judges_each_row_alone,
    hint="the classes differ in spread rather than in mean: a straight boundary cannot part them",
)
def test_judges_unseen_rows(judged, show):
    """The classifier is right about rows that it has not seen"""
    value = accuracy(judged.classes, judged.y)
    best = accuracy((judged.source.posterior(judged.x) > 0.5).astype(int), judged.y)
    show.text(
        "Held-out accuracy",
        f"yours {value:.1%}; whoever knew the source {best:.1%}; a coin 50 %",
        caption=f"Brier score, lower is better: {brier_score(judged.pairs, judged.y):.3f}",
    )
    return measurement(value, accuracy_interval(judged.classes, judged.y), len(judged.y))


@metric(
    points=5,
    better="lower",
    unit="calibration error beyond chance",
    needs=test_judges_unseen_rows,
    hint="of rows that are given 0.8, 80 % should be of class 1: penalise, average, or vote among many",
)
def test_probabilities_mean_what_they_say(judged, rng, show):
    """Of rows that get 80 %, 80 % are of class 1"""
    value = excess_calibration_error(judged.pairs, judged.y, seed=rng.seed())
    bins = np.minimum((judged.probabilities * 10).astype(int), 9)
    counts = np.bincount(bins, minlength=10)
    shares = np.bincount(bins, weights=judged.y, minlength=10) / counts.clip(1)
    show.curve(
        "Reliability",
        shares[counts > 0],
        x_label="predicted, from 0 to 1 in tenths",
        y_label="share of class 1",
    )
    rows = np.column_stack([judged.pairs, judged.y])
    spread = basic_bootstrap(
        lambda drawn: calibration_error(drawn[:, :2], drawn[:, 2].astype(int)), rows, seed=rng.seed()
    )
    floor = calibration_error(judged.pairs, judged.y) - value
    interval = Interval(low=spread.low - floor, high=spread.high - floor, kind=spread.kind)
    return measurement(value, interval, len(judged.y), f"{floor:.3f} would be read of perfect probabilities")
