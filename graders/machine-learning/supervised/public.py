"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np
from scipy.optimize import approx_fprime
from scipy.special import expit
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier

from harness.grading import assert_close, check, wrong

# ---- a line ----------------------------------------------------------------------------------


@check(points=3, hint="subtract the means, or add a column of ones: without a bias the line goes through 0")
def test_fits_a_line(learners, sizes, line, rng):
    """fit_linear finds the line of least squares, with its bias"""
    rows, width = sizes()
    x = rng.normal(size=(rows, width)) + rng.normal(scale=3, size=width)
    y = x @ rng.normal(size=width) + 5 + rng.normal(size=rows)
    truth = LinearRegression().fit(x, y)
    found = line(learners.fit_linear(x, y), width, "fit_linear(x, y)")
    assert_close(found.weights, truth.coef_, what="the weights of fit_linear(x, y)")
    assert_close(found.bias, truth.intercept_, what="the bias of fit_linear(x, y)")


@check(points=3, needs=test_fits_a_line, hint="mean, not sum, of the squared errors; and the bias goes free")
def test_shrinks_the_weights_alone(learners, sizes, line, rng):
    """A penalty shrinks the weights and leaves the bias free"""
    rows, width = sizes()
    x, penalty = rng.normal(size=(rows, width)) + 2, float(rng.uniform(0.3, 1.0))
    y = x @ (1 + rng.normal(size=width)) + 50 + rng.normal(size=rows)
    truth = Ridge(alpha=rows * penalty, solver="svd").fit(x, y)
    found = line(learners.fit_linear(x, y, penalty), width, "fit_linear(x, y, penalty)")
    assert_close(found.weights, truth.coef_, what="the weights of fit_linear(x, y, penalty)")
    assert_close(found.bias, truth.intercept_, what="the bias of fit_linear(x, y, penalty)")


# ---- a logistic line -------------------------------------------------------------------------


@check(points=2, hint="1 / (1 + exp(-score)); exp() only of what is below 0")
def test_turns_scores_into_probabilities(learners, sizes, rng):
    """predict_logistic is the logistic function of the score, large scores included"""
    rows, width = sizes()
    x, weights, bias = rng.normal(size=(rows, width)), rng.normal(size=width), float(rng.normal())
    for stretch in (1.0, 1e6):
        answer = learners.predict_logistic(stretch * x, weights, bias)
        truth = expit(stretch * x @ weights + bias)
        assert_close(answer, truth, atol=1e-9, what=f"predict_logistic of scores around {stretch:,.0f}")


@check(
    points=3,
    needs=test_turns_scores_into_probabilities,
    hint="the gradient is the mean of (p - y) · x, plus penalty · w",
)
def test_knows_the_slope_of_its_loss(learners, parts_of, sizes, rng):
    """logistic_loss is the mean log-loss with its penalty, and its gradient is that of finite differences"""
    rows, width = sizes()
    x, y = rng.normal(size=(rows, width)), rng.integers(2, size=rows)
    weights, bias, penalty = rng.normal(size=width), float(rng.normal()), float(rng.uniform(0.2, 1))

    def truth(point):
        p = expit(x @ point[:-1] + point[-1])
        return log_loss(y, p, labels=[0, 1]) + penalty / 2 * (point[:-1] ** 2).sum()

    loss, slope, bias_slope = parts_of(learners.logistic_loss(x, y, weights, bias, penalty), width)
    point = np.append(weights, bias)
    differences = approx_fprime(point, truth, 1e-7)
    assert_close(loss, truth(point), what="the loss")
    assert_close(slope, differences[:-1], rtol=1e-3, atol=1e-5, what="the slope by the weights")
    assert_close(bias_slope, differences[-1], rtol=1e-3, atol=1e-5, what="the slope by the bias")


@check(points=3, hint="go on until the gradient is nearly 0; the bias is not penalised")
def test_finds_the_least_loss(learners, require_least, rng):
    """fit_logistic gets to the minimum, and does not stop halfway"""
    rows, width = 200, int(rng.integers(3, 7))
    for penalty in (0.5, 0.01):
        x = rng.normal(size=(rows, width))
        chance = expit(x @ rng.normal(size=width) + 1.5)
        y = (rng.random(rows) < chance).astype(int)
        y[:4] = 0, 1, 0, 1
        require_least(x, y, penalty)


# ---- neighbours ------------------------------------------------------------------------------


@check(points=3, hint="the k smallest distances of each row; the class that most of them have")
def test_asks_the_nearest(learners, sizes, rng):
    """knn_predict lets the k nearest rows vote"""
    for k, classes in ((1, 3), (7, 2), (12, 5)):
        rows, width = sizes()
        train_x, x = rng.normal(size=(rows, width)), rng.normal(size=(25, width))
        train_y = rng.integers(classes, size=rows)
        truth = KNeighborsClassifier(k, algorithm="brute").fit(train_x, train_y)
        answer = learners.knn_predict(train_x, train_y, x, k)
        assert_close(answer, truth.predict(x), what=f"knn_predict with k = {k} and {classes} classes")


# ---- a stump ---------------------------------------------------------------------------------


@check(points=3, hint="try every column, every gap between neighbouring values, and both ways round")
def test_stump_makes_the_fewest_mistakes(learners, sizes, stump, fewest, rng):
    """No other question about one column misclassifies fewer training rows than fit_stump's"""
    for sign in (1, -1):
        rows, width = sizes()
        x = rng.normal(size=(rows, width)) + 3
        best = int(rng.integers(1, width))
        y = (sign * x[:, best] + rng.normal(scale=0.4, size=rows) > sign * 3.2).astype(int)
        y[:2] = 0, 1
        found = stump(learners.fit_stump(x, y), width)
        made, least = int((found.predict(x) != y).sum()), fewest(x, y, np.ones(rows))
        if made > least:
            wrong(f"fit_stump(x, y) misclassifies {made} of {rows} rows; there is a stump that does better.")


@check(points=3, hint="np.where(x[:, column] <= threshold, below, above)")
def test_stump_answers_its_question(learners, sizes, rng):
    """predict_stump gives the one class up to the threshold and the other above"""
    rows, width = sizes()
    x = rng.integers(-3, 4, size=(rows, width)).astype(float)
    for below, above in ((0, 1), (1, 0), (1, 1)):
        column, threshold = int(rng.integers(width)), float(rng.integers(-1, 2))
        truth = [above if row[column] > threshold else below for row in x]
        answer = learners.predict_stump((column, threshold, below, above), x)
        assert_close(answer, truth, what=f"predict_stump((…, {below}, {above}), x)")
