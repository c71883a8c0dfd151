"""Who stands where: the gradebook's rows with policies applied, one learner at a time, and their history."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from harness.gradebook.deciding import rules
from harness.gradebook.models import (
    Adjustment,
    Alias,
    Attempt,
    Document,
    ExerciseRow,
    Extension,
    Learner,
    StoredResult,
)
from harness.gradebook.policy import Decision, Graded, Rules, Standing, counting, standings
from harness.interchange.records import GradeRow
from harness.records import Result
from harness.store import RESULT

AT_ONCE: Final = 500
"""Rows that are held in memory while they are read."""


@dataclass(slots=True)
class _Shared:
    """What is small and read once."""

    rules: Rules
    exercises: Mapping[str, ExerciseRow]
    decisions: Mapping[int, list[Decision]]
    extensions: Mapping[int, dict[str, str]]
    ids: Mapping[int, dict[str, str]]


def rows(session: Session, *, missing: bool = False) -> Iterator[GradeRow]:
    """Yield where everybody stands, by learner and exercise.

    Args:
        session: A snapshot to read from.
        missing: Whether to name exercises that a learner has not handed in.
    """
    shared = _shared(session)
    seen: set[int] = set()
    found = session.execute(_attempts().execution_options(yield_per=AT_ONCE))
    for learner, group in itertools.groupby(found, key=lambda row: (row.id, row.learner)):
        seen.add(learner[0])
        yield from _rows_of(list(group), shared, missing=missing)
    if missing or shared.decisions:
        everyone = select(Learner).where(Learner.merged_into.is_(None)).order_by(Learner.key)
        for one in session.scalars(everyone):
            if one.id not in seen and (missing or one.id in shared.decisions):
                yield from _rows_of([_Nobody(one)], shared, missing=missing)


class _Nobody:
    """A learner without attempts, in the shape of a row."""

    def __init__(self, learner: Learner) -> None:
        self.id, self.learner, self.name = learner.id, learner.key, learner.name
        self.email, self.section, self.exercise = learner.email, learner.section, None


def _attempts() -> Select[*tuple[Any, ...]]:
    """Return the query for all attempts, each with its newest result, by learner."""
    own, target = aliased(Learner), aliased(Learner)
    newest = (
        select(StoredResult.attempt_id, func.max(StoredResult.id).label("result"))
        .where(~StoredResult.proposed)
        .group_by(StoredResult.attempt_id)
        .subquery()
    )
    return (
        select(
            target.id,
            target.key.label("learner"),
            target.name,
            target.email,
            target.section,
            Attempt.exercise,
            Attempt.handed_in,
            Attempt.late,
            Attempt.seen_at,
            func.coalesce(func.nullif(Attempt.handed_in, ""), Attempt.seen_at).label("since"),
            Attempt.id.label("attempt"),
            Attempt.submission,
            StoredResult.outcome,
            StoredResult.earned,
            StoredResult.possible,
            StoredResult.pass_mark,
            StoredResult.graded_at,
            newest.c.result,
        )
        .join(own, own.id == Attempt.learner_id)
        .join(target, target.id == func.coalesce(own.merged_into, own.id))
        .outerjoin(newest, newest.c.attempt_id == Attempt.id)
        .outerjoin(StoredResult, StoredResult.id == newest.c.result)
        .order_by(target.key, target.id, Attempt.exercise, Attempt.id)
    )


def _shared(session: Session) -> _Shared:
    merged = {
        one.id: one.merged_into or one.id for one in session.execute(select(Learner.id, Learner.merged_into))
    }
    decisions: dict[int, list[Decision]] = defaultdict(list)
    for row in session.scalars(select(Adjustment).order_by(Adjustment.id)):
        made = Decision(exercise=row.exercise, kind=row.kind, points=row.points, item=row.item)
        decisions[merged[row.learner_id]].append(made)
    extensions: dict[int, dict[str, str]] = defaultdict(dict)
    for given in session.scalars(select(Extension).order_by(Extension.id)):
        extensions[merged[given.learner_id]][given.exercise] = given.until
    ids: dict[int, dict[str, str]] = defaultdict(dict)
    for alias in session.scalars(select(Alias)):
        ids[merged[alias.learner_id]].setdefault(alias.system, alias.written)
    exercises = {one.id: one for one in session.scalars(select(ExerciseRow).order_by(ExerciseRow.id))}
    return _Shared(rules(session), exercises, decisions, extensions, ids)


def _rows_of(group: list[Any], shared: _Shared, *, missing: bool) -> Iterator[GradeRow]:
    """Yield the rows of one learner."""
    first = group[0]
    attempts: dict[str, list[Graded]] = {name: [] for name in shared.exercises} if missing else {}
    for row in group:
        if row.exercise is not None:
            attempts.setdefault(row.exercise, []).append(_graded(row, shared.exercises))
    mine = shared.decisions.get(first.id, [])
    for one in standings(attempts, shared.rules, shared.extensions.get(first.id, {}), mine):
        yield _row(first, one, shared)


def earlier(session: Session) -> dict[tuple[str, str], str]:
    """Return the digest in the result that counts, by learner and exercise, where that is not the latest.

    Which attempt counts follows from the policies, as in `rows`.
    """
    shared = _shared(session)
    found: dict[int, tuple[str, str]] = {}
    everything = session.execute(_attempts().execution_options(yield_per=AT_ONCE))
    for (identity, learner, exercise), group in itertools.groupby(
        everything, key=lambda row: (row.id, row.learner, row.exercise)
    ):
        stored = {_graded(row, shared.exercises): row.result for row in group}
        one = counting(exercise, list(stored), shared.rules, shared.extensions.get(identity, {}))
        if one.order != max(each.order for each in stored):
            found[stored[one]] = (learner, exercise)
    return {found[number]: digest for number, digest in _digests(session, list(found))}


def _digests(session: Session, numbers: list[int]) -> Iterator[tuple[int, str]]:
    """Yield the digest of the files that each result is about; nothing for one without a document."""
    for start in range(0, len(numbers), AT_ONCE):
        some = select(Document).where(Document.result_id.in_(numbers[start : start + AT_ONCE]))
        for document in session.scalars(some.execution_options(yield_per=20)):
            yield document.result_id, RESULT.validate_json(document.json).submission


def _graded(row: Any, exercises: Mapping[str, ExerciseRow]) -> Graded:
    described = exercises.get(row.exercise)
    possible = described.possible if row.possible is None and described else row.possible
    return Graded(
        exercise=row.exercise,
        outcome=row.outcome or "ungraded",
        earned=row.earned or 0.0,
        possible=possible,
        pass_mark=row.pass_mark or 0.0,
        handed_in=row.handed_in,
        late=row.late,
        order=f"{row.handed_in or row.seen_at} {row.attempt:012}",
        graded_at=row.graded_at or "",
    )


def _row(learner: Any, one: Standing, shared: _Shared) -> GradeRow:
    described = shared.exercises.get(one.exercise)
    return GradeRow(
        learner=learner.learner,
        exercise=one.exercise,
        points=one.points,
        possible=described.possible if one.possible is None and described else one.possible,
        outcome=one.outcome,
        title=described.title if described else one.exercise,
        name=learner.name,
        email=learner.email,
        section=learner.section,
        ids=shared.ids.get(learner.id, {}),
        raw=one.raw,
        penalty=one.penalty,
        days_late=one.days_late,
        attempts=one.attempts,
        handed_in=one.handed_in,
        due=one.due,
        graded_at=one.graded_at,
        dropped=one.dropped,
        note="; ".join(one.notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a learner's grade."""

    when: str
    what: str
    exercise: str
    text: str
    author: str = "roadmark"
    reason: str = ""


def history(session: Session, learner: int, exercise: str = "") -> list[Event]:
    """Return all that happened to a learner's grades, oldest first."""
    mine = [
        *session.scalars(select(Learner.id).where((Learner.id == learner) | (Learner.merged_into == learner)))
    ]
    found = [*_gradings(session, mine), *_decisions(session, mine), *_extensions(session, mine)]
    return sorted((one for one in found if exercise in ("", one.exercise)), key=lambda one: one.when)


def _gradings(session: Session, learners: list[int]) -> Iterator[Event]:
    query = select(StoredResult, Attempt).join(Attempt).where(Attempt.learner_id.in_(learners))
    for result, attempt in session.execute(query.order_by(StoredResult.id)):
        points = f"{result.earned:g} of {result.possible:g}" if result.possible is not None else "no points"
        status = ", proposed" if result.proposed else ""
        text = f"{result.outcome}, {points}{status}, files {attempt.submission[:12]}"
        yield Event(
            when=result.graded_at, what="graded", exercise=attempt.exercise, text=text, reason=result.fault
        )


def _decisions(session: Session, learners: list[int]) -> Iterator[Event]:
    query = select(Adjustment).where(Adjustment.learner_id.in_(learners)).order_by(Adjustment.id)
    for row in session.scalars(query):
        points = "" if row.points is None else f" {row.points:g}"
        text = f"{row.kind}{f' {row.item}' if row.item else ''}{points}"
        yield Event(
            when=row.made_at,
            what="adjusted",
            exercise=row.exercise,
            text=text,
            author=row.author,
            reason=row.reason,
        )


def _extensions(session: Session, learners: list[int]) -> Iterator[Event]:
    query = select(Extension).where(Extension.learner_id.in_(learners)).order_by(Extension.id)
    for row in session.scalars(query):
        yield Event(
            when=row.made_at,
            what="extended",
            exercise=row.exercise,
            text=f"until {row.until}",
            author=row.author,
            reason=row.reason,
        )


def results(session: Session) -> Iterator[tuple[str, Result]]:
    """Yield learner and whole result of each attempt's newest verdict, one at a time, the oldest first."""
    newest = _attempts().subquery()
    query = (
        select(newest.c.learner, Document.json)
        .join(StoredResult, StoredResult.attempt_id == newest.c.attempt)
        .join(Document, Document.result_id == StoredResult.id)
        .where(
            StoredResult.id
            == select(func.max(StoredResult.id))
            .where(StoredResult.attempt_id == newest.c.attempt, ~StoredResult.proposed)
            .correlate(newest)
            .scalar_subquery()
        )
        .order_by(newest.c.learner, newest.c.exercise, newest.c.since, newest.c.attempt)
    )
    for row in session.execute(query.execution_options(yield_per=20)):
        yield row.learner, RESULT.validate_json(row.json)
