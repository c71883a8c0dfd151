"""Probability by hand: conditioning and Bayes, sampling, maximum likelihood.

Shapes are written at the end of lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


# ---- conditioning ----------------------------------------------------------------------------


def marginal(joint: Floats, keep: Sequence[int]) -> Floats:
    """Return the law of some of the variables.

    Args:
        joint: Probabilities, one axis for each variable; they sum to 1.
        keep: Which variables, by their axes, in the order in which the answer has them.

    Returns:
        One axis for each variable of keep; sums to 1.
    """
    ### BEGIN SOLUTION sum over the axes that are not kept, then put the others in order
    gone = tuple(axis for axis in range(joint.ndim) if axis not in keep)
    left = sorted(keep)  # the order in which the sum leaves them
    return joint.sum(axis=gone).transpose([left.index(axis) for axis in keep])
    ### END SOLUTION


def condition(joint: Floats, given: Mapping[int, int]) -> Floats:
    """Return the law of the other variables, given the values of some.

    Args:
        joint: Probabilities, one axis for each variable; they sum to 1.
        given: The value of each observed variable, by its axis.

    Returns:
        One axis for each variable that is not observed, in their old order; sums to 1.

    Raises:
        ValueError: what is given has probability 0.
    """
    ### BEGIN SOLUTION cut the slice of the table that agrees, and make it sum to 1
    agrees = joint[tuple(given.get(axis, slice(None)) for axis in range(joint.ndim))]
    probability = agrees.sum()
    if probability == 0:
        raise ValueError("what is given has probability 0")
    return agrees / probability
    ### END SOLUTION


def posterior(prior: Floats, likelihood: Floats, observations: Integers) -> Floats:
    """Return what to believe after some independent observations, by Bayes' theorem.

    Args:
        prior: (hypotheses,), sums to 1.
        likelihood: (hypotheses, outcomes): probability of each outcome under each hypothesis; rows sum to 1.
        observations: (n,), outcomes by their column; n may be 0, or tens of thousands.

    Returns:
        (hypotheses,), sums to 1. At least one hypothesis allows the observations.
    """
    ### BEGIN SOLUTION add logarithms: the product of many probabilities is smaller than any float
    counts = np.bincount(observations, minlength=likelihood.shape[1])  # (outcomes,)
    with np.errstate(divide="ignore"):
        seen = np.log(likelihood[:, counts > 0])  # (hypotheses, outcomes seen)
        belief = np.log(prior) + seen @ counts[counts > 0]  # (hypotheses,)
    weights = np.exp(belief - belief.max())
    return weights / weights.sum()
    ### END SOLUTION


# ---- sampling --------------------------------------------------------------------------------


def sample_discrete(probabilities: Floats, uniforms: Floats) -> Integers:
    """Return outcomes by inversion: the first whose cumulative probability is above the uniform number.

    Args:
        probabilities: (outcomes,), sum to 1 but for rounding.
        uniforms: (n,), in [0, 1).

    Returns:
        (n,), int64, 0 to outcomes - 1; never an outcome of probability 0.
    """
    ### BEGIN SOLUTION search each uniform in the cumulative sums; mind 0, and sums that end just below 1
    cumulative = np.cumsum(probabilities)  # (outcomes,)
    found = np.searchsorted(cumulative, uniforms, side="right")  # (n,)
    last = np.flatnonzero(probabilities)[-1]
    return np.minimum(found, last)
    ### END SOLUTION


def laplace_quantile(uniforms: Floats, location: float, scale: float) -> Floats:
    """Return where the cumulative distribution function of the Laplace law reaches each number.

    The density is exp(-|x - location| / scale) / (2 scale).

    Args:
        uniforms: (n,), in (0, 1), however near to the ends.
        location: The centre.
        scale: > 0.

    Returns:
        (n,), exact to twelve digits of the distance from the centre.
    """
    ### BEGIN SOLUTION solve u = F(x) for x in each half; take the logarithm of the smaller side
    smaller = np.minimum(uniforms, 1 - uniforms)  # (n,), probability of the tail beyond
    return location + scale * np.sign(uniforms - 0.5) * -np.log(2 * smaller)
    ### END SOLUTION


def sample_by_rejection(
    density: Callable[[Floats], Floats], bound: float, low: float, high: float, count: int, seed: int
) -> Floats:
    """Return independent draws from a density that is known but for its scale.

    Args:
        density: From points (n,) to the density there (n,), up to an unknown factor; from 0 to bound.
            Each call is costly, so it is asked about many points at once.
        bound: A number that the density never exceeds.
        low: Where the law begins.
        high: Where it ends, > low.
        count: How many to draw.
        seed: Makes the draws repeatable.

    Returns:
        (count,) of the points at which the density was asked.
    """
    ### BEGIN SOLUTION propose points evenly, accept each with probability density / bound, until there are enough
    rng = np.random.default_rng(seed)
    accepted = np.empty(0)
    while len(accepted) < count:
        proposed = rng.uniform(low, high, size=count)
        kept = rng.uniform(0, bound, size=count) < density(proposed)
        accepted = np.concatenate([accepted, proposed[kept]])
    return accepted[:count]
    ### END SOLUTION


# ---- maximum likelihood ----------------------------------------------------------------------


def fit_exponential(times: Floats, observed: npt.NDArray[np.bool_]) -> float:
    """Return the rate under which what was seen of some lifetimes is most likely.

    Args:
        times: (n,), > 0: how long each was watched.
        observed: (n,): True where it ended then; False where it was still alive, so that only
            P(lifetime > time) is known.

    Returns:
        The rate of the law with density rate · exp(-rate · t); 0 if none has ended.
    """
    ### BEGIN SOLUTION write down the likelihood with a density or a survival probability for each, and differentiate
    return float(observed.sum() / times.sum())
    ### END SOLUTION


def fit_weibull(values: Floats) -> tuple[float, float]:
    """Return the shape and the scale of the Weibull law under which the values are most likely.

    The density is (k / s) (x / s)^(k - 1) exp(-(x / s)^k), with shape k and scale s.

    Args:
        values: (n,), > 0, of any size from 1e-12 to 1e12, and not all alike.

    Returns:
        (shape, scale), exact to six digits.
    """
    ### BEGIN SOLUTION setting both derivatives to 0 leaves one equation for the shape alone; it rises, so bisect
    logarithms = np.log(values)
    spread = logarithms - logarithms.max()  # (n,), at most 0: its powers do not overflow

    def slope(shape: float) -> float:
        weights = np.exp(shape * spread)
        return (weights @ spread) / weights.sum() - 1 / shape - spread.mean()

    low = high = 1.0
    while slope(low) > 0:
        low /= 2
    while slope(high) < 0:
        high *= 2
    for _ in range(100):
        shape = (low + high) / 2
        if slope(shape) < 0:
            low = shape
        else:
            high = shape
    scale = np.exp(logarithms.max()) * np.mean(np.exp(shape * spread)) ** (1 / shape)
    return shape, float(scale)
    ### END SOLUTION
