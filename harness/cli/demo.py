"""`roadmark demo`: see it work, on the references and some wrong solutions of this course."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from harness.cli.options import choose_sandbox, course_of, read

if TYPE_CHECKING:
    from harness.catalog import Course

WRONG_EACH: Final = 2


@click.command()
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="demo-reports", show_default=True
)
@click.pass_context
def demo(ctx: click.Context, out: Path) -> None:
    """Grade references and wrong solutions of every exercise, and write a report for each.

    References must earn every point and wrong solutions must not pass; anything else ends
    with exit status 1. Without a Docker engine the process sandbox is used, and said.
    """
    from harness.grade import Options, grade
    from harness.store import save
    from reports import learner_page

    course = course_of(ctx)
    surprises = 0
    for name, kind, folder in samples(course):
        exercise = course.find(name)
        sandbox = choose_sandbox("auto", exercise, trusted=True)
        submission, refused = read(course, exercise, folder, kind)
        result = grade(course, exercise, submission, Options(sandbox=sandbox), refused=refused)
        right = (
            result.score.earned == result.score.possible if kind == "reference" else not result.score.passed
        )
        surprises += not right
        target = out / name / f"{kind}.html"
        save(result, target.with_suffix(".json"))
        target.write_text(learner_page(result, exercise), encoding="utf-8")
        points = f"{result.score.earned:5.4g} of {result.score.possible:g}"
        verdict = "passed" if result.score.passed else "not passed"
        seconds = f"{result.provenance.seconds:5.1f} s"
        mark = "✓" if right else "✗"
        click.echo(f"{mark} {name:24} {kind:28} {points:>14}  {verdict:11} {seconds}  {sandbox}")
    click.echo(f"\nReports: {out.resolve()}/*/*/*.html")
    ctx.exit(1 if surprises else 0)


def samples(course: Course) -> Iterator[tuple[str, str, Path]]:
    """Yield exercise, kind and folder of what the demo grades: each reference and some wrong solutions."""
    for name in course.names():
        reference = course.reference_folder(name)
        yield name, "reference", reference / "solution"
        for wrong in sorted((reference / "wrong").glob("*/"))[:WRONG_EACH]:
            yield name, wrong.name, wrong
