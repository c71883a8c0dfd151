"""What commands about cohorts share: the gradebook's option, and reading a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from harness.errors import SpecError

if TYPE_CHECKING:
    from harness.gradebook import Gradebook
    from harness.interchange.records import Handed, Source
    from harness.records import Exercise

FORMATS: Final = (
    "auto",
    "folders",
    "tree",
    "gradescope",
    "canvas",
    "moodle",
    "nbgrader",
    "classroom",
    "manifest",
)
Function = TypeVar("Function", bound=Callable[..., Any])

gradebook_option: Final = click.option(
    "--gradebook",
    metavar="URL",
    envvar="ROADMARK_GRADEBOOK",
    default="gradebook.db",
    show_default=True,
    help="A file for SQLite, or postgresql://user@host/name.",
)


def source_options(function: Function) -> Function:
    """Add the options by which a source is read."""
    for option in (
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="auto",
            show_default=True,
            help="How SOURCE is laid out.",
        ),
    ):
        function = option(function)
    return function


@contextmanager
def opened(url: str, *, create: bool = False) -> Iterator[Gradebook]:
    """Give the gradebook at a URL; raises `GradebookError`, and `SpecError` where there is no such file."""
    if not create and "://" not in url and not Path(url).exists():
        hint = "--gradebook FILE; roadmark batch makes one"
        raise SpecError(f"there is no gradebook {url}", hint=hint)
    try:
        from harness.gradebook import Gradebook
    except ModuleNotFoundError as error:
        raise SpecError(f"the gradebook needs {error.name}", hint="pip install roadmark") from None
    with Gradebook(url) as book:
        yield book


@contextmanager
def taken_from(
    course: Any, arguments: tuple[str, ...], *, every: bool, chosen: Mapping[str, Any]
) -> Iterator[tuple[Source, list[tuple[Exercise, Handed]]]]:
    """Give what a reader makes of a source, and each submission with its exercise."""
    from harness.interchange.readers import read_source

    name, path = _split(arguments, every=every)
    form = "tree" if every and chosen["form"] == "auto" else chosen["form"]
    asked = course.find(name) if name else None
    with read_source(path, form, course.names()) as source:
        yield source, _paired(course, source, asked)


def _split(arguments: tuple[str, ...], *, every: bool) -> tuple[str, Path]:
    """Return the exercise's name, empty for all, and the path of the source."""
    if len(arguments) != (1 if every else 2):
        raise click.UsageError("give EXERCISE and SOURCE, or --all and SOURCE alone")
    path = Path(arguments[-1])
    if not path.exists():
        raise SpecError(f"{path} does not exist")
    return ("" if every else arguments[0]), path


def _paired(course: Any, source: Source, asked: Exercise | None) -> list[tuple[Exercise, Handed]]:
    """Return submissions with their exercises; where one is asked for, those for others are left out."""
    found: dict[str, Exercise] = {}
    pairs = []
    for handed in source.handed:
        name = handed.exercise or (asked.id if asked else "")
        if not name:
            raise SpecError(f"{handed.path.name}: the source does not say for which exercise", hint="name it")
        exercise = found.setdefault(name, course.find(name)) if name not in found else found[name]
        if asked is None or exercise.id == asked.id:
            pairs.append((exercise, handed))
    return pairs


def show_changes(book: Gradebook, labels: Mapping[int, str]) -> None:
    """Say whose verdict proposals would change, and by how much, given words for each attempt."""
    from harness.gradebook import ledger

    with book.reading() as session:
        changes = [one for one in ledger.changes(session, labels) if one.before != one.after]
    for one in changes:
        before = f"{one.before[0]} {one.before[1]:g}" if one.before else "nothing"
        click.echo(f"{labels[one.attempt]}  {before} -> {one.after[0]} {one.after[1]:g}")
    click.echo(f"{len(changes)} of {len(labels)} change.")


def apply_changes(book: Gradebook, keys: Mapping[int, str]) -> None:
    """Let proposals count, given the key of each attempt, and say how many there were."""
    from harness.gradebook import ledger

    click.echo(f"Applied {book.write(lambda session: ledger.apply_proposals(session, keys))} verdicts.")
