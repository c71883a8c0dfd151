"""`roadmark release`: the course as learners may have it."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import course_of
from harness.errors import SpecError


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def release(ctx: click.Context, folder: Path) -> None:
    """Write the learners' course into FOLDER: tasks, starters and public checks.

    Hidden checks, references, wrong solutions, graders' data and calibration runs stay here.
    """
    from harness.release import release_course

    try:
        written = release_course(course_of(ctx).root, folder)
    except (FileExistsError, ValueError) as error:
        raise SpecError(str(error), hint="choose an empty folder, or --course DIR") from None
    click.echo(f"{len(written)} files in {folder}. Learners use it with: roadmark --course {folder} check …")
