"""Draw problems and proofs on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.failures import plain
from harness.problems import Problem, errors

if TYPE_CHECKING:
    from harness.verify import Report, Verified


def print_problems(problems: Sequence[Problem]) -> None:
    """Print each problem with its place, errors first, by exercise; a fix that several share only once."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for (level, exercise), several in groupby(problems, key=lambda one: (one.level, one.exercise)):
        left = "" if level == "error" else ": left to do"
        console.print(f"{exercise}{left}", style="bold")
        for fix, alike in groupby(several, key=lambda one: one.fix):
            for problem in alike:
                _print_problem(console, problem)
            if fix:
                console.print(Text(f"      {plain(fix)}", style="cyan"))


def _print_problem(console: Console, problem: Problem) -> None:
    mark, style = ("✗", "red") if problem.level == "error" else ("·", "yellow")
    place = f"{problem.place}: " if problem.file else ""
    console.print(Text(f"  {mark} {place}", style=style), Text(plain(problem.reason, 1500)), sep="")


def print_survivors(exercises: Sequence[Verified]) -> None:
    """Print the mutants that earned every point, each as the line it was and the line it became."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for exercise in exercises:
        for one in exercise.mutation.survivors if exercise.mutation else ():
            console.print(f"Survivor {one.id} in {one.file}:{one.line}: {one.kind}", style="bold")
            console.print(Text(f"  - {one.before}", style="red"))
            console.print(Text(f"  + {one.after}", style="green"))


def print_table(report: Report) -> None:
    """Print one row for each exercise, by stage, and what it comes to."""
    console = Console(highlight=False, markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("Stage", "Exercise"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Checks", "Mutants", "Problems", "To do", "Reference", "All"):
        table.add_column(heading, justify="right", no_wrap=True)
    stage = ""
    for exercise in report.exercises:
        table.add_row(exercise.stage if exercise.stage != stage else "", *_row(exercise))
        stage = exercise.stage
    console.print(table)
    proved = sum(exercise.proved for exercise in report.exercises)
    caught = sum(len(exercise.caught) for exercise in report.exercises)
    checks = sum(len(exercise.checks) for exercise in report.exercises)
    strength = f"{caught} of {checks} checks are seen to catch a mistake" if checks else "no checks"
    console.print(
        f"{proved} of {len(report.exercises)} exercises proved in {report.seconds:.0f} s; {strength}.",
        style="bold",
    )
    if report.sandbox == "process":
        console.print("Ran in the process sandbox: limits, no isolation.", style="dim")
    elif not report.fresh:
        text = "Solutions of one exercise took turns in a container; with --fresh, each has its own."
        console.print(text, style="dim")


def _row(exercise: Verified) -> tuple[Text | str, ...]:
    name = exercise.id.partition("/")[2]
    bad = len(errors(exercise.problems))
    mutated = exercise.mutation
    return (
        Text(f"{'✓' if exercise.proved else '✗'} {name}", style="green" if exercise.proved else "red"),
        f"{len(exercise.caught)}/{len(exercise.checks)}",
        f"{mutated.caught}/{mutated.graded}" if mutated else "-",
        str(bad),
        str(len(exercise.problems) - bad),
        f"{exercise.reference_seconds:.1f} s" if exercise.reference_seconds is not None else "-",
        f"{exercise.seconds:.0f} s",
    )


def prefix_of(root: Path) -> str:
    """Return the course's folder relative to the working directory, as annotations need it."""
    here = Path.cwd().resolve()
    resolved = root.resolve()
    return resolved.relative_to(here).as_posix() if resolved.is_relative_to(here) else ""
