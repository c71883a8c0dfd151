"""`roadmark export`: one stored result as another system takes it, and the entry to Gradescope."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from harness.cli.options import course_of
from harness.errors import SpecError

FORMATS: Final = ("gradescope", "junit", "github", "github-reporter", "gradescope-autograder")


@click.command()
@click.argument("result", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--format", "form", type=click.Choice(FORMATS), required=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write; by default stdout."
)
@click.option("--exercise", help="For gradescope-autograder: what it grades.")
def export(result: Path | None, *, form: str, out: Path | None, exercise: str | None) -> None:
    """Turn RESULT, written by `roadmark grade --json`, into what another system reads.

    gradescope-autograder needs no RESULT: it is the zip to upload as an autograder. There
    Roadmark runs in Gradescope's container with the process sandbox, which does not keep a
    hostile submission from the grader beside it.
    """
    data = _autograder(exercise, out) if form == "gradescope-autograder" else _single(result, form)
    if out:
        partial = out.with_name(f"{out.name}.part")
        partial.write_bytes(data)
        partial.replace(out)
    else:
        sys.stdout.buffer.write(data)


def _single(result: Path | None, form: str) -> bytes:
    from harness.interchange.writers import SINGLE
    from harness.store import load

    if result is None:
        raise click.UsageError(f"--format {form} needs a RESULT")
    return SINGLE[form](load(result))


def _autograder(exercise: str | None, out: Path | None) -> bytes:
    from harness.interchange.autograder import autograder_zip

    if not exercise or not out:
        raise click.UsageError("--format gradescope-autograder needs --exercise and --out")
    course = course_of(click.get_current_context())
    found = course.find(exercise)
    folders = [course.exercise_folder(found.id), course.grader_folder(found.id)]
    if not all(folder.is_dir() for folder in folders):
        raise SpecError(f"{found.id} has no grader in this course")
    return autograder_zip(course.root, found.id)
