"""Many gradings at once: a few forked processes, each in a place with its share of the processors.

Libraries are imported once, before the fork, so that a grading costs what it asks and not
what it imports. A place grades one submission after the other; `grade` forks again for
each, from a process with a single thread.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.util import Finalize
from typing import Any, Final, TypeVar

from harness.catalog import Course
from harness.errors import GraderError, SandboxError, SpecError
from harness.grade import Options, grade
from harness.libraries import preload
from harness.records import Exercise, Result, Submission
from harness.sandbox.kept import Kept
from harness.sandbox.protocol import Slot

WATCH_SECONDS: Final = 1.0

Key = TypeVar("Key")
Work = TypeVar("Work")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one process grades: its number and its processors."""

    index: int = 0
    cpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One submission to grade, and how."""

    exercise: Exercise
    submission: Submission
    options: Options
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What came of a trial: a result, or what its author has to mend."""

    result: Result | None = None
    fault: str = ""


def places(jobs: int = 0) -> tuple[Place, ...]:
    """Return so many places with the processors of this process dealt out; by default one for each."""
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    count = jobs or len(mine) or os.cpu_count() or 1
    if count > len(mine):
        return tuple(Place(index, (mine[index % len(mine)],) if mine else ()) for index in range(count))
    return tuple(Place(index, tuple(mine[index::count])) for index in range(count))


class Gradings:
    """A few processes that work through what they are given; made by `gradings`."""

    def __init__(self, executor: ProcessPoolExecutor, course: Course) -> None:
        self._executor, self._course = executor, course

    def each(
        self, function: Callable[[Work], Done], works: Iterable[tuple[Key, Work]]
    ) -> Iterator[tuple[Key, Done]]:
        """Yield what the function made of each piece of work, with its key, in the order they are done.

        Raises:
            SandboxError: the sandbox cannot be used, or a process was killed.
        """
        waiting: dict[Future[Done], Key] = {
            self._executor.submit(_do, function, work): key for key, work in works
        }
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            hint = "use fewer at once: -j 1"
            raise SandboxError("a grading process was killed; was memory short?", hint=hint) from None
        finally:
            for future in waiting:
                future.cancel()

    def graded(self, trials: Iterable[tuple[Key, Trial]]) -> Iterator[tuple[Key, Graded]]:
        """Yield the outcome of each trial with its key, in the order they are done; raises `SandboxError`."""
        return self.each(partial(grade_here, self._course), trials)


@contextmanager
def gradings(
    course: Course, exercises: Sequence[Exercise], seats: Sequence[Place], *, keep: bool = False
) -> Iterator[Gradings]:
    """Have as many processes ready as there are places, to grade some exercises until the block ends.

    Args:
        course: Where graders lie.
        exercises: What is graded; their libraries are imported beforehand.
        seats: The places.
        keep: Whether each keeps its container for one solution after another. Only for what
            the course brings along: a learner's submission has a fresh container.
    """
    preload(exercises)
    context: Any = multiprocessing.get_context("fork")
    free = context.SimpleQueue()
    for seat in seats:
        free.put(seat)
    executor = ProcessPoolExecutor(len(seats), context, initializer=_sit, initargs=(free, os.getpid(), keep))
    try:
        yield Gradings(executor, course)
    except BaseException:
        _end(executor)
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _end(executor: ProcessPoolExecutor) -> None:
    """End what is being graded: nobody waits for it any more."""
    for process in list((executor._processes or {}).values()):  # noqa: SLF001 - public from Python 3.14 on
        process.terminate()


# ---- in a place ------------------------------------------------------------------------------

_SEAT: Final[list[Place]] = []
"""The place of this process; empty in the one that gives the work."""
_KEEPER: Final[list[Kept]] = []
"""What keeps the container of this place, if anything does."""


def _sit(free: Any, parent: int, keep: bool) -> None:  # noqa: FBT001 - it comes through `initargs`
    """Take a place, keep to its processors, and end when there is nobody left to work for."""
    seat: Place = free.get()
    _SEAT[:] = [seat]
    if keep:
        _KEEPER[:] = [Kept(Slot(index=seat.index, cpus=seat.cpus))]
        Finalize(None, _KEEPER[0].close, exitpriority=1)
    settle_in(seat, parent)


def _do(function: Callable[[Work], Done], work: Work) -> Done:
    """Do one piece of work; if we are told to end in its midst, end for good once it has cleaned up."""
    try:
        return function(work)
    except SystemExit:  # the executor would take it for the outcome, and give us more to do
        for keeper in _KEEPER:
            keeper.close()
        os._exit(1)


def settle_in(seat: Place, parent: int) -> None:
    """Keep to a place's processors, leave Ctrl-C to the parent, and end when it is gone."""
    _heed_signals(parent)
    if seat.cpus:
        os.sched_setaffinity(0, seat.cpus)
        torch: Any = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(len(seat.cpus))


def _heed_signals(parent: int) -> None:
    """Leave Ctrl-C to the parent, and notice when it is gone: a killed one cannot say so."""

    def end(*_: object) -> None:
        raise SystemExit

    def look(*_: object) -> None:
        if os.getppid() != parent:
            raise SystemExit

    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which submissions would inherit
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, WATCH_SECONDS, WATCH_SECONDS)


def grade_here(course: Course, trial: Trial) -> Graded:
    """Grade in the place of this process; raises `SandboxError`."""
    seat = _SEAT[0]
    keeper = _KEEPER[0] if _KEEPER and trial.options.sandbox == "docker" else None
    options = replace(trial.options, cpus=seat.cpus, slot=seat.index, keeper=keeper, more=True)
    try:
        result = grade(course, trial.exercise, trial.submission, options, refused=trial.refused)
    except (SpecError, GraderError) as error:
        return Graded(fault=str(error))
    return Graded(result=result)
