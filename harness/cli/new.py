"""`roadmark new`: the skeleton of an exercise."""

from __future__ import annotations

import click

from harness.cli.options import course_of


@click.command()
@click.argument("name", metavar="STAGE/EXERCISE")
@click.option("--title", default="", help="What people read; by default made from the name.")
@click.pass_context
def new(ctx: click.Context, name: str, *, title: str) -> None:
    """Write a skeleton for a new exercise: every file that one has, working, with TODO where you write.

    \b
    Example:
      roadmark new mathematics/standard-scores --title "Standard scores"
      roadmark verify mathematics/standard-scores
    """
    from harness.new import new_exercise

    course = course_of(ctx)
    for file in new_exercise(course, name, title):
        click.echo(file.relative_to(course.root))
    click.echo(f"Next: roadmark verify {name}")
