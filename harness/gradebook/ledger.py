"""What was handed in and what grading said: attempts, claims and results.

Each function is one step inside a transaction of `Gradebook.write` and comes to the same
when it is done twice. A result is written once for its key and turn; two batches agree by
claims on who grades, and a claim dies with its owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from harness.gradebook.models import Attempt, Claim, Document, ExerciseRow, Learner, StoredResult
from harness.gradebook.outcome import outcome_of
from harness.interchange.times import now
from harness.records import Result
from harness.store import RESULT

State = Literal["new", "ungraded", "graded"]
CHUNK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is written down about one grading: the result, or why there is none."""

    key: str
    graded_at: str
    result: Result | None = None
    fault: str = ""

    @property
    def outcome(self) -> str:
        """Return it in one word."""
        return outcome_of(self.result) if self.result else "ungraded"


def attempt_of(
    session: Session,
    learner: int,
    exercise: str,
    submission: str,
    *,
    origin: str = "",
    handed_in: str = "",
    late: bool = False,
) -> int:
    """Return the id of an attempt, made if these files are new from this learner.

    Files that are handed in again after others count as the newest.
    """
    theirs = session.scalars(
        select(Attempt)
        .where(Attempt.learner_id == learner, Attempt.exercise == exercise)
        .order_by(Attempt.seen_at, Attempt.id)
    ).all()
    found = next((one for one in theirs if one.submission == submission), None)
    if found is None:
        found = Attempt(
            learner_id=learner,
            exercise=exercise,
            submission=submission,
            origin=origin,
            handed_in=handed_in,
            late=late,
            seen_at=now(),
        )
        session.add(found)
        session.flush()
    elif found is not theirs[-1] and not found.handed_in:
        found.seen_at = now()
    if handed_in and (not found.handed_in or handed_in < found.handed_in):
        found.handed_in = handed_in
    return found.id


def state(session: Session, attempt: int, key: str, *, proposed: bool = False) -> State:
    """Return whether an attempt has a verdict under a key, was tried in vain, or neither."""
    outcomes = session.scalars(
        select(StoredResult.outcome).where(
            StoredResult.attempt_id == attempt,
            StoredResult.key == key,
            StoredResult.proposed == proposed,
        )
    ).all()
    if any(outcome != "ungraded" for outcome in outcomes):
        return "graded"
    return "ungraded" if outcomes else "new"


def is_graded(session: Session, attempt: int) -> bool:
    """Whether an attempt has a verdict under any key."""
    query = select(StoredResult.id).where(
        StoredResult.attempt_id == attempt, StoredResult.outcome != "ungraded", ~StoredResult.proposed
    )
    return session.execute(query.limit(1)).first() is not None


def claim(
    session: Session,
    attempt: int,
    key: str,
    owner: str,
    *,
    seconds: float,
    alive: Callable[[str], bool],
) -> bool:
    """Take an attempt for grading; False if somebody who is alive has it."""
    until = time.time() + seconds
    found = session.get(Claim, (attempt, key), populate_existing=True)
    if found is None:
        session.add(Claim(attempt_id=attempt, key=key, owner=owner, until=until))
        session.flush()
        return True
    if found.owner != owner and alive(found.owner) and found.until > time.time():
        return False
    taken = session.execute(
        update(Claim)
        .where(Claim.attempt_id == attempt, Claim.key == key, Claim.owner == found.owner)
        .values(owner=owner, until=until)
    )
    return bool(getattr(taken, "rowcount", 1))


def release(session: Session, attempt: int, key: str) -> None:
    """Let somebody else grade it."""
    session.execute(delete(Claim).where(Claim.attempt_id == attempt, Claim.key == key))


def release_all(session: Session, owner: str) -> None:
    """Give back all that an owner holds, and what nobody holds any more."""
    session.execute(delete(Claim).where((Claim.owner == owner) | (Claim.until < time.time())))


def keep(session: Session, attempts: Iterable[int], entry: Entry, *, proposed: bool = False) -> None:
    """Write down what came of a grading, once for each attempt that it answers, and end the claims.

    A verdict that is there already under the key stays, unless this one is a proposal.
    """
    for attempt in attempts:
        if state(session, attempt, entry.key, proposed=proposed) != "graded":
            _add(session, attempt, entry, proposed=proposed)
        release(session, attempt, entry.key)
    if entry.result:
        _describe(session, entry.result)


def _add(session: Session, attempt: int, entry: Entry, *, proposed: bool) -> None:
    turn = session.execute(
        select(func.max(StoredResult.turn)).where(
            StoredResult.attempt_id == attempt, StoredResult.key == entry.key
        )
    ).scalar()
    result = entry.result
    stored = StoredResult(
        attempt_id=attempt,
        key=entry.key,
        turn=0 if turn is None else turn + 1,
        proposed=proposed,
        outcome=entry.outcome,
        earned=result.score.earned if result else 0.0,
        possible=result.score.possible if result else None,
        ungraded=result.score.ungraded if result else 0.0,
        pass_mark=result.pass_mark if result else 0.0,
        fault=entry.fault,
        seconds=result.provenance.seconds if result else 0.0,
        graded_at=entry.graded_at,
    )
    session.add(stored)
    session.flush()
    if result:
        session.add(Document(result_id=stored.id, json=RESULT.dump_json(result).decode()))


def _describe(session: Session, result: Result) -> None:
    """Write down an exercise's title and points, if they are new."""
    score = result.score
    known = session.get(ExerciseRow, result.exercise)
    if known is None:
        known = ExerciseRow(id=result.exercise)
        session.add(known)
    if (known.title, known.possible, known.pass_mark) != (
        result.exercise_title,
        score.possible,
        result.pass_mark,
    ):
        known.title, known.possible, known.pass_mark = result.exercise_title, score.possible, result.pass_mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a proposed result would change."""

    attempt: int
    before: tuple[str, float] | None
    """Outcome and points of what counts now."""
    after: tuple[str, float]


def changes(session: Session, attempts: Iterable[int]) -> list[Change]:
    """Return what the proposals for some attempts would change, those that change nothing included."""
    found = []
    for attempt in attempts:
        after = _newest(session, attempt, proposed=True)
        if after:
            found.append(
                Change(attempt=attempt, before=_newest(session, attempt, proposed=False), after=after)
            )
    return found


def _newest(session: Session, attempt: int, *, proposed: bool) -> tuple[str, float] | None:
    row = session.execute(
        select(StoredResult.outcome, StoredResult.earned)
        .where(StoredResult.attempt_id == attempt, StoredResult.proposed == proposed)
        .order_by(StoredResult.id.desc())
        .limit(1)
    ).first()
    return (row.outcome, row.earned) if row else None


def verdicts(session: Session, exercise: str) -> Iterator[tuple[int, str, str, str, Result]]:
    """Yield attempt, learner, digest of the files, key and result of each newest verdict that counts."""
    newest = (
        select(func.max(StoredResult.id))
        .where(~StoredResult.proposed, StoredResult.outcome != "ungraded")
        .group_by(StoredResult.attempt_id)
    )
    query = (
        select(Attempt.id, Learner.key.label("learner"), Attempt.submission, StoredResult.key, Document.json)
        .join(StoredResult, StoredResult.attempt_id == Attempt.id)
        .join(Learner, Learner.id == Attempt.learner_id)
        .join(Document, Document.result_id == StoredResult.id)
        .where(Attempt.exercise == exercise, StoredResult.id.in_(newest))
        .order_by(Learner.key, Attempt.id)
    )
    for row in session.execute(query.execution_options(yield_per=20)):
        yield row.id, row.learner, row.submission, row.key, RESULT.validate_json(row.json)


def apply_proposals(session: Session, keys: Mapping[int, str]) -> int:
    """Let proposed verdicts count, given the key of each attempt; return how many.

    They are copied to new rows so that the newest row of an attempt is what counts; a
    proposal that is ungraded or of another key is dropped.
    """
    applied = 0
    proposals = session.scalars(
        select(StoredResult).where(StoredResult.proposed, StoredResult.attempt_id.in_(keys))
    ).all()
    for proposal in proposals:
        json = session.scalar(select(Document.json).where(Document.result_id == proposal.id))
        session.execute(delete(Document).where(Document.result_id == proposal.id))
        session.delete(proposal)
        session.flush()
        if proposal.outcome != "ungraded" and proposal.key == keys[proposal.attempt_id] and json:
            _add_again(session, proposal, json)
            applied += 1
    return applied


def _add_again(session: Session, proposal: StoredResult, json: str) -> None:
    fields = {
        column.key: getattr(proposal, column.key)
        for column in StoredResult.__table__.columns
        if column.key not in ("id", "proposed")
    }
    stored = StoredResult(**fields, proposed=False)
    session.add(stored)
    session.flush()
    session.add(Document(result_id=stored.id, json=json))
