"""Checks in the order a learner reads them: in two groups, what was skipped folded under its cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.records import CheckResult, Outcome, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.records import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A check and those that wait for it."""

    anchor: str
    """Its id on the page, made from its place: names are not trusted."""
    check: CheckResult
    waiting: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The checks of one visibility, with their points."""

    visibility: Visibility
    rows: tuple[Row, ...]
    earned: float
    points: float


def rows(result: Result) -> tuple[Row, ...]:
    """Return a row for each check that is not waiting for another one."""
    by_name = {check.name: check for check in reversed(result.checks)}
    causes = [_cause(check, by_name) for check in result.checks]
    waiting: dict[str, list[CheckResult]] = {}
    for check, cause in zip(result.checks, causes, strict=True):
        if cause:
            waiting.setdefault(cause, []).append(check)
    tops = [check for check, cause in zip(result.checks, causes, strict=True) if not cause]
    return tuple(
        Row(anchor=f"check-{i}", check=check, waiting=tuple(waiting.pop(check.name, ())))
        for i, check in enumerate(tops, 1)
    )


def groups(result: Result, ordered: Sequence[Row]) -> tuple[Group, ...]:
    """Return the rows by visibility, public first; a group's points count its folded checks too."""
    return tuple(
        _group(visibility, result.checks, [row for row in ordered if row.check.visibility == visibility])
        for visibility in (Visibility.PUBLIC, Visibility.HIDDEN)
        if any(check.visibility == visibility for check in result.checks)
    )


def tally(checks: Iterable[CheckResult]) -> tuple[tuple[Outcome, int], ...]:
    """Return how many checks had each outcome, leaving out what did not occur."""
    outcomes = [check.outcome for check in checks]
    return tuple((outcome, outcomes.count(outcome)) for outcome in Outcome if outcome in outcomes)


def total(values: Iterable[float]) -> float:
    """Return the sum; nan instead of an error where infinities cancel."""
    numbers = list(values)
    return math.fsum(numbers) if all(map(math.isfinite, numbers)) else math.nan


def _group(visibility: Visibility, checks: Iterable[CheckResult], members: list[Row]) -> Group:
    own = [check for check in checks if check.visibility == visibility]
    return Group(
        visibility=visibility,
        rows=tuple(members),
        earned=total(check.earned for check in own),
        points=total(check.points for check in own),
    )


def _cause(check: CheckResult, by_name: Mapping[str, CheckResult]) -> str:
    """Return the name of the check at the root of a skip, or nothing where none can be named."""
    seen: set[str] = set()
    while check.outcome is Outcome.SKIPPED and check.name not in seen:
        seen.add(check.name)
        unmet = [by_name[need] for need in check.needs if need in by_name]
        unmet = [need for need in unmet if need.outcome is not Outcome.PASSED]
        if not unmet:
            return ""
        check = unmet[0]
    return check.name if seen and check.outcome is not Outcome.SKIPPED else ""
