"""What a sandbox is: a process that answers, an end that always comes, and how it came to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from harness.records import Exercise, Limits
from harness.wire import Buffer


class Stopped(Exception):
    """The process can answer no more; `reason` is `timeout`, `output`, `protocol` or `died`."""

    def __init__(self, reason: Literal["timeout", "output", "protocol", "died"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a sandbox ended, as its keeper saw it; nothing here comes from the submission."""

    exit_code: int | None = None
    out_of_memory: bool = False
    peak_memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place to run in: which processors, and which user, so that places do not share limits."""

    index: int = 0
    cpus: tuple[int, ...] = ()
    """Processor numbers; empty leaves the choice to the system."""
    device: str = ""
    """Uuid of the GPU that is lent to this place; empty for none."""


def threads(limits: Limits, slot: Slot) -> int:
    """Return how many threads a library may start: more than there are processors only fight over them."""
    return min(limits.cpus, len(slot.cpus) or limits.cpus)


class Process(Protocol):
    """A worker behind the wall."""

    def send(self, chunks: Sequence[Buffer], deadline: float) -> None:
        """Write all chunks before the deadline (monotonic seconds); raises `Stopped`."""
        ...

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read exactly `size` bytes of answers before the deadline; raises `Stopped`."""
        ...

    def quiet(self) -> bool:
        """Whether no byte of an answer is waiting; there must be none between two questions."""
        ...

    def take_log(self) -> bytes:
        """Return what the submission has printed since the last call, within the cap."""
        ...

    def end(self) -> Ending:
        """Close the stream, kill everything that was started, and say how it had ended."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A process whose keeper can say how much processor time it has used."""

    def cpu_seconds(self) -> float | None:
        """Return what the system has counted so far; None where it cannot be read."""
        ...


@runtime_checkable
class Shared(Protocol):
    """A process whose keeper lets others follow it in the same place, if it leaves in order."""

    def has_left(self) -> None:
        """Note that the worker has left in order."""
        ...


class Sandbox(Protocol):
    """Something that runs a worker with a stream to it."""

    name: Literal["docker", "process"]

    def launch(self, exercise: Exercise) -> AbstractContextManager[Process]:
        """Start a fresh worker; leaving the block ends everything that was started."""
        ...

    def tier(self) -> str:
        """Say how strong this wall is, in words for the report."""
        ...

    def image(self) -> str:
        """Return the id of the image that runs, or an empty text."""
        ...


class Keeper(Protocol):
    """Starts sandboxes for the gradings of one process, each of which runs in a forked child."""

    def before_fork(self) -> None:
        """Have no thread at work: the child is about to be forked."""
        ...

    def sandbox(self, exercise: Exercise) -> Sandbox | None:
        """Return where the next submission runs; None leaves it to the child to start one."""
        ...

    def started(self) -> None:
        """Note that the child is at work."""
        ...

    def settle(self, facts: Mapping[str, Any]) -> None:
        """Note that the child has ended, and what it said of the run; nothing if it came to no end."""
        ...

    def close(self) -> None:
        """End what is kept."""
        ...
