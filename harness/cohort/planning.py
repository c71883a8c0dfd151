"""What a batch has to do: the submissions of a source that have no verdict yet under today's key."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, Literal

from sqlalchemy.orm import Session

from harness.catalog import Course
from harness.cohort.fingerprint import digest_of, grader_key, result_key
from harness.cohort.grading import Work
from harness.errors import SpecError
from harness.gradebook import Gradebook, deciding, ledger, roster
from harness.interchange.records import Handed
from harness.records import Exercise

AT_ONCE: Final = 50
"""How many submissions are looked up in one transaction: others want to write as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which submissions to grade."""

    sandbox: Literal["docker", "process"] = "docker"
    only: tuple[str, ...] = ()
    """Patterns of learners or exercises; none for all."""
    changed: bool = False
    """Only files that have no verdict at all: a mended grader alone grades nothing again."""
    retry_ungraded: bool = False
    """Only what was tried and left ungraded."""
    regrade: bool = False
    """Everything again, as proposals."""
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done, and what needs nothing."""

    works: tuple[Work, ...]
    """To be graded now."""
    every: tuple[Work, ...]
    """All that was asked for, what has a verdict included."""
    left: int = 0
    """Submissions beyond the limit."""

    @property
    def done(self) -> int:
        """Return how many submissions had their verdict already."""
        return len(self.every) - len(self.works) - self.left


def plan(book: Gradebook, course: Course, handed: Iterable[tuple[Exercise, Handed]], wanted: Wanted) -> Plan:
    """Write down who handed in what, and return what is to be graded; raises `SpecError` if nothing fits."""
    found = [pair for pair in handed if _asked_for(*pair, wanted.only)]
    if wanted.only and not found:
        raise SpecError(
            f"nothing in the source fits --only {' '.join(wanted.only)}", hint="roadmark import --dry-run"
        )
    keys = {
        one.id: grader_key(course, one, wanted.sandbox)
        for one in {pair[0].id: pair[0] for pair in found}.values()
    }
    judged = {one.id: one for one, _ in found if one.rubric}
    if judged:
        book.write(lambda session: deciding.take_rubrics(session, judged.values()))
    prepared = [(exercise, one, digest_of(one)) for exercise, one in found]
    looked: dict[tuple[int, ...], tuple[Work, bool]] = {}
    for portion in _portions(prepared):
        found_there = book.write(partial(_looked_up, portion=portion, keys=keys, wanted=wanted))
        looked |= {work.attempts: (work, due) for work, due in found_there}
    due = [work for work, is_due in looked.values() if is_due]
    now = due if wanted.limit is None else due[: wanted.limit]
    return Plan(works=tuple(now), every=tuple(work for work, _ in looked.values()), left=len(due) - len(now))


Prepared = tuple[Exercise, Handed, str]


def _portions(items: Sequence[Prepared]) -> Iterator[list[Prepared]]:
    rest = iter(items)
    while portion := list(itertools.islice(rest, AT_ONCE)):
        yield portion


def _asked_for(exercise: Exercise, handed: Handed, patterns: Sequence[str]) -> bool:
    names = [exercise.id, exercise.id.rpartition("/")[2], *(one.key for one in handed.people)]
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _looked_up(
    session: Session, *, portion: Sequence[Prepared], keys: Mapping[str, str], wanted: Wanted
) -> list[tuple[Work, bool]]:
    """Return the work that each submission is, and whether it is to be done."""
    found = []
    for exercise, handed, digest in portion:
        attempts = tuple(
            ledger.attempt_of(
                session,
                roster.enrol(session, person),
                exercise.id,
                digest,
                origin=str(handed.path),
                handed_in=handed.handed_in,
                late=handed.late,
            )
            for person in handed.people
        )
        key = result_key(digest, keys[exercise.id])
        learner = "+".join(person.key for person in handed.people)
        work = Work(
            learner=learner, handed=handed, exercise=exercise, digest=digest, key=key, attempts=attempts
        )
        found.append((work, any(_is_due(session, attempt, key, wanted) for attempt in attempts)))
    return found


def _is_due(session: Session, attempt: int, key: str, wanted: Wanted) -> bool:
    if wanted.regrade:
        return ledger.state(session, attempt, key, proposed=True) != "graded"
    state = ledger.state(session, attempt, key)
    if state == "graded" or (wanted.retry_ungraded and state != "ungraded"):
        return False
    return not (wanted.changed and ledger.is_graded(session, attempt))
