"""A rehearsal: a made-up cohort is written, graded and compared with what is known of it beforehand."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.catalog import Course
from harness.cohort.batch import Settled, Tally, run_batch
from harness.cohort.demo import Mixture, demo_cohort
from harness.cohort.executor import Manner
from harness.cohort.planning import Wanted, plan
from harness.gradebook import Gradebook
from harness.gradebook.standing import rows
from harness.interchange.cells import number
from harness.interchange.folders import read_tree
from harness.interchange.records import GradeRow


@dataclass(frozen=True, slots=True)
class Difference:
    """A submission that was graded otherwise than expected: outcome and points, empty where not known."""

    learner: str
    exercise: str
    expected: tuple[str, str]
    found: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of it."""

    tally: Tally
    differences: tuple[Difference, ...]
    book: Path


def rehearse(
    course: Course,
    count: int,
    seed: int,
    folder: Path,
    *,
    manner: Manner,
    exercises: Sequence[str] = (),
    mixture: Mixture | None = None,
    progress: Callable[[Settled], None] = lambda _: None,
) -> Rehearsal:
    """Grade a made-up cohort and return where it differs from what is known of it; nowhere, if all is well.

    Args:
        course: Gives the exercises.
        count: How many learners there are.
        seed: The same seed makes the same cohort.
        folder: Takes `cohort/` and `gradebook.db`; `cohort/` must not exist.
        manner: Sandbox and gradings at once.
        exercises: Which exercises; by default all without metrics.
        mixture: How often each kind of submission is dealt.
        progress: Is told of each verdict.

    Raises:
        SpecError, SandboxError, GradebookError: as for a batch.
    """
    cohort = folder / "cohort"
    demo_cohort(course, count, seed, cohort, exercises, mixture)
    source = read_tree(cohort, course.names())
    found = {name: course.find(name) for name in {one.exercise for one in source.handed}}
    with Gradebook(str(folder / "gradebook.db")) as book:
        made = plan(
            book,
            course,
            [(found[one.exercise], one) for one in source.handed],
            Wanted(sandbox=manner.sandbox),
        )
        tally = run_batch(book, course, made.works, manner, progress)
        with book.reading() as session:
            differences = compare((cohort / "expected.csv").read_bytes(), rows(session))
    return Rehearsal(tally=tally, differences=tuple(differences), book=folder / "gradebook.db")


def compare(expected: bytes, found: Iterable[GradeRow]) -> list[Difference]:
    """Return the rows that are not as expected.csv says; points that chance decides are not compared."""
    graded = {(row.learner, row.exercise): (row.outcome, number(row.points)) for row in found}
    differences = []
    for line in csv.DictReader(io.StringIO(expected.decode(), newline="")):
        key, want = (line["learner"], line["exercise"]), (line["outcome"], line["points"])
        got = graded.get(key, ("", ""))
        right = got == want if want[1] else got[0] not in ("", "ungraded")
        if not right:
            differences.append(Difference(*key, expected=want, found=got))
    return differences
