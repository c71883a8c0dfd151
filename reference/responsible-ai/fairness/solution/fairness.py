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
    ### BEGIN SOLUTION means of decisions over a group, over its positives, over its negatives
    found = {}
    for group in np.unique(groups):
        chosen, truth = decisions[groups == group], targets[groups == group]
        positives, negatives = chosen[truth == 1], chosen[truth == 0]
        true_rate = float(positives.mean()) if len(positives) else None
        false_rate = float(negatives.mean()) if len(negatives) else None
        found[int(group)] = (float(chosen.mean()), true_rate, false_rate)
    return found
    ### END SOLUTION


def difference_interval(a: int, of_a: int, b: int, of_b: int) -> tuple[float, float]:
    """Return Newcombe's interval for the share a / of_a less the share b / of_b, with Z = 1.96.

    Args:
        a: Successes of the first group, 0 to of_a.
        of_a: Its members, 1 or more.
        b: Successes of the second group.
        of_b: Its members.
    """

    ### BEGIN SOLUTION Wilson's interval for each share; then the distances to its ends, as a hypotenuse
    def wilson(successes: int, members: int) -> tuple[float, float, float]:
        share = successes / members
        centre = (share + Z * Z / (2 * members)) / (1 + Z * Z / members)
        half = math.sqrt(share * (1 - share) / members + Z * Z / (4 * members**2)) * Z / (1 + Z * Z / members)
        return share, centre - half, centre + half

    first, first_low, first_high = wilson(a, of_a)
    second, second_low, second_high = wilson(b, of_b)
    low = first - second - math.hypot(first - first_low, second_high - second)
    high = first - second + math.hypot(first_high - first, second - second_low)
    return low, high
    ### END SOLUTION


def floor_gap(sizes: Integers, rate: float) -> float:
    """Return the gap that a perfectly fair classifier shows on average.

    Args:
        sizes: (groups,), members of each group; two groups or more.
        rate: The share that it selects in each, 0 to 1.

    Returns:
        The mean of the largest less the smallest observed rate, exact to 5 %.
    """
    ### BEGIN SOLUTION simulate it: binomial counts, many times
    counts = np.random.default_rng(0).binomial(sizes, rate, size=(20_000, len(sizes)))
    rates = counts / np.asarray(sizes)  # (draws, groups)
    return float((rates.max(axis=1) - rates.min(axis=1)).mean())
    ### END SOLUTION


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
    ### BEGIN SOLUTION find the two groups that are furthest apart; the pooled rate gives the floor
    names, sizes = np.unique(groups, return_counts=True)
    if sizes.min() < LEAST:
        raise ValueError(f"a group has {sizes.min()} members: its rate would be noise")
    counts = np.array([flags[groups == name].sum() for name in names])
    most, least = np.argmax(counts / sizes), np.argmin(counts / sizes)
    gap = counts[most] / sizes[most] - counts[least] / sizes[least]
    low, high = difference_interval(int(counts[most]), int(sizes[most]), int(counts[least]), int(sizes[least]))
    floor = floor_gap(sizes, float(flags.mean()))
    excess = max(0.0, gap - floor)
    return {"gap": float(gap), "low": low, "high": high, "floor": floor, "excess": float(excess)}
    ### END SOLUTION


def equalised_odds(decisions: Integers, targets: Integers, groups: Integers) -> dict[str, Any]:
    """Return the audit of the true-positive rates and of the false-positive rates, and the worse excess.

    Args:
        decisions: (n,), 0 or 1.
        targets: (n,), 0 or 1.
        groups: (n,).

    Returns:
        true_positive and false_positive: what `audit` returns; excess: the larger of both.
    """
    ### BEGIN SOLUTION the rate of decisions among positives, and among negatives
    found = {
        name: audit(decisions[targets == value], groups[targets == value])
        for name, value in (("true_positive", 1), ("false_positive", 0))
    }
    return {**found, "excess": max(one["excess"] for one in found.values())}
    ### END SOLUTION


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
    ### BEGIN SOLUTION compare like with like: within each stratum, weighted by its share of everybody
    total = 0.0
    for stratum in np.unique(strata):
        inside = strata == stratum
        first, second = decisions[inside & (groups == 1)], decisions[inside & (groups == 0)]
        if not len(first) or not len(second):
            raise ValueError(f"stratum {stratum} has nobody of one group to compare with")
        total += inside.mean() * (first.mean() - second.mean())
    return float(total)
    ### END SOLUTION


# ---- the mitigation --------------------------------------------------------------------------


def fit(scores: Floats, targets: Integers, groups: Integers) -> Any:
    """Return a rule that `decide` turns scores into decisions by.

    Args:
        scores: (n,), between 0 and 1: what somebody else's model says of each person.
        targets: (n,), 0 or 1: what turned out.
        groups: (n,).
    """
    ### BEGIN SOLUTION equal true-positive rates: a quantile of the positives' scores; take the most accurate rate
    names = np.unique(groups)
    best, rule = -1.0, {}
    for rate in np.linspace(0.3, 0.98, 69):
        thresholds = {
            int(name): float(np.quantile(scores[(groups == name) & (targets == 1)], 1 - rate)) for name in names
        }
        accuracy = float((decide(thresholds, scores, groups) == targets).mean())
        if accuracy > best:
            best, rule = accuracy, thresholds
    return rule
    ### END SOLUTION


def decide(rule: Any, scores: Floats, groups: Integers) -> Integers:
    """Return a decision for each person, by their own score and group alone.

    Args:
        rule: What `fit` returned.
        scores: (m,).
        groups: (m,), of the groups that `fit` has seen.

    Returns:
        (m,), 0 or 1. Within a group nobody is refused with a score above that of somebody selected.
    """
    ### BEGIN SOLUTION each group has its threshold
    thresholds = np.array([rule[int(group)] for group in groups])
    return (scores >= thresholds).astype(np.int64)
    ### END SOLUTION
