"""`roadmark demo-cohort`: a made-up cohort whose scores are known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from harness.cli.options import course_of


@click.command("demo-cohort")
@click.argument("count", type=click.IntRange(1), metavar="N")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same cohort.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where to write it."
)
@click.option("--exercise", "exercises", multiple=True, help="Only these; by default all without metrics.")
@click.option("--honest", is_flag=True, help="Nobody crashes, hangs or attacks.")
@click.pass_context
def demo_cohort(
    ctx: click.Context, *, count: int, seed: int, out: Path, exercises: tuple[str, ...], honest: bool
) -> None:
    """Write the submissions of N learners, and expected.csv with what they should earn.

    \b
    Grade and compare:
      roadmark demo-cohort 30 --out cohort
      roadmark batch --all cohort --gradebook demo.db
    """
    from harness.cohort.demo import Mixture, demo_cohort

    mixture = Mixture(crashing=0, hanging=0, hostile=0) if honest else Mixture()
    made = demo_cohort(course_of(ctx), count, seed, out, exercises, mixture)
    kinds = Counter(one.kind.partition("/")[0] for _, _, one in made)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    click.echo(f"{len(made)} submissions in {out}: {told}.")
    click.echo(f"Next: roadmark batch --all {out} --gradebook {out.name}.db")
