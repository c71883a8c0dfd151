"""What was handed in and what grading said: attempts, claims and results.

Each function is one step inside a transaction of `Gradebook.write` and comes to the same
when it is done twice. A result is written once for its key and turn; two batches agree by
claims on who grades, and a claim dies with its owner.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from sqlalchemy import delete, func, insert, select, tuple_, update
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


Pair = tuple[int, str]
"""An attempt, and the key by which a result of it is known."""


def states(session: Session, pairs: Iterable[Pair], *, proposed: bool = False) -> dict[Pair, State]:
    """Return of each attempt and key whether there is a verdict, was a try in vain, or neither."""
    found: dict[Pair, State] = dict.fromkeys(pairs, "new")
    for portion in _portions(found):
        found |= _states_of(_stored(session, portion), proposed=proposed)
    return found


class _Stored(NamedTuple):
    """What is asked of a result that is there."""

    attempt_id: int
    key: str
    turn: int
    proposed: bool
    outcome: str


def _stored(session: Session, pairs: Iterable[Pair]) -> list[_Stored]:
    """Return what is there, by one question: between two, another writer may come."""
    columns = [getattr(StoredResult, name) for name in _Stored._fields]
    mark = tuple_(StoredResult.attempt_id, StoredResult.key)
    return [_Stored(*row) for row in session.execute(select(*columns).where(mark.in_(list(pairs))))]


def _states_of(rows: Iterable[_Stored], *, proposed: bool) -> dict[Pair, State]:
    found: dict[Pair, State] = {}
    for row in rows:
        pair = (row.attempt_id, row.key)
        if row.proposed == proposed and found.get(pair) != "graded":
            found[pair] = "ungraded" if row.outcome == "ungraded" else "graded"
    return found


def _portions(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    rest = iter(pairs)
    while portion := list(itertools.islice(rest, CHUNK)):
        yield portion


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
    return bool(claim_all(session, [(attempt, key)], owner, seconds=seconds, alive=alive))


def claim_all(
    session: Session,
    pairs: Sequence[Pair],
    owner: str,
    *,
    seconds: float,
    alive: Callable[[str], bool],
) -> set[Pair]:
    """Take attempts for grading, and return those that nobody has who is alive."""
    until = time.time() + seconds
    held: dict[Pair, str] = {}
    for portion in _portions(pairs):
        mark = tuple_(Claim.attempt_id, Claim.key)
        rows = session.execute(
            select(Claim.attempt_id, Claim.key, Claim.owner, Claim.until).where(mark.in_(portion))
        )
        for attempt, key, holder, end in rows:
            if holder != owner and alive(holder) and end > time.time():
                held[attempt, key] = holder
            else:
                taken = update(Claim).where(
                    Claim.attempt_id == attempt, Claim.key == key, Claim.owner == holder
                )
                changed = session.execute(taken.values(owner=owner, until=until))
                held[attempt, key] = owner if getattr(changed, "rowcount", 1) else holder
    new = [pair for pair in dict.fromkeys(pairs) if pair not in held]
    if new:
        fields = [{"attempt_id": attempt, "key": key, "owner": owner, "until": until} for attempt, key in new]
        session.execute(insert(Claim), fields)
    return {*new, *(pair for pair, holder in held.items() if holder == owner)}


def renew(session: Session, owner: str, seconds: float) -> None:
    """Hold all that an owner has claimed for so long from now."""
    session.execute(update(Claim).where(Claim.owner == owner).values(until=time.time() + seconds))


def release(session: Session, attempt: int, key: str) -> None:
    """Let somebody else grade it."""
    session.execute(delete(Claim).where(Claim.attempt_id == attempt, Claim.key == key))


def release_all(session: Session, owner: str) -> None:
    """Give back all that an owner holds, and what nobody holds any more."""
    session.execute(delete(Claim).where((Claim.owner == owner) | (Claim.until < time.time())))


def keep(session: Session, attempts: Iterable[int], entry: Entry, *, proposed: bool = False) -> None:
    """Write down what came of a grading, once for each attempt that it answers, and end the claims."""
    keep_all(session, [(tuple(attempts), entry)], proposed=proposed)


def keep_all(
    session: Session, kept: Sequence[tuple[Sequence[int], Entry]], *, proposed: bool = False
) -> None:
    """Write down what came of gradings, each once for every attempt that it answers, and end the claims.

    A verdict that is there already under the key stays, unless this one is a proposal.
    """
    entries = {(attempt, entry.key): entry for attempts, entry in kept for attempt in attempts}
    for portion in _portions(entries):
        _keep_portion(session, {pair: entries[pair] for pair in portion}, proposed=proposed)
    for result in {entry.result.exercise: entry.result for _, entry in kept if entry.result}.values():
        _describe(session, result)


def _keep_portion(session: Session, entries: Mapping[Pair, Entry], *, proposed: bool) -> None:
    """Write what has no verdict yet, with as few questions to the database as for one."""
    there = _stored(session, entries)
    known = _states_of(there, proposed=proposed)
    turns: dict[Pair, int] = {}
    for row in there:
        turns[row.attempt_id, row.key] = max(row.turn + 1, turns.get((row.attempt_id, row.key), 0))
    rows = [
        (_row(pair, entry, turns.get(pair, 0), proposed=proposed), entry)
        for pair, entry in entries.items()
        if known.get(pair) != "graded"
    ]
    session.add_all(row for row, _ in rows)
    session.flush()
    texts = [
        {"result_id": row.id, "json": RESULT.dump_json(entry.result).decode()}
        for row, entry in rows
        if entry.result
    ]
    if texts:
        session.execute(insert(Document), texts)
    session.execute(delete(Claim).where(tuple_(Claim.attempt_id, Claim.key).in_(list(entries))))


def _row(pair: Pair, entry: Entry, turn: int, *, proposed: bool) -> StoredResult:
    result = entry.result
    return StoredResult(
        attempt_id=pair[0],
        key=pair[1],
        turn=turn,
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
