"""`roadmark starter`: an exercise's starter, written from its reference."""

from __future__ import annotations

import click

from harness.cli.options import course_of


@click.command()
@click.argument("exercise")
@click.pass_context
def starter(ctx: click.Context, exercise: str) -> None:
    """Write the starter of EXERCISE from its reference solution.

    What stands between `### BEGIN SOLUTION` and `### END SOLUTION` is taken out. Text after
    BEGIN SOLUTION tells learners what to write there.
    """
    from harness.starter import stale_starters, write_starters

    course = course_of(ctx)
    found = course.find(exercise)
    stale = stale_starters(course, found)
    for file in write_starters(course, found):
        click.echo(f"{file}: {'written' if file in stale else 'unchanged'}")
