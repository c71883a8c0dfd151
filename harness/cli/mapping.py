"""Draw the roadmap on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.atlas import Entry, Region, in_words, scored_by
from harness.outline import Outline
from harness.records import Exercise, Visibility

INDENT: Final = 4


def print_map(regions: Sequence[Region]) -> None:
    """Print each stage with its exercises, and what a stage without exercises will teach."""
    console = Console(highlight=False, markup=False)
    for number, region in enumerate(regions, 1):
        heading = Text(f"{number:>2}  {region.title}", style="bold")
        console.print(heading.append(f"  {region.summary}", style="not bold dim"))
        for entry in region.exercises:
            _print_entry(console, entry)
        if not region.exercises:
            topics = ", ".join(region.covers)
            console.print(Padding(Text(f"to come: {topics}", style="dim"), (0, 0, 0, INDENT)))
    total = sum(len(region.exercises) for region in regions)
    plural = "" if total == 1 else "s"
    console.print(f"{total} exercise{plural}. One of them in full: roadmark show EXERCISE", style="dim")


def _print_entry(console: Console, entry: Entry) -> None:
    heading = Text(entry.id, style="cyan")
    if entry.fault:
        heading.append(f"  cannot be read: {entry.fault}  (roadmark lint)", style="red")
    else:
        heading.append(f"  {entry.title}", style="default")
        heading.append(f"  {entry.difficulty}, {entry.minutes} min", style="dim")
    console.print(Padding(heading, (0, 0, 0, INDENT)))
    details = Text(in_words(entry.scored_by))
    if entry.requires:
        details.append(f"\nafter {', '.join(entry.requires)}", style="dim")
    console.print(Padding(details, (0, 0, 0, 2 * INDENT)))


def print_exercise(exercise: Exercise, read: Outline, task: str) -> None:
    """Print what an exercise is, what scores it, and its task."""
    console = Console(highlight=False, markup=False)
    console.print(f"{exercise.title} ({exercise.id})", style="bold")
    console.print(exercise.summary)
    console.print(_facts(exercise))
    console.print(f"Scored by {in_words(scored_by(read))}; {exercise.pass_mark:.0%} of the points pass.")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(justify="right", no_wrap=True, width=INDENT)
    table.add_column(ratio=1)
    for check in read.checks:
        points = f"{check.points:g}" if check.points is not None else "?"
        hidden = "" if check.visibility is Visibility.PUBLIC else "  (hidden)"
        table.add_row(points, Text(check.title).append(hidden, style="dim"))
    console.print(table)
    _print_rubric(console, exercise)
    if task:
        console.rule(style="dim")
        console.print(Markdown(task))


def _print_rubric(console: Console, exercise: Exercise) -> None:
    """Print what a person scores, level by level."""
    if not exercise.rubric:
        return
    most = sum(item.points for item in exercise.rubric)
    console.print(f"Scored by a person, up to {most:g} points beside these:")
    for item in exercise.rubric:
        console.print(Padding(f"{item.title} ({item.id})", (0, 0, 0, INDENT)))
        for level in item.levels:
            words = Text(f"{level.points:g}  {level.words}").append(f"  {level.example}", style="dim")
            console.print(Padding(words, (0, 0, 0, 2 * INDENT)))


def _facts(exercise: Exercise) -> Text:
    limits = exercise.limits
    parts = [
        f"hand in {exercise.entry}",
        exercise.difficulty,
        f"{exercise.minutes} min",
        f"{limits.memory_mb} MiB",
        f"{limits.total_seconds:g} s in all, {limits.call_seconds:g} s a call",
        exercise.device,
    ]
    if gpu := exercise.gpu_limits:
        parts.append(f"there {gpu.memory_mb} MiB, {gpu.total_seconds:g} s in all")
    if exercise.requires:
        parts.append(f"after {', '.join(exercise.requires)}")
    return Text(" · ".join(parts), style="dim")
