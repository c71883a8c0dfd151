"""Four learners from arrays: a line, a logistic line, nearest neighbours and a stump, and a classifier of your own.

Shapes are written at the end of lines: n counts training rows, m rows to predict, d columns.
"""

from __future__ import annotations

import numpy as np

Stump = tuple[int, float, int, int]
"""Column, threshold, the class at or below the threshold, the class above."""


def fit_linear(x: np.ndarray, y: np.ndarray, penalty: float = 0.0) -> tuple[np.ndarray, float]:
    """Return the weights and the bias that minimise mean((x w + b - y)²) / 2 + penalty / 2 · |w|².

    Args:
        x: (n, d), floating point.
        y: (n,), real numbers.
        penalty: At least 0; the bias is not penalised.

    Returns:
        Weights (d,) and bias. Where several minimise it, any of them.
    """
    ### BEGIN SOLUTION centre both, so that the bias drops out, and solve for the weights
    centre, middle = x.mean(axis=0), y.mean()
    # The penalty as d further rows: |sqrt(n·penalty) w - 0|² is what it adds to the squared errors.
    further = np.sqrt(len(x) * penalty) * np.eye(x.shape[1])  # (d, d)
    rows = np.vstack([x - centre, further])  # (n + d, d)
    targets = np.concatenate([y - middle, np.zeros(x.shape[1])])  # (n + d,)
    weights = np.linalg.lstsq(rows, targets)[0]  # (d,)
    return weights, float(middle - centre @ weights)
    ### END SOLUTION


def predict_logistic(x: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    """Return the probability of class 1, 1 / (1 + exp(-(x w + b))), for each row.

    Args:
        x: (m, d), floating point.
        weights: (d,).
        bias: A number.

    Returns:
        (m,), from 0 to 1; scores of a million either way are no trouble.
    """
    ### BEGIN SOLUTION the logistic function of the scores, without exp() of a large number
    scores = x @ weights + bias  # (m,)
    small = np.exp(-np.abs(scores))  # (m,), from 0 to 1
    return np.where(scores >= 0, 1, small) / (1 + small)
    ### END SOLUTION


def logistic_loss(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: float, penalty: float = 0.0
) -> tuple[float, np.ndarray, float]:
    """Return the penalised mean log-loss and its gradient.

    The loss is mean(-log p(y)) + penalty / 2 · |w|², in nats, where p(1) is what `predict_logistic` gives.

    Args:
        x: (n, d), floating point.
        y: (n,), each 0 or 1.
        weights: (d,).
        bias: A number; it is not penalised.
        penalty: At least 0.

    Returns:
        The loss, its derivatives by the weights (d,), and its derivative by the bias.
    """
    ### BEGIN SOLUTION log(1 + exp(score)) - y · score, averaged; its slope by the score is p - y
    scores = x @ weights + bias  # (n,)
    losses = np.logaddexp(0, scores) - y * scores  # (n,)
    slopes = predict_logistic(x, weights, bias) - y  # (n,)
    loss = losses.mean() + penalty / 2 * weights @ weights
    return float(loss), x.T @ slopes / len(x) + penalty * weights, float(slopes.mean())
    ### END SOLUTION


def fit_logistic(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Return the weights and the bias at which `logistic_loss` is least, but for a millionth.

    Args:
        x: (n, d), floating point; columns may differ in scale by a factor of a thousand.
        y: (n,), each 0 or 1, both present.
        penalty: Above 0.

    Returns:
        Weights (d,) and bias.
    """
    ### BEGIN SOLUTION Newton's steps, each halved until the loss falls
    weights, bias = np.zeros(x.shape[1]), 0.0
    loss, slope, bias_slope = logistic_loss(x, y, weights, bias, penalty)
    columns = np.column_stack([x, np.ones(len(x))])  # (n, d + 1)
    ridge = penalty * np.diag([*np.ones(x.shape[1]), 0])  # (d + 1, d + 1)
    for _ in range(100):
        p = predict_logistic(x, weights, bias)  # (n,)
        curvature = (columns.T * (p * (1 - p))) @ columns / len(x) + ridge  # (d + 1, d + 1)
        step = np.linalg.lstsq(curvature, np.append(slope, bias_slope))[0]  # (d + 1,)
        shorter = 1.0
        while shorter > 1e-9:
            nearer = weights - shorter * step[:-1], bias - shorter * step[-1]
            below, slope, bias_slope = logistic_loss(x, y, *nearer, penalty)
            if below <= loss:
                break
            shorter /= 2
        gain, (weights, bias), loss = loss - below, nearer, below
        if gain < 1e-12:
            break
    return weights, float(bias)
    ### END SOLUTION


def knn_predict(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray, k: int) -> np.ndarray:
    """Return for each row the class that most of its k nearest training rows have.

    Args:
        train_x: (n, d), floating point.
        train_y: (n,), integers of 0 or more.
        x: (m, d).
        k: From 1 to n. Distances are Euclidean; of rows equally far the earlier one is nearer.

    Returns:
        (m,), integers; of classes with equally many votes the smallest.
    """
    ### BEGIN SOLUTION distances, the k nearest, their votes
    distances = ((x[:, None, :] - train_x[None, :, :]) ** 2).sum(axis=2)  # (m, n)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]  # (m, k)
    votes = train_y[nearest][:, :, None] == np.arange(train_y.max() + 1)  # (m, k, classes)
    return votes.sum(axis=1).argmax(axis=1)
    ### END SOLUTION


def fit_stump(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Stump:
    """Return the tree of one question that misclassifies the least weight of training rows.

    Args:
        x: (n, d), floating point.
        y: (n,), each 0 or 1.
        weights: (n,), how much each row counts, 0 or more, not all 0; None counts all alike.

    Returns:
        (column, threshold, below, above): a row is of class `below` where x[column] <= threshold, else
        of class `above`. The threshold lies halfway between the two neighbouring values of the column that
        it parts; of several best stumps any. If no question helps, both classes are the heavier one
        and the threshold is any number.
    """
    ### BEGIN SOLUTION walk through each sorted column and count what would be wrong on either side
    weights = np.ones(len(y)) if weights is None else weights
    signed = np.where(y == 1, weights, -weights)  # (n,) above 0 for class 1
    majority = int(signed.sum() > 0)
    best: Stump = (0, 0.0, majority, majority)
    least = weights[y != majority].sum()
    for column in range(x.shape[1]):
        order = np.argsort(x[:, column])  # (n,)
        values = x[order, column]
        ones_less_zeros = np.cumsum(signed[order])[:-1]  # (n - 1,) at or below each place
        wrong_if_zero_below = weights[y == 0].sum() + ones_less_zeros
        wrong_if_one_below = weights[y == 1].sum() - ones_less_zeros
        for below, errors in ((0, wrong_if_zero_below), (1, wrong_if_one_below)):
            errors = np.where(values[1:] > values[:-1], errors, np.inf)  # no question parts equal values
            place = int(errors.argmin())
            if errors[place] < least:
                least = errors[place]
                best = (column, float(values[place] + values[place + 1]) / 2, below, 1 - below)
    return best
    ### END SOLUTION


def predict_stump(stump: Stump, x: np.ndarray) -> np.ndarray:
    """Return the class that a stump gives to each row.

    Args:
        stump: What `fit_stump` returns.
        x: (m, d).

    Returns:
        (m,), each 0 or 1.
    """
    ### BEGIN SOLUTION ask the question of its column
    column, threshold, below, above = stump
    return np.where(x[:, column] <= threshold, below, above)
    ### END SOLUTION


def classify(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the probability of class 1 for each row, by whatever you learn from the training rows.

    Args:
        train_x: (n, 4), floating point; columns of very different scale.
        train_y: (n,), each 0 or 1.
        x: (m, 4), from the same source; each row is judged on its own.

    Returns:
        (m,), from 0 to 1.
    """
    ### BEGIN SOLUTION any learner, on any columns that you make of these
    centre, scale = train_x.mean(axis=0), train_x.std(axis=0)  # of the training rows, for both

    def columns(rows: np.ndarray) -> np.ndarray:
        """Return the standardised columns and all their products, (rows, 14): a boundary that may bend."""
        z = (rows - centre) / scale
        first, second = np.triu_indices(z.shape[1])
        return np.hstack([z, z[:, first] * z[:, second]])

    weights, bias = fit_logistic(columns(train_x), train_y, penalty=1e-3)
    return predict_logistic(columns(x), weights, bias)
    ### END SOLUTION
