"""`roadmark start`: the task and the starter, in a folder of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import course_of
from harness.errors import SpecError, SubmissionError
from harness.records import Exercise


@click.command()
@click.argument("exercise")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--notebook", is_flag=True, help="Write the starter as a notebook instead of a module.")
@click.pass_context
def start(ctx: click.Context, exercise: str, folder: Path, *, notebook: bool) -> None:
    """Copy the task and the starter of EXERCISE into FOLDER. Nothing there is overwritten."""
    course = course_of(ctx)
    found = course.find(exercise)
    files = _files(course.exercise_folder(found.id), found, notebook=notebook)
    taken = [str(folder / name) for name in files if (folder / name).exists()]
    if taken:
        raise SubmissionError(f"{', '.join(taken)} exists already", hint="choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    entry = next(name for name in files if Path(name).stem == Path(found.entry).stem)
    click.echo(f"{found.title}: read {folder / 'README.md'}, write {folder / entry}, then")
    click.echo(f"  roadmark check {found.id} {folder}")


def _files(source: Path, exercise: Exercise, *, notebook: bool) -> dict[str, bytes]:
    """Return what to write: the task and every file of the starter, its module perhaps as a notebook."""
    from harness.notebooks import notebook_of

    if not (source / "README.md").is_file() or not (source / "starter").is_dir():
        raise SpecError(f"{exercise.id} has no README.md or no starter/", hint=f"roadmark lint {exercise.id}")
    files = {"README.md": (source / "README.md").read_bytes()}
    for file in sorted((source / "starter").iterdir()):
        if notebook and file.name == exercise.entry:
            text = notebook_of(file.read_text(encoding="utf-8"), exercise.title)
            files[file.with_suffix(".ipynb").name] = text.encode()
        elif file.is_file():
            files[file.name] = file.read_bytes()
    return files
