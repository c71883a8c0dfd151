import numpy as np


class Table:
    def __init__(self, values):
        self.values = np.asarray(values, dtype=np.longdouble)

    def only(self, axis, value):
        return Table(np.expand_dims(np.take(self.values, value, axis=axis), axis))

    def without(self, axis):
        return Table(self.values.sum(axis=axis, keepdims=True))


def marginal(joint, keep):
    table = Table(joint)
    for axis in set(range(joint.ndim)) - set(keep):
        table = table.without(axis)
    gone = [axis for axis in range(joint.ndim) if axis not in keep]
    return np.squeeze(table.values.transpose(*keep, *gone), tuple(range(len(keep), joint.ndim))).astype(float)


def condition(joint, given):
    table = Table(joint)
    for axis, value in given.items():
        table = table.only(axis, value)
    total = table.values.sum()
    if total <= 0:
        raise ValueError(f"{given} has probability 0")
    return np.squeeze(table.values / total, tuple(given)).astype(np.float64)


def posterior(prior, likelihood, observations):
    logs = np.full(likelihood.shape, -1e30)
    np.log(likelihood, out=logs, where=likelihood > 0)
    belief = np.where(prior > 0, np.log(np.maximum(prior, 1e-300)), -1e30) + logs[:, observations].sum(axis=1)
    return np.exp(belief - np.logaddexp.reduce(belief))


def sample_discrete(probabilities, uniforms):
    above = uniforms[:, None] < np.cumsum(probabilities)[None]
    above[:, np.flatnonzero(probabilities > 0)[-1]] = True
    return above.argmax(axis=1)


def laplace_quantile(uniforms, location, scale):
    answer = np.empty_like(uniforms)
    left = uniforms <= 0.5
    answer[left] = np.log(2 * uniforms[left])
    answer[~left] = -np.log(2 * (1 - uniforms[~left]))
    return answer * scale + location


def sample_by_rejection(density, bound, low, high, count, seed):
    rng = np.random.Generator(np.random.MT19937(seed))

    def batches():
        while True:
            points = rng.uniform(low, high, max(count // 2, 50))
            yield points[density(points) > rng.uniform(high=bound, size=points.size)]

    pieces, total = [], 0
    for piece in batches():
        pieces.append(piece)
        total += piece.size
        if total >= count:
            return np.concatenate(pieces)[:count]


def fit_exponential(times, observed):
    return np.average(observed.astype(float)) / np.average(times)


def fit_weibull(values):
    scaled = np.log(np.asarray(values, dtype=np.longdouble))
    shift = scaled.max()
    scaled = scaled - shift
    low, high = -12.0, 12.0  # of the logarithm of the shape
    while high - low > 1e-12:
        middle = (low + high) / 2
        weights = np.exp(np.exp(middle) * scaled)
        too_flat = np.sum(weights * scaled) / np.sum(weights) - np.mean(scaled) < np.exp(-middle)
        low, high = (middle, high) if too_flat else (low, middle)
    shape = np.exp(low)
    return [float(shape), float(np.exp(shift + np.log(np.mean(np.exp(shape * scaled))) / shape))]
