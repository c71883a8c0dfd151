"""A cohort in one exercise, gathered from results as they stream by: just what its page needs."""

from __future__ import annotations

import heapq
import math
import statistics
from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from harness.records import MetricSpec, Outcome
from reports.addresses import result_address
from reports.advice import Verdict, headline
from reports.charts import share
from reports.items import Item
from reports.rows import WHOLE
from reports.text import line

if TYPE_CHECKING:
    from harness.records import CheckResult, Result

LETTERS: Final = {
    Outcome.PASSED: "p",
    Outcome.FAILED: "f",
    Outcome.CRASHED: "c",
    Outcome.SKIPPED: "s",
    Outcome.UNGRADED: "u",
}
ABSENT: Final = "a"
"""Of a check that a result does not have: it was graded by an earlier grader."""
SLOWEST: Final = 10
LISTED: Final = 200
"""Crashes and ungraded submissions that are named one by one; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one learner stands: a row of the table."""

    learner: str
    address: str
    """Of the learner's own page, from the site's root; empty where there is none."""
    verdict: Verdict
    earned: float
    possible: float
    share: float
    """Per cent of the points, 0 to 100."""
    seconds: float
    finished: str
    attempts: int
    earlier: bool
    """Whether an attempt before the latest counts, as the policy has it."""
    outcomes: str
    """A letter of `LETTERS` for each check, in the order of the cohort's items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that an instructor has to look at."""

    learner: str
    address: str
    check: str
    """Title of the check; empty for the whole submission."""
    reason: str
    message: str


@dataclass(slots=True, kw_only=True)
class Measured:
    """All values of one metric, with the time that each submission took."""

    name: str
    title: str
    spec: MetricSpec
    values: array[float] = field(default_factory=lambda: array("d"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    passed: bytearray = field(default_factory=bytearray)


@dataclass(slots=True, kw_only=True)
class Cohort:
    """One exercise and everybody's attempt at it that counts."""

    exercise: str
    title: str = ""
    pass_mark: float = 0.0
    standings: list[Standing] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    metrics: dict[str, Measured] = field(default_factory=dict)
    ungraded: list[Trouble] = field(default_factory=list)
    ungraded_count: int = 0
    crashes: list[Trouble] = field(default_factory=list)
    crash_kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a check crashed for a reason, by (title, reason); the whole submission has no title."""
    same_files: dict[str, list[str]] = field(default_factory=dict)
    """Learners by the digest of their files."""
    _slow: list[tuple[float, int, Standing]] = field(default_factory=list)

    def take(self, result: Result, attempts: int = 1, *, earlier: bool = False) -> None:
        """Count the attempt of one learner that counts; each learner is taken once.

        Args:
            result: that attempt.
            attempts: how many there are.
            earlier: whether a later one does not count.
        """
        self.title, self.pass_mark = result.exercise_title, result.pass_mark
        standing = self._standing(result, attempts, earlier=earlier)
        self.standings.append(standing)
        heapq.heappush(self._slow, (standing.seconds, -len(self.standings), standing))
        if len(self._slow) > SLOWEST:
            heapq.heappop(self._slow)
        if result.submission:
            self.same_files.setdefault(result.submission, []).append(result.learner)
        whole = [one for one in result.checks if one.outcome is Outcome.CRASHED and one.reason in WHOLE]
        if whole:
            self._crashed(_trouble(replace(whole[0], title=""), standing))
        for check in result.checks:
            self._count(check, result, standing)

    def fault(self, learner: str, reason: str) -> None:
        """Count a submission that has no result at all because of a fault of ours."""
        self._ungraded(Trouble(learner=learner, address="", check="", reason="fault", message=line(reason)))

    @property
    def slowest(self) -> list[Standing]:
        """Return those that took longest, the slowest first."""
        return [one for _, _, one in sorted(self._slow, reverse=True)]

    @property
    def passed(self) -> int:
        """Return how many passed."""
        return sum(one.verdict == "passed" for one in self.standings)

    @property
    def undecided(self) -> int:
        """Return how many have to be graded again before it is known."""
        return sum(one.verdict == "ungraded" for one in self.standings)

    @property
    def median_share(self) -> float:
        """Return the median share of the points, 0 to 1."""
        return statistics.median(one.share for one in self.standings) / 100 if self.standings else 0.0

    @property
    def median_seconds(self) -> float:
        """Return how long a submission usually takes."""
        return statistics.median(one.seconds for one in self.standings) if self.standings else 0.0

    def _standing(self, result: Result, attempts: int, *, earlier: bool) -> Standing:
        score = result.score
        return Standing(
            learner=line(result.learner, 120),
            address=result_address(result.exercise, result.learner),
            verdict=headline(result).verdict,
            earned=score.earned,
            possible=score.possible,
            share=share(score),
            seconds=_finite(result.provenance.seconds),
            finished=line(result.provenance.finished, 40),
            attempts=attempts,
            earlier=earlier,
            outcomes=self._outcomes(result),
        )

    def _outcomes(self, result: Result) -> str:
        for check in result.checks:
            if check.name not in self.items:
                self.items[check.name] = _item(check)
        letters = {check.name: LETTERS[check.outcome] for check in result.checks}
        return "".join(letters.get(name, ABSENT) for name in self.items)

    def _count(self, check: CheckResult, result: Result, standing: Standing) -> None:
        rest = result.score.earned - check.earned
        self.items[check.name].take(check, rest, result.provenance.finished[:10])
        if check.outcome is Outcome.UNGRADED:
            self._ungraded(_trouble(check, standing))
        elif check.outcome is Outcome.CRASHED and check.reason not in WHOLE:
            self._crashed(_trouble(check, standing))
        if check.metric and check.measured and math.isfinite(check.measured.value):
            self._measured(check, check.metric, check.measured.value)

    def _ungraded(self, trouble: Trouble) -> None:
        self.ungraded_count += 1
        if len(self.ungraded) < LISTED:
            self.ungraded.append(trouble)

    def _crashed(self, trouble: Trouble) -> None:
        self.crash_kinds[trouble.check, trouble.reason] += 1
        if len(self.crashes) < LISTED:
            self.crashes.append(trouble)

    def _measured(self, check: CheckResult, spec: MetricSpec, value: float) -> None:
        kept = self.metrics.get(check.name)
        if kept is None:
            kept = self.metrics[check.name] = Measured(name=check.name, title=line(check.title), spec=spec)
        kept.spec = spec
        kept.values.append(value)
        kept.seconds.append(_finite(check.seconds))
        kept.passed.append(check.outcome is Outcome.PASSED)


def _trouble(check: CheckResult, standing: Standing) -> Trouble:
    return Trouble(
        learner=standing.learner,
        address=standing.address,
        check=line(check.title),
        reason=line(check.reason, 40),
        message=line(check.message),
    )


def histogram(standings: list[Standing], bins: int = 20) -> list[int]:
    """Return how many learners have a share of the points in each of so many equal ranges."""
    counts = [0] * bins
    for one in standings:
        counts[min(int(one.share * bins / 100), bins - 1)] += 1
    return counts


def _item(check: CheckResult) -> Item:
    title = line(check.title)
    return Item(name=line(check.name), title=title, visibility=check.visibility, points=check.points)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
