"""Draw results on a terminal. Whatever learners wrote is printed as plain text, never as markup."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.failures import plain
from harness.records import CheckResult, Gpu, Outcome, Result

MARKS: Final = {
    Outcome.PASSED: ("✓ passed", "green"),
    Outcome.FAILED: ("✗ failed", "red"),
    Outcome.CRASHED: ("! crashed", "red"),
    Outcome.SKIPPED: ("- skipped", "dim"),
    Outcome.UNGRADED: ("? ungraded", "yellow"),
}


def print_result(result: Result) -> None:
    """Print the table of checks, the score, and what to know besides."""
    console = Console(highlight=False, markup=False)
    console.print(f"{result.exercise_title} ({result.exercise})", style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for check in result.checks:
        mark, style = MARKS[check.outcome]
        points = f"{check.earned:g}/{check.points:g}"
        table.add_row(Text(mark, style=style), points, _told(check))
    console.print(table)
    console.print(_score(result), style="bold")
    for notice in result.notices:
        console.print(f"Note: {plain(notice)}")
    if result.kind == "check":
        console.print("These were the public checks; grading asks hidden ones besides.", style="dim")
    if result.provenance.gpu:
        console.print(f"Ran on {plain(_gpu(result.provenance.gpu))}.", style="dim")
    if result.provenance.sandbox == "process":
        console.print("Ran in the process sandbox: limits, no isolation.", style="dim")


def _gpu(gpu: Gpu) -> str:
    versions = f"driver {gpu.driver}, torch {gpu.torch or '?'}, CUDA {gpu.cuda or '?'}"
    return f"cuda:{gpu.index}: {gpu.name}, {versions}"


def _told(check: CheckResult) -> Text:
    text = Text(plain(check.title))
    if check.message:
        text.append(f"\n{plain(check.message, 1500)}", style="dim" if check.outcome is Outcome.PASSED else "")
    if check.hint:
        text.append(f"\nHint: {plain(check.hint)}", style="cyan")
    return text


def _score(result: Result) -> str:
    score = result.score
    verdict = "passed" if score.passed else "not passed"
    if score.ungraded:
        verdict = f"{score.ungraded:g} points could not be graded (our fault): grade again"
    return f"{score.earned:g} of {score.possible:g} points: {verdict} (needs {result.pass_mark:.0%})"
