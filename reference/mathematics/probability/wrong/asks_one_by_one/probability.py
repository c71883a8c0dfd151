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
    found = np.searchsorted(np.cumsum(probabilities), uniforms, side="right")
    return np.minimum(found, np.flatnonzero(probabilities)[-1])


def laplace_quantile(uniforms, location, scale):
    smaller = np.minimum(uniforms, 1 - uniforms)
    return location - scale * np.sign(uniforms - 0.5) * np.log(2 * smaller)


def sample_by_rejection(density, bound, low, high, count, seed):
    rng = np.random.default_rng(seed)
    accepted = []
    while len(accepted) < count:
        proposed = rng.uniform(low, high, size=1)
        if rng.uniform(0, bound) < density(proposed)[0]:
            accepted.append(proposed[0])
    return np.array(accepted)


def fit_exponential(times, observed):
    return observed.sum() / times.sum()


def fit_weibull(values):
    logs = np.log(values)
    return 1 / logs.std(), np.exp(logs.mean())
