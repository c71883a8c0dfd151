"""Whitened columns and accelerated gradient steps; neighbours by partition; a Gaussian for each class."""

import numpy as np


def _whitened(x):
    """Return columns that are uncorrelated and of unit size, and the matrix that made them from centred x."""
    centre = x.mean(axis=0)
    _, sizes, axes = np.linalg.svd(x - centre, full_matrices=False)
    kept = sizes > 1e-10 * sizes.max()
    to = axes[kept].T / sizes[kept] * np.sqrt(len(x))
    return (x - centre) @ to, to, centre


def fit_linear(x, y, penalty=0.0):
    centre = x.mean(axis=0)
    left, sizes, axes = np.linalg.svd(x - centre, full_matrices=False)
    kept = sizes > 1e-10 * max(sizes.max(), 1e-300)
    shrunk = np.zeros_like(sizes)
    shrunk[kept] = sizes[kept] / (sizes[kept] ** 2 + len(x) * penalty)
    weights = axes.T @ (shrunk * (left.T @ (y - y.mean())))
    return weights, y.mean() - centre @ weights


def predict_logistic(x, weights, bias):
    return (1 + np.tanh((x @ weights + bias) / 2)) / 2


def logistic_loss(x, y, weights, bias, penalty=0.0):
    margin = np.where(y == 1, 1.0, -1.0) * (x @ weights + bias)
    loss = np.maximum(-margin, 0) + np.log1p(np.exp(-np.abs(margin)))
    error = predict_logistic(x, weights, bias) - y
    return (
        np.mean(loss) + 0.5 * penalty * np.dot(weights, weights),
        np.einsum("n,nd->d", error, x) / len(x) + penalty * weights,
        np.mean(error),
    )


def fit_logistic(x, y, penalty):
    z, to, centre = _whitened(x)
    metric = to.T @ to  # |w|² = vᵀ metric v for w = to v
    n = len(x)
    size = 1 / (0.5 + penalty * np.linalg.eigvalsh(metric).max())
    v, b = np.zeros(z.shape[1]), 0.0
    ahead, ahead_b, momentum = v, b, 1.0
    loss = np.inf
    for turn in range(20_000):
        scores = z @ ahead + ahead_b
        error = predict_logistic(z, ahead, ahead_b) - y
        new = ahead - size * (z.T @ error / n + penalty * metric @ ahead)
        new_b = ahead_b - size * error.mean()
        after = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        uphill = (ahead - new) @ (new - v) + (ahead_b - new_b) * (new_b - b) > 0
        if uphill:
            after = momentum = 1.0
        share = (momentum - 1) / after
        ahead, ahead_b = new + share * (new - v), new_b + share * (new_b - b)
        v, b, momentum = new, new_b, after
        if turn % 500 == 499:
            now = np.logaddexp(0, scores).mean() - (y * scores).mean() + penalty / 2 * v @ metric @ v
            if loss - now < 1e-11:
                break
            loss = now
    weights = to @ v
    return weights, b - centre @ weights


def knn_predict(train_x, train_y, x, k):
    answers = np.empty(len(x), dtype=np.int64)
    for i, row in enumerate(x):
        far = np.linalg.norm(train_x - row, axis=1)
        limit = np.partition(far, k - 1)[k - 1]
        sure = np.flatnonzero(far < limit)
        rest = np.flatnonzero(far == limit)[: k - len(sure)]
        answers[i] = np.bincount(train_y[np.concatenate([sure, rest])]).argmax()
    return answers


def fit_stump(x, y, weights=None):
    if weights is None:
        weights = np.ones(len(y))
    ones = weights * y
    zeros = weights * (1 - y)
    found = []
    for column in range(x.shape[1]):
        values = np.unique(x[:, column])
        for threshold in (values[1:] + values[:-1]) / 2:
            above = x[:, column] > threshold
            for label in (0, 1):
                missed = zeros[above].sum() + ones[~above].sum() if label else ones[above].sum() + zeros[~above].sum()
                found.append((missed, column, threshold, 1 - label, label))
    for label in (0, 1):
        found.append(((zeros if label else ones).sum(), 0, 0.0, label, label))
    return min(found)[1:]


def predict_stump(stump, x):
    column, threshold, below, above = stump
    answer = np.full(len(x), below)
    answer[x[:, column] > threshold] = above
    return answer


def classify(train_x, train_y, x):
    odds = 0.0
    for label, sign in ((1, 1), (0, -1)):
        rows = train_x[train_y == label]
        z, to, centre = _whitened(rows)
        away = (((x - centre) @ to) ** 2).sum(axis=1)
        odds = odds + sign * (np.log(len(rows)) - away / 2 + np.linalg.slogdet(to)[1])
    return (1 + np.tanh(odds / 2)) / 2
