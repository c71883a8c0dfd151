"""`roadmark import`: what a learning platform exported, as a roster and a tree to grade."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.books import gradebook_option, opened, source_options
from harness.cli.options import course_of
from harness.errors import SpecError

if TYPE_CHECKING:
    from harness.interchange.records import Handed, Source


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@gradebook_option
@source_options
@click.option("--exercise", help="Which exercise it is for, where SOURCE does not say.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write <learner>/<exercise>/… here."
)
@click.option("--dry-run", is_flag=True, help="Only say who maps to whom and what is ignored.")
def import_(
    source: Path, *, gradebook: str, form: str, exercise: str | None, out: Path | None, dry_run: bool
) -> None:
    """Read SOURCE: an export of Gradescope, Canvas or Moodle, an nbgrader course, clones, a manifest.

    Learners are added to the gradebook's roster under every name that SOURCE has for them.
    `batch` reads the same sources by itself; --out is for having a look first.
    """
    from harness.interchange.readers import read_source

    course = course_of(click.get_current_context())
    name = course.find(exercise).id if exercise else ""
    with read_source(source, form, course.names()) as found:
        click.echo(f"{len(found.handed)} submissions, read as {found.format}.")
        for one in found.ignored:
            click.echo(f"ignored  {one.name}: {one.reason}")
        _map(found, gradebook, name, dry_run=dry_run)
        if out and not dry_run:
            _lay_out(found.handed, out, name)


def _map(found: Source, url: str, exercise: str, *, dry_run: bool) -> None:
    """Say who maps to whom; unless it is a rehearsal, add who is new."""
    from harness.failures import plain
    from harness.gradebook import roster

    if dry_run and not _exists(url):
        url = "sqlite://"  # nobody is known yet, and a rehearsal leaves no file
    people = [(person, one) for one in found.handed for person in one.people]
    with opened(url, create=True) as book:
        with book.reading() as session:
            matches = roster.matches(session, [person for person, _ in people])
        if not dry_run:
            book.write(lambda session: [roster.enrol(session, person) for person, _ in people])
    for match, (person, one) in zip(matches, people, strict=True):
        shown = plain(f"{person.name or person.key} {' '.join(person.ids.values())}".strip())
        late = ", late" if one.late else ""
        target = match.learner or f"{person.key} (new)"
        what = one.exercise or exercise or "no exercise named"
        click.echo(f"{shown} -> {plain(target)}: {what}, {plain(one.path.name)}{late}")


def _exists(url: str) -> bool:
    return "://" in url or Path(url).exists()


def _lay_out(handed: Sequence[Handed], out: Path, exercise: str) -> None:
    """Copy submissions to `<learner>/<exercise>`."""
    for one in handed:
        name = one.exercise or exercise
        if not name:
            raise SpecError(
                f"{one.path.name}: the source does not say for which exercise", hint="--exercise NAME"
            )
        for person in one.people:
            _copy(one, out / _folder(person.key) / name.rpartition("/")[2])


def _folder(key: str) -> str:
    """Return a learner's key as the name of a folder."""
    clean = re.sub(r"[^\w@.+-]", "_", key).strip(".")
    return clean or "_"


def _copy(one: Handed, target: Path) -> None:
    if target.exists():
        raise SpecError(f"{target} exists already", hint="choose another folder")
    if one.path.is_dir() and not one.files:
        shutil.copytree(one.path, target, symlinks=True)
        return
    target.mkdir(parents=True)
    files: Any = one.files or ((one.path.name, one.path),)
    for name, file in files:
        shutil.copyfile(file, target / Path(name).name, follow_symlinks=False)
