"""What a cohort says about a check: how many pass it, and whether those who do are those who know more.

Everything is kept as running sums, so that a cohort of any size costs the same memory.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from harness.records import Outcome, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.records import CheckResult

FEWEST: Final = 5
"""Learners from which a correlation is told; fewer say nothing."""
LITTLE: Final = 0.15
"""Discrimination below which a check hardly tells learners apart (Ebel's rule puts 0.2 as poor)."""


@dataclass(slots=True, kw_only=True)
class Item:
    """One check over all learners."""

    name: str
    title: str
    visibility: Visibility
    points: float
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    seconds: float = 0.0
    days: dict[str, list[int]] = field(default_factory=dict)
    """How many passed, and how many were asked, by the day of grading as YYYY-MM-DD."""
    _rest: float = 0.0
    _rest_squares: float = 0.0
    _rest_of_passed: float = 0.0
    _paired: int = 0
    _paired_passed: int = 0

    def take(self, check: CheckResult, rest: float, day: str) -> None:
        """Count one learner's outcome.

        Args:
            check: what became of it.
            rest: points that the learner earned in all other checks.
            day: when it was graded, YYYY-MM-DD.
        """
        self.outcomes[check.outcome] += 1
        self.seconds += check.seconds if math.isfinite(check.seconds) else 0.0
        if check.outcome is Outcome.UNGRADED:
            return
        passed = check.outcome is Outcome.PASSED
        counts = self.days.setdefault(day, [0, 0])
        counts[0] += passed
        counts[1] += 1
        if math.isfinite(rest):
            self._pair(passed=passed, rest=rest)

    def _pair(self, *, passed: bool, rest: float) -> None:
        self._rest += rest
        self._rest_squares += rest * rest
        self._rest_of_passed += rest * passed
        self._paired += 1
        self._paired_passed += passed

    @property
    def asked(self) -> int:
        """Return how many learners have a verdict; a skipped check counts as not passed."""
        return self.outcomes.total() - self.outcomes[Outcome.UNGRADED]

    @property
    def pass_rate(self) -> float:
        """Return the share of learners who pass, 0 to 1; nan where nobody was asked."""
        return self.outcomes[Outcome.PASSED] / self.asked if self.asked else math.nan

    @property
    def mean_seconds(self) -> float:
        """Return how long it took on average, where it ran at all."""
        ran = self.outcomes.total() - self.outcomes[Outcome.SKIPPED]
        return self.seconds / ran if ran else 0.0

    @property
    def discrimination(self) -> float:
        """Return the point-biserial correlation of passing with the points in all other checks.

        -1 to 1, higher is better; nan where too few were asked or all of them went alike.
        The check's own points are left out, or easy exercises would flatter it.
        """
        n, passed = self._paired, self._paired_passed
        if n < FEWEST or passed in (0, n):
            return math.nan
        mean = self._rest / n
        spread = math.sqrt(max(self._rest_squares / n - mean * mean, 0.0))
        if not spread > 1e-9 * max(1.0, abs(mean)):
            return math.nan
        share = passed / n
        gap = self._rest_of_passed / passed - (self._rest - self._rest_of_passed) / (n - passed)
        return max(-1.0, min(1.0, gap / spread * math.sqrt(share * (1 - share))))

    @property
    def remark(self) -> str:
        """Return what an author should look at, or nothing."""
        if self.asked >= FEWEST and self.pass_rate in (0.0, 1.0):
            return "nobody passes" if self.pass_rate == 0 else "everybody passes"
        if self.discrimination < 0:
            return "passed rather by those who fail elsewhere: look at this check"
        if self.discrimination < LITTLE:
            return "hardly tells learners apart"
        return ""


def hardest_first(items: Iterable[Item]) -> list[Item]:
    """Return the checks by pass rate, lowest first; those nobody was asked come last."""
    return sorted(items, key=lambda one: math.inf if math.isnan(one.pass_rate) else one.pass_rate)


def rates_over_time(item: Item, most: int = 12) -> list[tuple[str, str, float, int]]:
    """Return the pass rate over time as (first day, last day, rate, asked), in at most so many stretches."""
    days = sorted(item.days.items())
    size = math.ceil(len(days) / most) or 1
    stretches = [days[start : start + size] for start in range(0, len(days), size)]
    return [
        (part[0][0], part[-1][0], sum(one[0] for _, one in part) / asked, asked)
        for part in stretches
        if (asked := sum(one[1] for _, one in part))
    ]
