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
    raise NotImplementedError("sum over the axes that are not kept, then put the others in order")


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
    raise NotImplementedError("cut the slice of the table that agrees, and make it sum to 1")


def posterior(prior: Floats, likelihood: Floats, observations: Integers) -> Floats:
    """Return what to believe after some independent observations, by Bayes' theorem.

    Args:
        prior: (hypotheses,), sums to 1.
        likelihood: (hypotheses, outcomes): probability of each outcome under each hypothesis; rows sum to 1.
        observations: (n,), outcomes by their column; n may be 0, or tens of thousands.

    Returns:
        (hypotheses,), sums to 1. At least one hypothesis allows the observations.
    """
    raise NotImplementedError("add logarithms: the product of many probabilities is smaller than any float")


# ---- sampling --------------------------------------------------------------------------------


def sample_discrete(probabilities: Floats, uniforms: Floats) -> Integers:
    """Return outcomes by inversion: the first whose cumulative probability is above the uniform number.

    Args:
        probabilities: (outcomes,), sum to 1 but for rounding.
        uniforms: (n,), in [0, 1).

    Returns:
        (n,), int64, 0 to outcomes - 1; never an outcome of probability 0.
    """
    raise NotImplementedError("search each uniform in the cumulative sums; mind 0, and sums that end just below 1")


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
    raise NotImplementedError("solve u = F(x) for x in each half; take the logarithm of the smaller side")


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
    raise NotImplementedError("propose points evenly, accept each with probability density / bound, until there are enough")


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
    raise NotImplementedError("write down the likelihood with a density or a survival probability for each, and differentiate")


def fit_weibull(values: Floats) -> tuple[float, float]:
    """Return the shape and the scale of the Weibull law under which the values are most likely.

    The density is (k / s) (x / s)^(k - 1) exp(-(x / s)^k), with shape k and scale s.

    Args:
        values: (n,), > 0, of any size from 1e-12 to 1e12, and not all alike.

    Returns:
        (shape, scale), exact to six digits.
    """
    raise NotImplementedError("setting both derivatives to 0 leaves one equation for the shape alone; it rises, so bisect")
