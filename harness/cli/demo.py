"""`roadmark demo`: see it work, on references, on wrong solutions, and on a made-up cohort of this course."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from harness.cli.options import choose_sandbox, course_of, read

if TYPE_CHECKING:
    from harness.catalog import Course
    from harness.gradings import Graded, Trial
    from harness.records import Exercise, Result

WRONG_EACH: Final = 1
SEED: Final = 1
FOR_COHORTS: Final = "transformers/attention"
"""What the cohort hands in: it asks much and is graded within two seconds."""


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="demo-reports", show_default=True
)
@click.option(
    "--learners", type=click.IntRange(0), default=30, show_default=True, help="How large the cohort is."
)
@click.pass_context
def demo(ctx: click.Context, out: Path, learners: int) -> None:
    """Grade references and wrong solutions of every exercise, then a cohort, and write reports of all.

    References must earn every point, wrong solutions must not pass, and the cohort must earn
    what is known of it beforehand; anything else ends with exit status 1. Without a Docker
    engine the process sandbox is used, and said.
    """
    course = course_of(ctx)
    surprises = _samples(course, out)
    if learners:
        surprises += _cohort(ctx, course, out, learners)
    ctx.exit(1 if surprises else 0)


# ---- references and wrong solutions ----------------------------------------------------------


def samples(course: Course) -> Iterator[tuple[str, str, Path]]:
    """Yield exercise, kind and folder of what the demo grades: each reference and some wrong solutions."""
    for name in course.names():
        reference = course.reference_folder(name)
        yield name, "reference", reference / "solution"
        for wrong in sorted((reference / "wrong").glob("*/"))[:WRONG_EACH]:
            yield name, wrong.name, wrong


def _samples(course: Course, out: Path) -> int:
    """Grade the samples, as many at once as there are processors; return how many were a surprise."""
    from harness.gradings import gradings, places

    exercises = {name: course.find(name) for name in course.names()}
    sandboxes = {name: choose_sandbox("auto", one, trusted=True) for name, one in exercises.items()}
    trials = [
        (key, _trial(course, exercises[key[0]], sandboxes[key[0]], *key[1:])) for key in samples(course)
    ]
    surprises = 0
    with gradings(course, tuple(exercises.values()), places()) as at_once:
        for (name, kind, _), graded in at_once.graded(trials):
            surprises += _told(exercises[name], kind, graded, out / name / f"{kind}.html")
    click.echo(f"\nReports: {out.resolve()}/*/*/*.html")
    return surprises


def _trial(
    course: Course, exercise: Exercise, sandbox: Literal["docker", "process"], kind: str, folder: Path
) -> Trial:
    from harness.grade import Options
    from harness.gradings import Trial

    submission, refused = read(course, exercise, folder, kind)
    return Trial(exercise=exercise, submission=submission, options=Options(sandbox=sandbox), refused=refused)


def _told(exercise: Exercise, kind: str, graded: Graded, page: Path) -> bool:
    """Print what came of a sample, write its report, and return whether it is a surprise."""
    result = graded.result
    if result is None:
        click.echo(f"✗ {exercise.id:24} {kind:28} {graded.fault}")
        return True
    _write(page, result, exercise)
    right = result.score.earned == result.score.possible if kind == "reference" else not result.score.passed
    points = f"{result.score.earned:5.4g} of {result.score.possible:g}"
    verdict = "passed" if result.score.passed else "not passed"
    seconds = f"{result.provenance.seconds:5.1f} s"
    sandbox = result.provenance.sandbox
    mark = "✓" if right else "✗"
    click.echo(f"{mark} {exercise.id:24} {kind:28} {points:>14}  {verdict:11} {seconds}  {sandbox}")
    return not right


def _write(page: Path, result: Result, exercise: Exercise) -> None:
    from harness.store import save
    from reports import pages_of

    save(result, page.with_suffix(".json"))
    for name, text in pages_of(result, exercise, page.name):
        page.with_name(name).write_text(text, encoding="utf-8")


# ---- a cohort --------------------------------------------------------------------------------


def _cohort(ctx: click.Context, course: Course, out: Path, learners: int) -> int:
    """Grade a made-up cohort and write its site; return how many were graded otherwise than expected."""
    from harness.cli.progress import watching
    from harness.cli.report import report
    from harness.cohort.demo import Mixture, cheap
    from harness.cohort.executor import Manner
    from harness.cohort.rehearsal import rehearse

    name = FOR_COHORTS if FOR_COHORTS in course.names() else next(iter(cheap(course)), "")
    if not name:
        click.echo("\nNo exercise here has scores that are known beforehand: no cohort is graded.")
        return 0
    sandbox = choose_sandbox("auto", course.find(name), trusted=True)
    hostile = Mixture().hostile if sandbox == "docker" else 0  # nothing else would stop them
    mixture = Mixture(hanging=0, hostile=hostile)  # who hangs costs a time limit
    folder = _emptied(out / "cohort")
    click.echo(f"\nA cohort of {learners} for {name}:")
    with watching(learners) as screen:
        told = rehearse(
            course,
            learners,
            SEED,
            folder,
            manner=Manner(sandbox=sandbox, say=screen.say),
            exercises=(name,),
            mixture=mixture,
            progress=screen.settled,
        )
    for one in told.differences:
        click.echo(f"✗ {one.learner} {one.exercise}: expected {one.expected}, found {one.found}")
    words = ", ".join(f"{count} {outcome}" for outcome, count in told.tally.outcomes.most_common())
    click.echo(f"Graded {told.tally.graded}: {words}; {len(told.differences)} otherwise than expected.")
    options = {"gradebook": str(told.book), "sources": folder / "cohort", "form": "tree"}
    ctx.invoke(report, site=folder / "site", **options)
    return len(told.differences)


def _emptied(folder: Path) -> Path:
    """Return the folder without what an earlier demo left there."""
    if (folder / "cohort" / "expected.csv").is_file():
        shutil.rmtree(folder)
    return folder
