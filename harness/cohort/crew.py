"""A crew: forked processes that each do one piece of work at a time.

The death of one costs the work in its hands, which is told, and nothing else. They end when
they are told to, and by themselves within a second or two when whoever gave the work is gone.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, TypeVar

from harness.gradings import Place, settle_in

Work = TypeVar("Work")
Done = TypeVar("Done")
END_SECONDS: Final = 6.0


class Crew(Generic[Work, Done]):
    """Processes that are given work and heard; made by `crew`."""

    def __init__(
        self, function: Callable[[Place, Work], Done], seats: Sequence[Place], leave: Callable[[], None]
    ) -> None:
        self._function, self._leave = function, leave
        self._seats = {seat.index: seat for seat in seats}
        self._members: dict[int, tuple[Any, Connection]] = {}
        self._working: dict[int, Work] = {}

    @property
    def size(self) -> int:
        """Return how many places there are."""
        return len(self._seats)

    @property
    def free(self) -> int:
        """Return how many more pieces of work can be given now."""
        return len(self._seats) - len(self._working)

    @property
    def working(self) -> tuple[Work, ...]:
        """Return what is being done."""
        return tuple(self._working.values())

    def give(self, work: Work) -> None:
        """Have a free process do it."""
        index = next(index for index in self._seats if index not in self._working)
        if index not in self._members:
            self._members[index] = self._start(self._seats[index])
        self._working[index] = work
        with suppress(OSError):  # dead already: told by `hear`
            self._members[index][1].send(work)

    def hear(self, seconds: float, beside: Sequence[Connection] = ()) -> Iterator[tuple[Work, Done | None]]:
        """Yield what is done by now, waiting at most so long; None for what died in somebody's hands.

        A connection `beside` that can be read ends the wait, and is left to be read.
        """
        pipes = {self._members[index][1]: index for index in self._working}
        for pipe in multiprocessing.connection.wait([*pipes, *beside], seconds):
            if pipe in beside:
                continue
            index = pipes[pipe]  # type: ignore[index] # these are the connections that were given
            done: Done | None = None
            try:
                done = self._members[index][1].recv()
            except (EOFError, OSError):
                self._bury(index)
            yield self._working.pop(index), done

    def end(self) -> None:
        """End all processes and what they were doing."""
        for process, _ in self._members.values():
            process.terminate()
        for process, _ in self._members.values():
            process.join(END_SECONDS)
        for index in list(self._members):
            self._bury(index)
        self._working.clear()

    def _bury(self, index: int) -> None:
        process, pipe = self._members.pop(index)
        pipe.close()
        if process.is_alive():
            process.kill()
        process.join()
        process.close()

    def _start(self, seat: Place) -> tuple[Any, Connection]:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        given = (theirs, ours, seat, self._function, self._leave, os.getpid())
        process = context.Process(target=_serve, args=given)
        process.start()
        theirs.close()
        return process, ours


@contextmanager
def crew(
    function: Callable[[Place, Work], Done], seats: Sequence[Place], leave: Callable[[], None]
) -> Iterator[Crew[Work, Done]]:
    """Have a crew ready until the block ends.

    Args:
        function: Does one piece of work, in a process that is forked with all that is imported by now.
        seats: The places.
        leave: What each process does at its end.
    """
    made: Crew[Work, Done] = Crew(function, seats, leave)
    try:
        yield made
    finally:
        made.end()


# ---- in a process of the crew ----------------------------------------------------------------


def _serve(
    pipe: Connection,
    unused: Connection,
    seat: Place,
    function: Callable[[Place, Work], Done],
    leave: Callable[[], None],
    parent: int,
) -> None:
    """Do work until the pipe closes, the parent is gone, or the process is told to end."""
    unused.close()
    settle_in(seat, parent)
    try:
        while _served(pipe, partial(function, seat)):
            pass
    finally:
        with suppress(Exception, SystemExit):
            leave()
        os._exit(0)  # what was inherited, such as a connection to the gradebook, is not ours to close


def _served(pipe: Connection, function: Callable[[Work], Done]) -> bool:
    """Do one piece of work; return whether there is still somebody to do it for."""
    try:
        work = pipe.recv()
    except (EOFError, OSError):
        return False
    done = function(work)
    with suppress(OSError):
        pipe.send(done)
        return True
    return False
