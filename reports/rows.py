"""Checks in the order a learner reads them: by what they teach, those that wait folded under their cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.records import CheckResult, Outcome, Visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.records import Result

WHOLE: Final = frozenset({"import", "invalid"})
"""Reasons why a submission answers no question at all: said once, not with every check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A check and those that wait for it."""

    anchor: str
    """Its id on the page, made from its place: names are not trusted."""
    check: CheckResult
    waiting: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Checks that teach the same, or those of one visibility where the grader has no headings."""

    heading: str
    visibility: Visibility | None
    """None where public and hidden checks stand together."""
    rows: tuple[Row, ...]
    earned: float
    points: float


def rows(result: Result) -> tuple[Row, ...]:
    """Return a row for each check that is not waiting for another one."""
    by_name = {check.name: check for check in reversed(result.checks)}
    first = _first_of_whole(result.checks)
    causes = [_told_at(check, by_name, first) for check in result.checks]
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
    """Return the rows by heading, in the grader's order; those without one by visibility, public first.

    A group's points count its folded checks too.
    """
    kinds = sorted({_kind(check) for check in result.checks}, key=_place(result.checks))
    return tuple(
        _group(*kind, result.checks, [row for row in ordered if _kind(row.check) == kind]) for kind in kinds
    )


def _kind(check: CheckResult) -> tuple[str, Visibility | None]:
    if check.teaches:
        return check.teaches[0].upper() + check.teaches[1:], None
    return f"{check.visibility.capitalize()} checks", check.visibility


def _place(checks: Sequence[CheckResult]) -> Callable[[tuple[str, Visibility | None]], tuple[int, int]]:
    """Return what headings are sorted by: where their first check stands, and hidden ones last."""
    places = {_kind(check): at for at, check in reversed(tuple(enumerate(checks)))}
    return lambda kind: ([None, Visibility.PUBLIC, Visibility.HIDDEN].index(kind[1]), places[kind])


def tally(checks: Iterable[CheckResult]) -> tuple[tuple[Outcome, int], ...]:
    """Return how many checks had each outcome, leaving out what did not occur."""
    outcomes = [check.outcome for check in checks]
    return tuple((outcome, outcomes.count(outcome)) for outcome in Outcome if outcome in outcomes)


def total(values: Iterable[float]) -> float:
    """Return the sum; nan instead of an error where infinities cancel."""
    numbers = list(values)
    return math.fsum(numbers) if all(map(math.isfinite, numbers)) else math.nan


def _group(
    heading: str, visibility: Visibility | None, checks: Iterable[CheckResult], members: list[Row]
) -> Group:
    own = [check for check in checks if _kind(check) == (heading, visibility)]
    return Group(
        heading=heading,
        visibility=visibility,
        rows=tuple(members),
        earned=total(check.earned for check in own),
        points=total(check.points for check in own),
    )


def _first_of_whole(checks: Iterable[CheckResult]) -> CheckResult | None:
    """Return the check that met a failure of the whole submission first."""
    return next((one for one in checks if one.outcome is Outcome.CRASHED and one.reason in WHOLE), None)


def _told_at(check: CheckResult, by_name: Mapping[str, CheckResult], first: CheckResult | None) -> str:
    """Return the name of the check that a check is folded under, or nothing."""
    cause = _cause(check, by_name)
    blamed = by_name[cause] if cause else check
    if first is None or blamed is first or blamed.outcome is not Outcome.CRASHED:
        return cause
    return first.name if blamed.reason in WHOLE else cause


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
