"""Who grades for a batch: what it may ask of an executor, wherever that works.

Given the exercise, the bytes handed in and the manner, a grading depends on nothing else, so
it may be done anywhere. An executor has places, is given work while one is free, and tells
what came of it; the batch alone decides what is tried again and writes verdicts down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from harness.catalog import Course
from harness.cohort.grading import Report, Work
from harness.records import Exercise, Gpu

BACKOFF_SECONDS: Final = 2.0
"""Before the second try; four times as long before each further one."""
ENGINE_SECONDS: Final = 300.0
"""How long is waited for an engine, or for a node, where none is left that answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a batch works."""

    sandbox: Literal["docker", "process"] = "docker"
    runtime: str = ""
    """What runs containers, such as `runsc`; empty for the engine's own."""
    jobs: int = 0
    """Gradings at once, on each machine; 0 for one on each processor."""
    devices: tuple[Gpu, ...] = ()
    """GPUs to lend, each to one grading at a time."""
    proposed: bool = False
    """Whether verdicts are proposals that do not count yet."""
    keep: Path | None = None
    """Folder for recordings of what submissions answer; none are kept by default."""
    backoff: float = BACKOFF_SECONDS
    engine_seconds: float = ENGINE_SECONDS
    say: Callable[[str], None] = lambda _: None
    """Is told what the operator should know while it happens."""


class Executor(Protocol):
    """Places in which submissions are graded."""

    @property
    def size(self) -> int:
        """Return how many places there are now."""
        ...

    @property
    def free(self) -> int:
        """Return how many submissions can be given now."""
        ...

    @property
    def busy(self) -> int:
        """Return how many have been given and not been heard of."""
        ...

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether a place is free in which this exercise can be graded."""
        ...

    def give(self, work: Work, following: Exercise | None, waiting: int) -> None:
        """Have a free place grade it.

        Args:
            work: What can begin.
            following: What the place grades next, where that is sure.
            waiting: How many wait behind it, for those who look on.
        """
        ...

    def hear(self, seconds: float) -> Iterable[tuple[Work, Report]]:
        """Yield what came of works, waiting at most so long for the first.

        Each work that was given is heard of once. One that a failing place took along comes
        back with `Report.again`.

        Raises:
            SandboxError: nothing can be graded any more.
        """
        ...


Engage = Callable[[Course, Sequence[Work], Manner], AbstractContextManager[Executor]]
"""Gives an executor for some works of a course; leaving the block ends all that it started."""
