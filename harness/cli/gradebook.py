"""`roadmark gradebook`: who stands where, what persons decide, and exports."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from harness.cli.books import gradebook_option, opened
from harness.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from harness.interchange.records import GradeRow

FORMATS: Final = ("csv", "canvas", "moodle", "nbgrader", "junit")
Function = TypeVar("Function", bound=Callable[..., Any])


@click.group()
def gradebook() -> None:
    """Show, adjust and export who stands where.

    Policies such as late penalties are applied to stored points whenever they are read, so
    changing one grades nothing again. Who changed what and why is never overwritten.
    """


def _signed(function: Function) -> Function:
    """Add who decides and why."""
    reason = click.option("--reason", required=True, help="Why; it stays in the history.")
    return reason(_author(function))


def _author(function: Function) -> Function:
    return click.option(
        "--author", default=getpass.getuser, show_default="your user name", help="Who decides."
    )(function)


@gradebook.command()
@click.argument("learner", required=False)
@gradebook_option
@click.option("--missing", is_flag=True, help="Show also what was not handed in.")
def show(learner: str | None, *, gradebook: str, missing: bool) -> None:
    """Show where LEARNER, or everybody, stands."""
    from harness.gradebook.roster import learner_named
    from harness.gradebook.standing import rows

    with opened(gradebook) as book, book.reading() as session:
        wanted = _key(session, learner_named(session, learner)) if learner else None
        _print([row for row in rows(session, missing=missing) if wanted in (None, row.learner)])


def _key(session: Session, learner: int) -> str:
    from harness.gradebook.models import Learner

    found = session.get(Learner, learner)
    return found.key if found else ""


def _print(found: list[GradeRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    from harness.failures import plain

    table = Table("learner", "exercise", "points", "outcome", "note", box=None, pad_edge=False)
    for row in found:
        points = "" if row.points is None else f"{row.points:g}"
        possible = "" if row.possible is None else f"/{row.possible:g}"
        note = f"{row.days_late} days late, -{row.penalty:g}" if row.days_late else ""
        said = "; ".join(part for part in (note, row.note, "dropped" if row.dropped else "") if part)
        table.add_row(plain(row.learner), row.exercise, f"{points}{possible}", row.outcome, plain(said))
    console = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
    console.print(table)
    counted = [row for row in found if row.points is not None and not row.dropped]
    earned = sum(row.points or 0 for row in counted)
    console.print(
        f"{len(found)} rows; {earned:g} of {sum(row.possible or 0 for row in counted):g} points counted."
    )


@gradebook.command("set")
@click.argument("learner")
@click.argument("exercise")
@click.argument("points", type=click.FloatRange(0))
@gradebook_option
@_signed
def set_points(
    learner: str, exercise: str, points: float, *, gradebook: str, author: str, reason: str
) -> None:
    """Give LEARNER exactly POINTS in EXERCISE, whatever grading and policies say."""
    _decide(gradebook, learner, exercise, "set", points=points, author=author, reason=reason)


@gradebook.command(context_settings={"ignore_unknown_options": True})
@click.argument("learner")
@click.argument("exercise")
@click.argument("change")
@gradebook_option
@click.option("--item", default="", help="Score this item of the rubric with CHANGE points.")
@_signed
def adjust(
    learner: str, exercise: str, change: str, *, gradebook: str, item: str, author: str, reason: str
) -> None:
    """Add CHANGE points (+2, -1), or `excuse`, or `clear` what was decided before.

    With --item, CHANGE is what a person gives for that item of the rubric.
    """
    kind = "rubric" if item else change if change in ("excuse", "clear") else "add"
    points = None if kind in ("excuse", "clear") else _points(change)
    _decide(gradebook, learner, exercise, kind, points=points, item=item, author=author, reason=reason)


def _points(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is neither points nor excuse nor clear", param_hint="CHANGE"
        ) from None


def _decide(url: str, learner: str, exercise: str, kind: str, **fields: Any) -> None:
    from harness.gradebook import deciding, roster

    def transaction(session: Session) -> None:
        name = deciding.exercise_named(session, exercise)
        deciding.decide(session, roster.learner_named(session, learner), name, kind, **fields)

    with opened(url) as book:
        book.write(transaction)
    show.callback(learner, gradebook=url, missing=False)  # type: ignore[misc] # click keeps the function there


@gradebook.command()
@click.argument("learner")
@click.argument("exercise", required=False)
@gradebook_option
def history(learner: str, exercise: str | None, *, gradebook: str) -> None:
    """Show all that happened to LEARNER's grades: gradings, adjustments, extensions."""
    from harness.failures import plain
    from harness.gradebook import deciding, roster, standing

    with opened(gradebook) as book, book.reading() as session:
        name = deciding.exercise_named(session, exercise) if exercise else ""
        for one in standing.history(session, roster.learner_named(session, learner), name):
            why = f": {plain(one.reason)}" if one.reason else ""
            click.echo(
                f"{one.when}  {one.exercise}  {one.what} {plain(one.text)} (by {plain(one.author)}{why})"
            )


@gradebook.command()
@gradebook_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write; by default stdout."
)
@click.option("--missing", is_flag=True, help="Write also what was not handed in.")
@click.option(
    "--fill",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file that Canvas or Moodle exported, to be filled in.",
)
@click.option("--exercise", help="Only this exercise; Moodle and Canvas may need it.")
@click.option("--column", help="The column of --fill that takes the points; by default the exercise's title.")
def export(
    *,
    gradebook: str,
    form: str,
    out: Path | None,
    missing: bool,
    fill: Path | None,
    exercise: str | None,
    column: str | None,
) -> None:
    """Write the gradebook for another system.

    \b
    Outcomes in CSV: passed, failed; crashed: no check got an answer; invalid: the files
    could not be taken in; ungraded: a fault of ours, grade again; missing; excused.
    Points are empty where nothing is known yet.
    """
    from harness.gradebook import deciding, standing
    from harness.interchange.writers import write

    with opened(gradebook) as book, book.reading() as session:
        name = deciding.exercise_named(session, exercise) if exercise else ""
        rows = (row for row in standing.rows(session, missing=missing) if name in ("", row.exercise))
        results = (pair for pair in standing.results(session) if name in ("", pair[1].exercise))
        written = write(form, rows, results, fill=fill.read_bytes() if fill else None, column=column or "")
    for line in written.warnings:
        click.echo(line, err=True)
    _write(written.data, out)


def _write(data: bytes, out: Path | None) -> None:
    """Write to a file, all of it or nothing, or to stdout."""
    if out is None:
        sys.stdout.buffer.write(data)
        return
    partial = out.with_name(f"{out.name}.part")
    partial.write_bytes(data)
    partial.replace(out)


@gradebook.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@gradebook_option
def roster(file: Path, *, gradebook: str) -> None:
    """Take in a roster: a CSV with learner, name, email, section and other names of theirs."""
    from harness.gradebook import roster as people
    from harness.interchange.sheets import read_roster

    found = read_roster(file.read_bytes())
    with opened(gradebook, create=True) as book:
        numbers = book.write(lambda session: [people.enrol(session, one) for one in found])
    click.echo(f"{len(set(numbers))} learners from {len(found)} lines.")


@gradebook.command()
@click.argument("learner")
@click.argument("into")
@gradebook_option
def merge(learner: str, into: str, *, gradebook: str) -> None:
    """Count LEARNER as INTO from now on; nothing of either is lost."""
    from harness.gradebook import roster as people

    with opened(gradebook) as book:
        book.write(lambda session: people.merge(session, learner, into))
    click.echo(f"{learner} counts as {into}.")


@gradebook.command()
@click.argument("learner")
@click.argument("name")
@gradebook_option
@click.option(
    "--system", default="", help="Where they are called so, such as canvas or github; else everywhere."
)
def alias(learner: str, name: str, *, gradebook: str, system: str) -> None:
    """Let NAME stand for LEARNER."""
    from harness.gradebook import roster as people

    with opened(gradebook) as book:
        book.write(lambda session: people.add_alias(session, learner, name, system))
    click.echo(f"{name} stands for {learner}.")


@gradebook.command()
@click.argument("scope", default="*")
@gradebook_option
@click.option("--due", help="When it is due, as 2026-03-01T18:00+01:00.")
@click.option(
    "--late-penalty", type=click.FloatRange(0, 1), help="Share of the points lost for each started day."
)
@click.option("--late-days", type=click.IntRange(0), help="After so many days late nothing is earned.")
@click.option("--attempts", type=click.Choice(["last", "best", "first"]), help="Which attempt counts.")
@click.option(
    "--grace-days", type=click.IntRange(0), help="Late days that cost nothing, over the whole course."
)
@click.option(
    "--drop-lowest", type=click.IntRange(0), help="How many exercises a learner's total leaves out."
)
@_author
def policy(scope: str, *, gradebook: str, author: str, **settings: Any) -> None:
    """Set how points count in SCOPE, an exercise or '*' for all; without options, show it."""
    from harness.gradebook import deciding

    given = {name: value for name, value in settings.items() if value is not None}
    with opened(gradebook, create=True) as book:
        if given:
            book.write(lambda session: deciding.set_policy(session, _scope(session, scope), author, **given))
        with book.reading() as session:
            for name, found in deciding.policy_table(session).items():
                click.echo(f"{name}: " + ", ".join(f"{key} {value}" for key, value in found.items() if value))


def _scope(session: Session, name: str) -> str:
    """Return the exercise of a name; one that nobody has handed in yet has to be named in full."""
    from harness.gradebook import deciding

    if name == deciding.EVERY:
        return name
    try:
        return deciding.exercise_named(session, name)
    except SpecError:
        if "/" in name:
            return name
        raise


@gradebook.command()
@click.argument("learner")
@click.argument("exercise")
@click.argument("until")
@gradebook_option
@_signed
def extend(learner: str, exercise: str, until: str, *, gradebook: str, author: str, reason: str) -> None:
    """Let LEARNER hand in EXERCISE ('*' for all) UNTIL a later time."""
    from harness.gradebook import deciding, roster

    def transaction(session: Session) -> None:
        who = roster.learner_named(session, learner)
        deciding.extend(session, who, _scope(session, exercise), until, author=author, reason=reason)

    with opened(gradebook) as book:
        book.write(transaction)
    click.echo(f"{learner} has until {until} for {exercise}.")


@gradebook.command()
@click.argument("exercise")
@click.argument("item")
@click.argument("points", type=click.FloatRange(0))
@gradebook_option
@click.option("--title", default="")
def rubric(exercise: str, item: str, points: float, *, gradebook: str, title: str) -> None:
    """Have a person score ITEM of EXERCISE with up to POINTS; `adjust --item` scores it.

    Items that exercise.toml names are known without: `roadmark batch` takes them in.
    """
    from harness.gradebook import deciding

    with opened(gradebook, create=True) as book:
        book.write(
            lambda session: deciding.add_rubric_item(session, _scope(session, exercise), item, points, title)
        )
    click.echo(f"{exercise}: {item}, up to {points:g} points.")
