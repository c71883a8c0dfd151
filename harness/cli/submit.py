"""`roadmark submit`: one file to hand in."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import choose_sandbox, course_of, read
from harness.errors import SubmissionError


@click.command()
@click.argument("exercise")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--learner", required=True, help="Your name or number, as your instructor knows it.")
@click.option(
    "--inbox",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ROADMARK_INBOX",
    default=".",
    show_default="ROADMARK_INBOX, or here",
    help="The folder to drop the bundle in.",
)
@click.pass_context
def submit(ctx: click.Context, exercise: str, path: Path, learner: str, inbox: Path) -> None:
    """Check PATH with the public checks and write a bundle to hand in.

    The bundle holds your files, their digest, and what the public checks said. It is
    written whatever they said: an unfinished piece of work may be handed in.
    """
    from harness.bundle import bundle, drop
    from harness.cli.printing import print_result
    from harness.grade import Options, grade

    course = course_of(ctx)
    found = course.find(exercise)
    submission, refused = read(course, found, path, learner)
    if refused:
        raise SubmissionError(refused)
    options = Options(sandbox=choose_sandbox("auto", found, trusted=True), kind="check")
    result = grade(course, found, submission, options)
    print_result(result)
    name, data = bundle(submission, result, learner)
    click.echo(f"Hand in: {drop(inbox, name, data)}")
