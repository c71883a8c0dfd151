"""Gaps between groups, with intervals: a perfectly fair classifier shows a gap of 0.05 on groups of 100."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Integers, indices, same_shape
from harness.metrics.intervals import Interval, wilson_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The largest difference of a rate between two groups."""

    value: float
    """0 to 1; lower is better."""
    interval: Interval
    """Newcombe's, for the two groups that are furthest apart; picked as such, so it errs on the wide side."""
    rates: tuple[tuple[int, float, int], ...]
    """Group, its rate, and how many members the rate is of."""


def demographic_parity_difference(predicted: npt.ArrayLike, groups: npt.ArrayLike, least: int = 30) -> Gap:
    """Return the largest difference between groups in the share predicted positive (Dwork et al. 2012).

    Args:
        predicted: (n,) 0 or 1.
        groups: (n,) integers; two groups or more.
        least: members below which a group is refused: its rate would be noise.
    """
    chosen, members = indices(predicted, "predictions", below=2), indices(groups, "groups")
    same_shape(chosen, members, ("predictions", "groups"))
    return _gap(chosen, members, least)


def equalised_odds_difference(
    predicted: npt.ArrayLike, targets: npt.ArrayLike, groups: npt.ArrayLike, least: int = 30
) -> Gap:
    """Return the larger of the gaps in true-positive and false-positive rate (Hardt et al. 2016).

    Args:
        predicted: (n,) 0 or 1.
        targets: (n,) 0 or 1; each group needs `least` members of both classes.
        groups: (n,) integers.
        least: members of a class in a group below which it is refused.
    """
    chosen, members = indices(predicted, "predictions", below=2), indices(groups, "groups")
    truth = indices(targets, "targets", below=2)
    same_shape(chosen, members, ("predictions", "groups"))
    same_shape(chosen, truth, ("predictions", "targets"))
    if set(members[truth == 0]) != set(members[truth == 1]):
        raise ValueError("groups are too small: one has members of one class only")
    return max(
        (_gap(chosen[truth == c], members[truth == c], least) for c in (0, 1)), key=lambda gap: gap.value
    )


def fair_gap(sizes: npt.ArrayLike, rate: float, *, seed: int, draws: int = 2000) -> float:
    """Return the gap that a fair classifier shows on average: the floor to read a gap against.

    Args:
        sizes: (groups,) members per group.
        rate: the common rate, 0 to 1.
        seed: of the simulation.
        draws: simulated classifiers.
    """
    members = indices(sizes, "group sizes")
    if members.ndim != 1 or len(members) < 2 or members.min() < 1 or not 0 <= rate <= 1:
        raise ValueError("group sizes or rate is out of range")
    rates = np.random.default_rng(seed).binomial(members, rate, size=(draws, len(members))) / members
    return float((rates.max(axis=1) - rates.min(axis=1)).mean())


def newcombe_interval(a: tuple[int, int], b: tuple[int, int], confidence: float = 0.95) -> Interval:
    """Return the hybrid score interval of the difference of two shares (Newcombe 1998, method 10).

    Args:
        a: successes and trials of the first share.
        b: of the second, which is subtracted.
        confidence: 0 to 1.
    """
    first, second = a[0] / a[1], b[0] / b[1]
    outer, inner = wilson_interval(*a, confidence), wilson_interval(*b, confidence)
    low = first - second - math.hypot(first - outer.low, inner.high - second)
    high = first - second + math.hypot(outer.high - first, second - inner.low)
    return Interval(low=low, high=high, kind=f"Newcombe, {a[1]} and {b[1]} trials")


def _gap(chosen: Integers, members: Integers, least: int) -> Gap:
    names, sizes = np.unique(members, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"groups are too few: {len(names)}, needed at least 2")
    if sizes.min() < least:
        raise ValueError(f"groups are too small: {sizes.min()} members, needed at least {least}")
    counts = [int(chosen[members == name].sum()) for name in names]
    rates = np.asarray(counts) / sizes
    high, low = int(rates.argmax()), int(rates.argmin())
    return Gap(
        value=float(rates[high] - rates[low]),
        interval=newcombe_interval((counts[high], int(sizes[high])), (counts[low], int(sizes[low]))),
        rates=tuple((int(n), float(r), int(s)) for n, r, s in zip(names, rates, sizes, strict=True)),
    )
