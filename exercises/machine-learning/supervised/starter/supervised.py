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
    raise NotImplementedError("centre both, so that the bias drops out, and solve for the weights")


def predict_logistic(x: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    """Return the probability of class 1, 1 / (1 + exp(-(x w + b))), for each row.

    Args:
        x: (m, d), floating point.
        weights: (d,).
        bias: A number.

    Returns:
        (m,), from 0 to 1; scores of a million either way are no trouble.
    """
    raise NotImplementedError("the logistic function of the scores, without exp() of a large number")


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
    raise NotImplementedError("log(1 + exp(score)) - y · score, averaged; its slope by the score is p - y")


def fit_logistic(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Return the weights and the bias at which `logistic_loss` is least, but for a millionth.

    Args:
        x: (n, d), floating point; columns may differ in scale by a factor of a thousand.
        y: (n,), each 0 or 1, both present.
        penalty: Above 0.

    Returns:
        Weights (d,) and bias.
    """
    raise NotImplementedError("Newton's steps, each halved until the loss falls")


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
    raise NotImplementedError("distances, the k nearest, their votes")


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
    raise NotImplementedError("walk through each sorted column and count what would be wrong on either side")


def predict_stump(stump: Stump, x: np.ndarray) -> np.ndarray:
    """Return the class that a stump gives to each row.

    Args:
        stump: What `fit_stump` returns.
        x: (m, d).

    Returns:
        (m,), each 0 or 1.
    """
    raise NotImplementedError("ask the question of its column")


def classify(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the probability of class 1 for each row, by whatever you learn from the training rows.

    Args:
        train_x: (n, 4), floating point; columns of very different scale.
        train_y: (n,), each 0 or 1.
        x: (m, 4), from the same source; each row is judged on its own.

    Returns:
        (m,), from 0 to 1.
    """
    raise NotImplementedError("any learner, on any columns that you make of these")
