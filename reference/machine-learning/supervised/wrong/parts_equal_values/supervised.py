from __future__ import annotations
import numpy as np

Stump = tuple[int, float, int, int]
"Column, threshold, the class at or below the threshold, the class above."


def fit_linear(x: np.ndarray, y: np.ndarray, penalty: float = 0.0) -> tuple[np.ndarray, float]:
    centre, middle = (x.mean(axis=0), y.mean())
    further = np.sqrt(len(x) * penalty) * np.eye(x.shape[1])
    rows = np.vstack([x - centre, further])
    targets = np.concatenate([y - middle, np.zeros(x.shape[1])])
    weights = np.linalg.lstsq(rows, targets)[0]
    return (weights, float(middle - centre @ weights))


def predict_logistic(x: np.ndarray, weights: np.ndarray, bias: float) -> np.ndarray:
    scores = x @ weights + bias
    small = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1, small) / (1 + small)


def logistic_loss(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, bias: float, penalty: float = 0.0
) -> tuple[float, np.ndarray, float]:
    scores = x @ weights + bias
    losses = np.logaddexp(0, scores) - y * scores
    slopes = predict_logistic(x, weights, bias) - y
    loss = losses.mean() + penalty / 2 * weights @ weights
    return (float(loss), x.T @ slopes / len(x) + penalty * weights, float(slopes.mean()))


def fit_logistic(x: np.ndarray, y: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    weights, bias = (np.zeros(x.shape[1]), 0.0)
    loss, slope, bias_slope = logistic_loss(x, y, weights, bias, penalty)
    columns = np.column_stack([x, np.ones(len(x))])
    ridge = penalty * np.diag([*np.ones(x.shape[1]), 0])
    for _ in range(100):
        p = predict_logistic(x, weights, bias)
        curvature = columns.T * (p * (1 - p)) @ columns / len(x) + ridge
        step = np.linalg.lstsq(curvature, np.append(slope, bias_slope))[0]
        shorter = 1.0
        while shorter > 1e-09:
            nearer = (weights - shorter * step[:-1], bias - shorter * step[-1])
            below, slope, bias_slope = logistic_loss(x, y, *nearer, penalty)
            if below <= loss:
                break
            shorter /= 2
        gain, (weights, bias), loss = (loss - below, nearer, below)
        if gain < 1e-12:
            break
    return (weights, float(bias))


def knn_predict(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray, k: int) -> np.ndarray:
    distances = ((x[:, None, :] - train_x[None, :, :]) ** 2).sum(axis=2)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    votes = train_y[nearest][:, :, None] == np.arange(train_y.max() + 1)
    return votes.sum(axis=1).argmax(axis=1)


def fit_stump(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Stump:
    weights = np.ones(len(y)) if weights is None else weights
    signed = np.where(y == 1, weights, -weights)
    majority = int(signed.sum() > 0)
    best: Stump = (0, 0.0, majority, majority)
    least = weights[y != majority].sum()
    for column in range(x.shape[1]):
        order = np.argsort(x[:, column])
        values = x[order, column]
        ones_less_zeros = np.cumsum(signed[order])[:-1]
        wrong_if_zero_below = weights[y == 0].sum() + ones_less_zeros
        wrong_if_one_below = weights[y == 1].sum() - ones_less_zeros
        for below, errors in ((0, wrong_if_zero_below), (1, wrong_if_one_below)):
            errors = errors
            place = int(errors.argmin())
            if errors[place] < least:
                least = errors[place]
                best = (column, float(values[place] + values[place + 1]) / 2, below, 1 - below)
    return best


def predict_stump(stump: Stump, x: np.ndarray) -> np.ndarray:
    column, threshold, below, above = stump
    return np.where(x[:, column] <= threshold, below, above)


def classify(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    centre, scale = (train_x.mean(axis=0), train_x.std(axis=0))

    def columns(rows: np.ndarray) -> np.ndarray:
        z = (rows - centre) / scale
        first, second = np.triu_indices(z.shape[1])
        return np.hstack([z, z[:, first] * z[:, second]])

    weights, bias = fit_logistic(columns(train_x), train_y, penalty=0.001)
    return predict_logistic(columns(x), weights, bias)
