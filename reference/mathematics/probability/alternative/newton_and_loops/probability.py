"""In another hand: brute force over the table, doubling batches, Newton on the logarithm of the shape."""

import itertools
import math

import numpy as np


def marginal(joint, keep):
    law = np.moveaxis(joint, list(keep), range(len(keep)))
    return law.reshape(*law.shape[: len(keep)], -1).sum(axis=-1)


def condition(joint, given):
    others = [axis for axis in range(joint.ndim) if axis not in given]
    law = np.zeros([joint.shape[axis] for axis in others])
    for place in itertools.product(*map(range, joint.shape)):
        if all(place[axis] == value for axis, value in given.items()):
            law[tuple(place[axis] for axis in others)] = joint[place]
    if not law.any():
        raise ValueError("nothing agrees with what is given")
    return law / law.sum()


def posterior(prior, likelihood, observations):
    belief = np.array(prior)
    for outcome in observations.tolist():
        belief = belief * likelihood[:, outcome]
        belief = belief / belief.sum()
    return belief


def sample_discrete(probabilities, uniforms):
    possible = [place for place, share in enumerate(probabilities) if share > 0]
    drawn = []
    for number in uniforms.tolist():
        total = 0.0
        for place in possible:
            total += probabilities[place]
            if number < total:
                break
        drawn.append(place)
    return drawn


def laplace_quantile(uniforms, location, scale):
    below = np.log(2) + np.log(uniforms)
    above = np.log(2) + np.log1p(-uniforms)
    return np.where(uniforms < 0.5, location + scale * below, location - scale * above)


def sample_by_rejection(density, bound, low, high, count, seed):
    rng = np.random.RandomState(seed)
    found, size, tried = [], 256, 0
    while len(found) < count:
        points = low + (high - low) * rng.random_sample(size)
        tried += size
        found.extend(points[rng.random_sample(size) <= density(points) / bound])
        size = max(64, math.ceil(1.1 * (count - len(found)) * tried / max(len(found), 1)))
        size = min(size, 4 * count)
    return np.array(found[:count])


def fit_exponential(times, observed):
    return int(np.count_nonzero(observed)) / math.fsum(times)


def fit_weibull(values):
    logs = np.log(values)
    logs, centre = logs - logs.mean(), logs.mean()
    shape = np.pi / 6**0.5 / logs.std()
    for _ in range(100):
        weights = np.exp(shape * (logs - logs.max()))
        weights = weights / weights.sum()
        first = weights @ logs
        second = weights @ logs**2 - first**2
        step = (first - 1 / shape) / (second + 1 / shape**2)
        shape = shape - step if shape > step else shape / 2
    powers = shape * logs
    return shape, math.exp(centre + (np.log(np.exp(powers - powers.max()).mean()) + powers.max()) / shape)
