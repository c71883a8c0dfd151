"""A container that is kept between gradings: for the solutions that a course brings along, for nobody else.

Each solution still has a worker of its own, forked from a parent that has imported libraries
and nothing else (`harness.inside.several`), within the same walls and limits. What is saved is
the start of a container and the import of libraries, again and again. A learner's submission
never comes here: it has a fresh container.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any, Final

from harness.errors import SandboxError
from harness.records import Exercise
from harness.sandbox.borrowed import Borrowed, BorrowedSandbox
from harness.sandbox.docker import SEVERAL_SECONDS, Container, DockerSandbox
from harness.sandbox.protocol import Ending, Slot

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

    def sandbox(self, exercise: Exercise) -> BorrowedSandbox | None:
        """Return a sandbox whose first worker is forked in the container that is kept; None without one."""
        from docker.errors import DockerException

        aged = time.monotonic() - self._since > LONGEST_SECONDS
        if self._container is None or self._exercise != exercise.id or aged:
            self.close()
            # The grading tries for itself, and says what it meets.
            with suppress(SandboxError, DockerException, OSError):
                self._start(exercise)
        if self._container is None or self._docker is None:
            return None
        tier = f"{self._docker.tier()}; shared by a course's own solutions"
        return BorrowedSandbox(Lease(self._container), self._slot, tier, self._docker.image())

    def before_fork(self) -> None:
        """There is no thread."""

    def started(self) -> None:
        """There is nothing to do meanwhile."""

    def settle(self, facts: Mapping[str, Any]) -> None:
        """Keep the container after a grading, or end it if its worker has not left in order."""
        if not facts.get("left"):
            self.close()

    def close(self) -> None:
        """End the container."""
        from docker.errors import DockerException

        self._container = None
        with suppress(SandboxError, DockerException, OSError):  # an engine that is gone has ended it
            self._stack.close()

    def _start(self, exercise: Exercise) -> None:
        self._docker = self._docker or DockerSandbox(slot=self._slot, several=True)
        self._container = self._stack.enter_context(self._docker.launch(exercise))
        self._exercise, self._since = exercise.id, time.monotonic()


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
