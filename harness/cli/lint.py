"""`roadmark lint`: what can be said of exercises without running them."""

from __future__ import annotations

import json
import sys

import click

from harness.cli.main import EXIT_USAGE
from harness.cli.options import course_of


@click.command()
@click.argument("exercises", nargs=-1, metavar="[EXERCISE]...")
@click.option("--strict", is_flag=True, help="Work that is left to do counts as a problem.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON, and nothing else.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions besides.")
@click.pass_context
def lint(
    ctx: click.Context, exercises: tuple[str, ...], *, strict: bool, as_json: bool, github: bool
) -> None:
    """Read each EXERCISE, by default every one, and say all that is wrong with it.

    Nothing is run. Exit status 2 if an exercise is described wrongly.
    """
    from harness.cli.proofs import prefix_of, print_problems
    from harness.lint import lint as read
    from harness.problems import errors, github_lines, problem_trees

    course = course_of(ctx)
    names = tuple(course.named(name) for name in exercises) or course.names()
    problems = read(course, names)
    bad = errors(problems)
    if as_json:
        click.echo(json.dumps({"schema_version": 1, "problems": problem_trees(problems)}, indent=2))
    else:
        print_problems(problems)
        left = f", left to do: {len(problems) - len(bad)}" if len(problems) > len(bad) else ""
        click.echo(f"Exercises read: {len(names)}. Problems: {len(bad)}{left}.")
    if github:
        for text in github_lines(problems, prefix_of(course.root)):
            click.echo(text)
    sys.exit(EXIT_USAGE if bad or (strict and problems) else 0)
