"""`roadmark doctor`: prove that this machine can grade."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--profile", default="cpu", show_default=True, help="The sandbox image to examine.")
@click.option("--runtime", default="", metavar="NAME", help="What runs containers, such as runsc.")
def doctor(profile: str, runtime: str) -> None:
    """Prove that this machine can grade, and say what is missing.

    A probe is handed in like a submission and tries what must be refused. Exit status 3
    if anything that grading relies on could not be verified.
    """
    from harness.doctor import examine

    bad = 0
    for finding in examine(profile, runtime):
        bad += not finding.good
        click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.subject}: {finding.detail}")
        if finding.fix:
            click.echo(f"     {'Advice' if finding.good else 'Next'}: {finding.fix}")
    click.echo("Ready to grade." if not bad else f"{bad} findings stand in the way of grading.")
    sys.exit(3 if bad else 0)
