"""Fairness: rates of groups with intervals, the gap that chance alone makes, and a mitigation.

A group is an integer for each person, any integers. Shapes are written at the end of lines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Z = 1.96
LEAST = 30


# ---- what is counted -------------------------------------------------------------------------


def group_rates(
    decisions: Integers, targets: Integers, groups: Integers
) -> dict[int, tuple[float, float | None, float | None]]:
    """Return (selection rate, true-positive rate, false-positive rate) of each group.

    Args:
        decisions: (n,), 0 or 1.
        targets: (n,), 0 or 1: what turned out.
        groups: (n,).

    Returns:
        By group; a rate over nobody is None.
    """
    raise NotImplementedError("means of decisions over a group, over its positives, over its negatives")


def difference_interval(a: int, of_a: int, b: int, of_b: int) -> tuple[float, float]:
    """Return Newcombe's interval for the share a / of_a less the share b / of_b, with Z = 1.96.

    Args:
        a: Successes of the first group, 0 to of_a.
        of_a: Its members, 1 or more.
        b: Successes of the second group.
        of_b: Its members.
    """

    raise NotImplementedError("Wilson's interval for each share; then the distances to its ends, as a hypotenuse")


def floor_gap(sizes: Integers, rate: float) -> float:
    """Return the gap that a perfectly fair classifier shows on average.

    Args:
        sizes: (groups,), members of each group; two groups or more.
        rate: The share that it selects in each, 0 to 1.

    Returns:
        The mean of the largest less the smallest observed rate, exact to 5 %.
    """
    raise NotImplementedError("simulate it: binomial counts, many times")


# ---- the audit -------------------------------------------------------------------------------


def audit(flags: Integers, groups: Integers) -> dict[str, float]:
    """Return how far groups are apart in a rate, how sure that is, and what of it chance explains.

    Args:
        flags: (n,), 0 or 1; its mean over a group is the rate.
        groups: (n,), two groups or more.

    Returns:
        gap: the largest less the smallest rate; low and high: the ends of its interval, for these two
        groups; floor: what is to be expected of a fair classifier with the same sizes and the rate of
        all together; excess: gap less floor, at least 0.

    Raises:
        ValueError: a group has fewer than LEAST members.
    """
    raise NotImplementedError("find the two groups that are furthest apart; the pooled rate gives the floor")


def equalised_odds(decisions: Integers, targets: Integers, groups: Integers) -> dict[str, Any]:
    """Return the audit of the true-positive rates and of the false-positive rates, and the worse excess.

    Args:
        decisions: (n,), 0 or 1.
        targets: (n,), 0 or 1.
        groups: (n,).

    Returns:
        true_positive and false_positive: what `audit` returns; excess: the larger of both.
    """
    raise NotImplementedError("the rate of decisions among positives, and among negatives")


def standardised_gap(decisions: Integers, groups: Integers, strata: Integers) -> float:
    """Return how much more group 1 is selected than group 0, were both spread over the strata like all.

    Args:
        decisions: (n,), 0 or 1.
        groups: (n,), 0 or 1.
        strata: (n,), any integers, such as the department that a person applied to.

    Returns:
        The sum over strata of the share of all people in it times (rate of group 1 - rate of group 0 there).

    Raises:
        ValueError: a stratum has nobody of one group.
    """
    raise NotImplementedError("compare like with like: within each stratum, weighted by its share of everybody")


# ---- the mitigation --------------------------------------------------------------------------


def fit(scores: Floats, targets: Integers, groups: Integers) -> Any:
    """Return a rule that `decide` turns scores into decisions by.

    Args:
        scores: (n,), between 0 and 1: what somebody else's model says of each person.
        targets: (n,), 0 or 1: what turned out.
        groups: (n,).
    """
    raise NotImplementedError("equal true-positive rates: a quantile of the positives' scores; take the most accurate rate")


def decide(rule: Any, scores: Floats, groups: Integers) -> Integers:
    """Return a decision for each person, by their own score and group alone.

    Args:
        rule: What `fit` returned.
        scores: (m,).
        groups: (m,), of the groups that `fit` has seen.

    Returns:
        (m,), 0 or 1. Within a group nobody is refused with a score above that of somebody selected.
    """
    raise NotImplementedError("each group has its threshold")
