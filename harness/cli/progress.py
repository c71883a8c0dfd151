"""How far a batch is: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.failures import plain

if TYPE_CHECKING:
    from harness.cohort.batch import Settled, Tally
    from harness.cohort.planning import Plan

EVERY_SECONDS: Final = 10.0
"""How often a plain line says how far it is."""
MARKS: Final = {"passed": "✓", "failed": "✗", "crashed": "!", "invalid": "!", "ungraded": "?"}


class Screen:
    """Tells what becomes of each submission that did not pass, and how far the batch is."""

    def __init__(self, console: Console, bar: Progress | None, total: int) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("grading", total=total, rate="") if bar else None
        self._began = self._told = time.monotonic()

    def say(self, text: str) -> None:
        """Tell the operator something."""
        self._console.print(plain(text))

    def begin(self, made: Plan) -> None:
        """Say what there is to do."""
        left = f", {made.left} beyond the limit" if made.left else ""
        self.say(f"{len(made.works)} to grade, {made.done} done already{left}.")

    def settled(self, one: Settled) -> None:
        """Tell of a submission that did not pass, and count it."""
        if one.entry.outcome != "passed":
            self.say(_line(one))
        rate = 60 * one.done / max(1e-3, time.monotonic() - self._began)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=one.done, rate=f"{rate:.0f}/min", refresh=True)
        elif time.monotonic() - self._told >= EVERY_SECONDS:
            self._told = time.monotonic()
            minutes = (one.total - one.done) / max(rate, 1e-3)
            self.say(f"{one.done}/{one.total} graded, {rate:.0f} per minute, {minutes:.1f} min left")

    def end(self, tally: Tally, made: Plan) -> None:
        """Say what came of it."""
        words = ", ".join(f"{count} {outcome}" for outcome, count in tally.outcomes.most_common())
        elsewhere = f", {tally.elsewhere} by another batch" if tally.elsewhere else ""
        seconds = time.monotonic() - self._began
        if made.works:
            self.say(f"Graded {tally.graded} in {seconds:.1f} s: {words or 'none'}{elsewhere}.")
        if tally.ungraded:
            self.say(f"{tally.ungraded} left ungraded by a fault of ours. Next: the same command again.")


def _line(one: Settled) -> str:
    work, entry = one.work, one.entry
    mark = MARKS.get(entry.outcome, " ")
    if entry.outcome == "ungraded":
        return f"{mark} {work.learner}  {work.exercise.id}  ungraded: {plain(entry.fault, 300)}"
    score = entry.result.score if entry.result else None
    points = f"{score.earned:g}/{score.possible:g}" if score else ""
    return f"{mark} {work.learner}  {work.exercise.id}  {entry.outcome} {points}"


@contextmanager
def watching(total: int) -> Iterator[Screen]:
    """Give a screen on stderr for so many gradings."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal or not total:
        yield Screen(Console(file=sys.stderr, highlight=False, markup=False, soft_wrap=True), None, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    # No thread of its own: processes are forked while the bar is shown.
    with Progress(*columns, console=console, auto_refresh=False) as bar:
        yield Screen(console, bar, total)
