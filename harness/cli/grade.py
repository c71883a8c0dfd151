"""`roadmark grade`: one submission, all checks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.cli.options import grading_options
from harness.cli.running import run_one, status


@click.command()
@click.argument("exercise")
@click.argument("path", type=click.Path(path_type=Path))
@grading_options
@click.option("--trust-submissions", is_flag=True, help="Allow the process sandbox, which does not isolate.")
@click.pass_context
def grade(
    ctx: click.Context, /, exercise: str, path: Path, *, trust_submissions: bool, **options: Any
) -> None:
    """Grade PATH as a submission for EXERCISE: a .py file, a notebook, a folder or an archive.

    Public and hidden checks are asked. Of a hidden check, title, outcome and hint are shown.

    \b
    Examples:
      roadmark grade transformers/attention work/attention.py
      roadmark grade vae work/ --html report.html
      roadmark grade gpt work/ --json > result.json
    """
    sys.exit(status(run_one(ctx, exercise, path, kind="grade", trusted=trust_submissions, **options)))
