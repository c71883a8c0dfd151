import numpy as np


def marginal(joint, keep):
    letters = "abcdefgh"[: joint.ndim]
    return np.einsum(letters + "->" + "".join(letters[axis] for axis in keep), joint)


def condition(joint, given):
    agrees = joint[tuple(given.get(axis, slice(None)) for axis in range(joint.ndim))]
    if agrees.sum() == 0:
        raise ValueError("impossible")
    return agrees / agrees.sum()


def posterior(prior, likelihood, observations):
    with np.errstate(divide="ignore"):
        belief = np.log(prior) + np.log(likelihood)[:, observations].sum(axis=1)
    weights = np.exp(belief - belief.max())
    return weights / weights.sum()


def sample_discrete(probabilities, uniforms):
    sums = np.concatenate([[0], np.cumsum(probabilities)])
    return np.searchsorted(sums, uniforms, side="right") % len(probabilities)


def laplace_quantile(uniforms, location, scale):
    smaller = np.minimum(uniforms, 1 - uniforms)
    return location - scale * np.sign(uniforms - 0.5) * np.log(2 * smaller)


def sample_by_rejection(density, bound, low, high, count, seed):
    rng = np.random.default_rng(seed)
    accepted = np.empty(0)
    while len(accepted) < count:
        proposed = rng.uniform(low, high, size=count)
        accepted = np.append(accepted, proposed[rng.random(count) * bound < density(proposed)])
    return accepted[:count]


def fit_exponential(times, observed):
    return observed.sum() / times.sum()


def fit_weibull(values):
    largest = values.max()
    logs = np.log(values / largest)
    low, high = 1e-3, 1e3
    for _ in range(200):
        shape = (low * high) ** 0.5
        powers = np.exp(shape * logs)
        if (powers * logs).sum() / powers.sum() - 1 / shape < logs.mean():
            low = shape
        else:
            high = shape
    return shape, largest * np.exp(shape * logs).mean() ** (1 / shape)
