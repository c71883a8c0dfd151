"""A container that is kept between gradings: for the solutions that a course brings along, for nobody else.

Each solution still has a worker of its own, forked from a parent that has imported libraries
and nothing else (`harness.inside.several`), within the same walls and limits. What is saved is
the start of a container and the import of libraries, again and again. A learner's submission
never comes here: it has a fresh container.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final, Literal

from harness.errors import SandboxError
from harness.records import Exercise
from harness.sandbox.docker import SEVERAL_SECONDS, Container, DockerSandbox
from harness.sandbox.protocol import Ending, Process, Slot
from harness.wire import Buffer

LONGEST_SECONDS: Final = 0.5 * SEVERAL_SECONDS
"""Age at which no further grading begins in a container: it has to end before the reaper comes."""


class Keeper:
    """Keeps a place's container; lives in the process that starts gradings, which run in forked children."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._stack = ExitStack()
        self._container: Container | None = None
        self._docker: DockerSandbox | None = None
        self._exercise = ""
        self._since = 0.0

    def sandbox(self, exercise: Exercise) -> KeptSandbox | None:
        """Return a sandbox whose first worker is forked in the container that is kept; None without one."""
        aged = time.monotonic() - self._since > LONGEST_SECONDS
        if self._container is None or self._exercise != exercise.id or aged:
            self.close()
            try:
                self._start(exercise)
            except SandboxError:  # the grading tries for itself, and says what it met
                return None
        if self._container is None or self._docker is None:
            return None
        return KeptSandbox(self._container, self._slot, self._docker.tier(), self._docker.image())

    def settle(self, *, clean: bool) -> None:
        """Keep the container after a grading, or end it if its worker has not left in order."""
        if not clean:
            self.close()

    def close(self) -> None:
        """End the container."""
        self._container = None
        self._stack.close()

    def _start(self, exercise: Exercise) -> None:
        self._docker = self._docker or DockerSandbox(slot=self._slot, several=True)
        self._container = self._stack.enter_context(self._docker.launch(exercise))
        self._exercise, self._since = exercise.id, time.monotonic()


class KeptSandbox:
    """Runs its first worker in a container that is kept, and any further one in a fresh container."""

    name: Literal["docker", "process"] = "docker"

    def __init__(self, container: Container, slot: Slot, tier: str, image: str) -> None:
        self._container: Container | None = container
        self._slot, self._tier, self._image = slot, tier, image

    def tier(self) -> str:
        """Say how strong this wall is."""
        return f"{self._tier}; shared by a course's own solutions"

    def image(self) -> str:
        """Return the id of the image that runs."""
        return self._image

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Have a worker forked, or, once one has ended, run a container."""
        container, self._container = self._container, None
        if container is None:
            with DockerSandbox(slot=self._slot).launch(exercise) as fresh:
                yield fresh
            return
        lease = Lease(container)
        try:
            yield lease
        finally:
            lease.end()


class Lease:
    """One worker of a container that is kept."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._ending: Ending | None = None
        self._left = False

    def send(self, chunks: Sequence[Buffer], deadline: float) -> None:
        """Write a request."""
        self._container.send(chunks, deadline)

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read a part of an answer."""
        return self._container.receive(size, deadline)

    def quiet(self) -> bool:
        """Whether no byte of an answer is waiting."""
        return self._container.quiet()

    def take_log(self) -> bytes:
        """Return what was printed since the last call."""
        return self._container.take_log()

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the container; None where its control group is elsewhere."""
        return self._container.cpu_seconds()

    def has_left(self) -> None:
        """Note that the worker has left in order: the container may be kept."""
        self._left = True

    def end(self) -> Ending:
        """End the container, unless the worker has left in order."""
        if self._ending is None:
            peak = self._container.peak_memory_mb()
            self._ending = Ending(peak_memory_mb=peak) if self._left else self._container.end_from_a_fork()
        return self._ending
