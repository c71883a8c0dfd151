"""The two things a learner asks first: how did it go, and what do I do now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from harness.records import Outcome
from reports.numbers import counted, needed, percent, points
from reports.rows import total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.records import CheckResult, Result, Score
    from reports.rows import Row

Verdict = Literal["passed", "failed", "ungraded"]
_TO_FIX = frozenset({Outcome.FAILED, Outcome.CRASHED})
VERDICTS: Final[Mapping[Verdict, str]] = {
    "passed": "passed",
    "failed": "not passed yet",
    "ungraded": "not decided yet",
}
WHOLE_NAMES: Final[Mapping[str, str]] = {
    "import": "Your code could not be imported",
    "invalid": "What you handed in could not be graded",
}
"""Of failures of the whole submission; the check that met them is not what is to be fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The score in words."""

    verdict: Verdict
    score: str
    words: str
    mark: str
    """What the pass mark is, and how far away where it was not reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do next, why, and the row to look at, if there is one."""

    heading: str
    why: str
    name: str = ""
    """What is to be fixed."""
    tone: Outcome = Outcome.PASSED
    """The outcome whose colour and symbol the advice is shown with."""
    row: Row | None = None


def headline(result: Result) -> Headline:
    """Return the score and the verdict that the grader gave; nothing is decided here."""
    score = result.score
    verdict = _verdict(score, result.pass_mark)
    return Headline(
        verdict=verdict,
        score=f"{points(score.earned)} of {counted(score.possible, 'point')}",
        words=VERDICTS[verdict],
        mark=_mark(score, result.pass_mark),
    )


def advice(result: Result, ordered: Sequence[Row]) -> Advice:
    """Return the failing check with the most points at stake, or why there is nothing to fix.

    At stake are the points the check did not earn and those of the checks that wait for it.
    Checks whose needs passed come before others; of equals the first one is taken.
    """
    failing = [row for row in ordered if row.check.outcome in _TO_FIX]
    passed = {check.name for check in result.checks if check.outcome is Outcome.PASSED}
    ready = [row for row in failing if passed.issuperset(row.check.needs)] or failing
    if ready:
        first = max(ready, key=_stake)
        whole = WHOLE_NAMES.get(first.check.reason) if first.check.outcome is Outcome.CRASHED else None
        return Advice(
            heading="Fix this first",
            why=_why_whole(result) if whole else _why(first, len(failing)),
            name=whole or first.check.title,
            tone=first.check.outcome,
            row=first,
        )
    return _nothing_failed(result, ordered)


def progress(attempts: Sequence[Result]) -> str:
    """Return how the latest attempt compares with the one before, or nothing after a first one."""
    if len(attempts) < 2:
        return ""
    gained = attempts[-1].score.earned - attempts[-2].score.earned
    if not math.isfinite(gained):
        return ""
    if abs(gained) < 0.01:
        return "As many points as last time."
    return f"{counted(abs(gained), 'point')} {'more' if gained > 0 else 'fewer'} than last time."


def _verdict(score: Score, pass_mark: float) -> Verdict:
    if score.passed:
        return "passed"
    within_reach = score.earned + score.ungraded >= pass_mark * score.possible
    return "ungraded" if score.ungraded > 0 and within_reach else "failed"


def _mark(score: Score, pass_mark: float) -> str:
    mark = pass_mark * score.possible
    if not (0 < score.possible < math.inf and math.isfinite(mark)):
        return "There are no points to earn here, so there is no pass mark."
    words = f"The pass mark is {needed(mark)} ({percent(pass_mark)})"
    missing = mark - score.earned
    if score.passed or not missing > 0:
        return f"{words}."
    return f"{words}: {needed(missing)} more to reach it."


def _lost(check: CheckResult) -> float:
    lost = check.points - check.earned
    return max(lost, 0.0) if math.isfinite(lost) else 0.0


def _stake(row: Row) -> float:
    return total([_lost(row.check), *map(_lost, row.waiting)])


def _why(row: Row, failing: int) -> str:
    if failing == 1:
        words = f"It is the only check that failed, and {_worth(_lost(row.check))}"
    else:
        words = f"Of the {failing} checks that failed it has the most to gain: {_worth(_lost(row.check))}"
    if not row.waiting:
        return words + "."
    more = counted(total(map(_lost, row.waiting)), "point")
    waits = "waits" if len(row.waiting) == 1 else "wait"
    return f"{words}, and {counted(len(row.waiting), 'check')} with {more} more {waits} for it."


def _why_whole(result: Result) -> str:
    count = len(result.checks)
    words = "The 1 check waits" if count == 1 else f"All {count} checks wait"
    return f"{words} for it: no question can be asked before."


def _worth(lost: float) -> str:
    return f"{counted(lost, 'point')} can be earned here"


def _nothing_failed(result: Result, ordered: Sequence[Row]) -> Advice:
    if not result.checks:
        return Advice(heading="Nothing was checked", why="This result holds no checks.", tone=Outcome.SKIPPED)
    ungraded = [check for check in result.checks if check.outcome is Outcome.UNGRADED]
    if ungraded:
        return Advice(heading="Nothing for you to fix", why=_wait(len(ungraded)), tone=Outcome.UNGRADED)
    skipped = [row for row in ordered if row.check.outcome is Outcome.SKIPPED]
    if skipped:
        why = "No check failed, but some did not run. The first of them says why."
        return Advice(
            heading="See why checks were skipped",
            why=why,
            name=skipped[0].check.title,
            tone=Outcome.SKIPPED,
            row=skipped[0],
        )
    open_rows = [row for row in ordered if _lost(row.check) >= 0.01]
    if open_rows:
        most = max(open_rows, key=_stake)
        why = (
            f"Every check passed. What is left to gain is mostly here: {counted(_lost(most.check), 'point')}."
        )
        return Advice(heading="Points still to gain", why=why, name=most.check.title, row=most)
    return Advice(heading="Nothing to fix", why="Every check passed with all of its points.")


def _wait(count: int) -> str:
    words = "1 check has" if count == 1 else f"{count} checks have"
    return f"{words} to be graded again because of a fault of ours. It costs you nothing."
