"""Re-score a gradebook's results for an exercise: each from its recording, all as proposals first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.catalog import Course
from harness.cohort.fingerprint import grader_key, result_key
from harness.errors import RoadmarkError
from harness.grade import SEEDS
from harness.gradebook import Gradebook, ledger
from harness.gradings import gradings, places
from harness.interchange.times import now
from harness.records import Exercise, Result
from harness.rescore import as_graded, rescore


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A result that counts, and the attempt that it answers."""

    attempt: int
    learner: str
    submission: str
    """Digest of the files as they came."""
    key: str
    """Under which the result is known now."""
    result: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What came of one: the result under today's grader, or why it cannot be re-scored."""

    kept: Kept
    key: str
    result: Result | None = None
    reason: str = ""


def rescore_all(
    book: Gradebook, course: Course, exercise: Exercise, folder: Path, jobs: int = 0
) -> Iterator[Rescored]:
    """Yield what came of each result that today's grader has not scored, written down as a proposal.

    Args:
        book: Has the results.
        course: Has the grader and its marks.
        exercise: Whose results.
        folder: Where recordings were kept.
        jobs: How many at once; 0 for one on each processor.
    """
    keys: dict[tuple[str, str], str] = {}
    due: list[tuple[Kept, str]] = []
    with book.reading() as session:
        for attempt, learner, submission, key, result in ledger.verdicts(session, exercise.id):
            sandbox, ran = result.provenance.sandbox, as_graded(exercise, result)
            grader = keys.setdefault((sandbox, ran.device), grader_key(course, ran, sandbox))
            wanted = result_key(submission, grader)
            if key != wanted:
                kept = Kept(attempt=attempt, learner=learner, submission=submission, key=key, result=result)
                due.append((kept, wanted))
    yield from _worked_through(book, course, exercise, folder, due, jobs)


def _worked_through(
    book: Gradebook,
    course: Course,
    exercise: Exercise,
    folder: Path,
    due: Sequence[tuple[Kept, str]],
    jobs: int,
) -> Iterator[Rescored]:
    if not due:
        return
    book.engine.dispose()  # no forked process inherits a connection
    works = [((kept, key), kept.result) for kept, key in due]
    with gradings(course, (exercise,), places(jobs)[: len(due)]) as at_once:
        function = partial(_one, course, exercise, folder)
        for (kept, key), (result, reason) in at_once.each(function, works):
            if result is not None:
                entry = ledger.Entry(key=key, graded_at=now(), result=result)
                book.write(partial(ledger.keep, attempts=[kept.attempt], entry=entry, proposed=True))
            yield Rescored(kept=kept, key=key, result=result, reason=reason)


def _one(course: Course, exercise: Exercise, folder: Path, result: Result) -> tuple[Result | None, str]:
    """Return a new result, or why there is none; in a process of its own."""
    try:
        return rescore(course, exercise, result, folder, seeds=SEEDS), ""
    except RoadmarkError as error:
        return None, str(error)
