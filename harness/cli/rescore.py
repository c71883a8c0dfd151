"""`roadmark rescore`: a mended grader or other marks, applied to what was answered before."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.books import apply_changes, gradebook_option, opened, show_changes
from harness.cli.options import course_of


@click.command()
@click.argument("exercise")
@click.argument("artifacts", type=click.Path(exists=True, file_okay=False, path_type=Path))
@gradebook_option
@click.option("--diff", is_flag=True, help="Show who would change by how much, and apply nothing.")
@click.option(
    "-j", "--jobs", type=click.IntRange(0), default=0, help="How many at once; 0: one per processor."
)
@click.pass_context
def rescore(
    ctx: click.Context, exercise: str, artifacts: Path, *, gradebook: str, diff: bool, jobs: int
) -> None:
    """Score the results for EXERCISE again from what `batch --keep-artifacts` kept in ARTIFACTS.

    No submission is run, and no sandbox is needed. The grader asks what it asked before
    and is given the same answers. Where it asks something else, or the answers were given
    under other limits or in another image, a submission cannot be re-scored: it is named
    and stays as it was, until `roadmark batch` grades it again.

    \b
    Exit status: 0 all were re-scored, 3 some could not be.
    """
    from harness.cohort.rescoring import rescore_all
    from harness.failures import plain

    course = course_of(ctx)
    found = course.find(exercise)
    keys: dict[int, str] = {}
    labels: dict[int, str] = {}
    left = 0
    with opened(gradebook) as book:
        for one in rescore_all(book, course, found, artifacts, jobs):
            label = f"{one.kept.learner}  {found.id}"
            if one.result is None:
                left += 1
                click.echo(f"{label}  cannot be re-scored: {plain(one.reason, 500)}", err=True)
            else:
                keys[one.kept.attempt], labels[one.kept.attempt] = one.key, label
        click.echo(f"Re-scored {len(keys)}; {left} cannot be.")
        show_changes(book, labels)
        if diff:
            click.echo("Nothing was applied. Without --diff the same command applies it.")
        elif keys:
            apply_changes(book, keys)
    if left:
        click.echo("Next: roadmark batch, with the same source, grades those again.", err=True)
    sys.exit(3 if left else 0)
