"""Apply a mended grader, or other marks, to what a submission answered before; nothing of it is run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.catalog import Course
from harness.errors import GraderError, NotRecorded
from harness.gpu.choosing import on_cpu, on_gpu
from harness.grade import Options, grade
from harness.recording import conditions, file_of, load, unpacked
from harness.records import CheckResult, Exercise, Result

NOTICE: Final = "Re-scored from what was kept of the run; the submission was not run again."


def rescore(course: Course, exercise: Exercise, result: Result, folder: Path, *, seeds: int = 1) -> Result:
    """Return a result as today's grader and marks would have it.

    The grader asks with the seed of the run, so that it asks the same; a question that it
    asks no more is passed over, and the answers to the others stay as they were given.

    Args:
        course: Has the grader and its marks.
        exercise: As it is now.
        result: What grading said; its seed tells which recording is its own.
        folder: Where recordings were kept.
        seeds: Runs at most, as when it was graded.

    Raises:
        NotRecorded: an answer is not there, or was given under other conditions.
        SpecError, GraderError: the exercise's author has to mend something.
    """
    exercise, seed = as_graded(exercise, result), result.provenance.seed
    file = file_of(folder, seed)
    kept, _ = load(file)
    if kept.dropped:
        raise NotRecorded(f"its answers were not kept: {kept.dropped}")
    if (kept.seed, kept.exercise) != (seed, exercise.id):
        raise NotRecorded(f"{file} belongs to another run")
    if kept.conditions != conditions(exercise, kept.sandbox):
        raise NotRecorded("the exercise's limits or entry, or the sandbox's image, are others now")
    options = Options(
        sandbox=kept.sandbox, seed=bytes.fromhex(seed), kind=result.kind, seeds=seeds, replay=folder
    )
    found = grade(course, exercise, unpacked(kept.submission), options, refused=kept.refused)
    if found.score.ungraded:
        raise GraderError(_fault(found), hint="roadmark lint")
    return _merged(result, found)


def as_graded(exercise: Exercise, result: Result) -> Exercise:
    """Return an exercise with the budget and marks of what the result's submission ran on."""
    return on_gpu(exercise) if result.provenance.gpu else on_cpu(exercise)


def _fault(found: Result) -> str:
    """Return why checks have no verdict."""
    return next((one.message for one in found.checks if one.reason == "fault"), "checks have no verdict")


def _merged(before: Result, found: Result) -> Result:
    """Return the run as it was, with what is made of it now."""
    seconds = {check.name: check.seconds for check in before.checks}
    checks = tuple(_timed(check, seconds) for check in found.checks)
    origin = replace(
        before.provenance,
        roadmark=found.provenance.roadmark,
        exercise_digest=found.provenance.exercise_digest,
        grader_digest=found.provenance.grader_digest,
    )
    notices = (*(text for text in before.notices if text != NOTICE), NOTICE)
    return replace(
        found,
        learner=before.learner,
        submission=before.submission,
        origin=before.origin,
        checks=checks,
        notices=notices,
        log=before.log,
        notebook=before.notebook,
        provenance=origin,
    )


def _timed(check: CheckResult, seconds: dict[str, float]) -> CheckResult:
    return replace(check, seconds=seconds.get(check.name, check.seconds))
