"""A container that is kept between gradings: for the solutions that a course brings along, for nobody else.

Each solution still has a worker of its own, forked from a parent that has imported libraries
and nothing else (`harness.inside.several`), within the same walls and limits. What is saved is
the start of a container and the import of libraries, again and again. A learner's submission
never comes here: it has a fresh container.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Literal

from harness.errors import SandboxError
from harness.records import Exercise
from harness.sandbox.borrowed import Borrowed
from harness.sandbox.docker import SEVERAL_SECONDS, Container, DockerSandbox
from harness.sandbox.protocol import Ending, Process, Slot

LONGEST_SECONDS: Final = 0.5 * SEVERAL_SECONDS
"""Age at which no further grading begins in a container: it has to end before the reaper comes."""


class Kept:
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

    def started(self) -> None:
        """There is nothing to do meanwhile."""

    def settle(self, facts: Mapping[str, Any]) -> None:
        """Keep the container after a grading, or end it if its worker has not left in order."""
        if not facts.get("left"):
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


class Lease(Borrowed):
    """One worker of a container that is kept."""

    def __init__(self, container: Container) -> None:
        super().__init__(container)
        self._left = False

    def has_left(self) -> None:
        """Note that the worker has left in order: the container may be kept."""
        self._left = True

    def end(self) -> Ending:
        """End the container, unless the worker has left in order."""
        if self._left and self._ending is None:
            self._ending = Ending(peak_memory_mb=self._container.peak_memory_mb())
        return super().end()
