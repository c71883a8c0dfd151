"""Speed as a ratio: how many times faster than a baseline, both measured in turns in the same sandbox.

Seconds belong to a machine and to its neighbours. A ratio of two programs that ran in turns, in the same
container and minute, belongs to the programs: what slows one round slows both. The clock is the
grader's own, so that a submission cannot turn it; what crossing the wall takes is measured by empty
calls and subtracted from both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, finite_array, same_shape
from harness.metrics.intervals import Interval

_LEAST: Final = 1e-6
"""Seconds below which the wall's own jitter is all that was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Seconds of each round, (rounds,) each."""

    baseline: Floats
    candidate: Floats
    empty: Floats


def measure_rounds(
    baseline: Callable[[], object],
    candidate: Callable[[], object],
    empty: Callable[[], object],
    *,
    rounds: int = 7,
    clock: Callable[[], float] = time.perf_counter,
) -> Rounds:
    """Call the three in turns and return what each took; a first round that warms up is thrown away.

    Args:
        baseline: The slow way, through the same wall.
        candidate: What is measured.
        empty: A call that does nothing but cross the wall.
        rounds: How often, at least 5.
        clock: Returns seconds.
    """
    if rounds < 5:
        raise ValueError(f"rounds are too few: {rounds}, at least 5")
    seconds = np.empty((rounds + 1, 3))
    for row in seconds:
        for column, call in enumerate((baseline, candidate, empty)):
            began = clock()
            call()
            row[column] = clock() - began
    return Rounds(baseline=seconds[1:, 0], candidate=seconds[1:, 1], empty=seconds[1:, 2])


def speed_ratio(rounds: Rounds) -> float:
    """Return how many times faster the candidate is: 1 is as fast as the baseline, higher is better.

    The median over rounds of (baseline - e) / (candidate - e), with e the fastest empty call: an honest lower
    bound of the wall, so that a fast candidate is never favoured by a slow crossing.

    Raises:
        ValueError: not finite, no rounds, or seconds that are negative.
    """
    return float(np.median(_ratios(rounds)))


def speed_interval(rounds: Rounds, confidence: float = 0.95) -> Interval:
    """Return the interval of the median between order statistics: exact for any distribution (Thompson 1936).

    With fewer than 6 rounds no two of them reach 95 %; then the ends are the extremes.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is out of range: {confidence}")
    ratios = np.sort(_ratios(rounds))
    n = len(ratios)
    inside = [k for k in range(n // 2) if special.bdtr(k, n, 0.5) <= (1 - confidence) / 2]
    low = inside[-1] if inside else 0
    return Interval(
        low=float(ratios[low]), high=float(ratios[n - 1 - low]), kind=f"order statistics, {n} rounds"
    )


def _ratios(rounds: Rounds) -> Floats:
    baseline, candidate = _seconds(rounds.baseline), _seconds(rounds.candidate)
    same_shape(baseline, candidate, ("seconds of the baseline", "seconds of the candidate"))
    wall = float(_seconds(rounds.empty).min())
    return np.maximum(baseline - wall, _LEAST) / np.maximum(candidate - wall, _LEAST)


def _seconds(values: npt.ArrayLike) -> Floats:
    seconds = finite_array(values, "seconds", dimensions=1)
    if seconds.min() < 0:
        raise ValueError("seconds are negative")
    return seconds
