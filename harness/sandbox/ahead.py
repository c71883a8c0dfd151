"""Containers that are started ahead: the next submission's, while the present one is graded.

Each serves one submission and ends with it, as any other does. What is saved is the wait for the
engine and for the import of the exercise's libraries. At most one waits for each place. One that
waits too long is ended unused, and it ends by itself if the process that started it is gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Literal

from harness.errors import SandboxError
from harness.records import Exercise
from harness.sandbox.borrowed import Borrowed
from harness.sandbox.docker import Container, DockerSandbox
from harness.sandbox.protocol import Process, Slot
from harness.wire import Buffer

WAIT_SECONDS: Final = 60.0
"""How long a container may wait for its submission, if nothing else is said."""
Greeting = tuple[str, Sequence[Buffer]]


class Ahead:
    """Has one container ready for a place.

    Args:
        slot: The place.
        greet: Makes the first question, which has the container import libraries, and its name.
        seconds: How long a container may wait.
    """

    def __init__(
        self, slot: Slot, greet: Callable[[Exercise], Greeting], *, seconds: float = WAIT_SECONDS
    ) -> None:
        self.following: Exercise | None = None
        """What the place grades after what it grades now, if that is known."""
        self._slot, self._greet, self._seconds = slot, greet, seconds
        self._docker: DockerSandbox | None = None
        self._waiting: _Waiting | None = None
        self._taken: _Waiting | None = None
        self._starting: threading.Thread | None = None

    def sandbox(self, exercise: Exercise) -> AheadSandbox | None:
        """Return the container that waits for this exercise, if one does."""
        self._join()
        waiting, self._waiting = self._waiting, None
        if waiting is None or self._docker is None:
            return None
        if waiting.exercise != exercise or time.monotonic() - waiting.since > self._seconds:
            waiting.end()
            return None
        self._taken = waiting
        return AheadSandbox(waiting, self._slot, self._docker.tier(), self._docker.image())

    def started(self) -> None:
        """Start the container of the submission that comes next, meanwhile."""
        if self.following and not self._waiting and not self._starting:
            self._starting = threading.Thread(target=self._start, args=(self.following,), daemon=True)
            self._starting.start()

    def settle(self, facts: Mapping[str, Any]) -> None:
        """Let go of the container that was handed out; end it if nobody has."""
        taken, self._taken = self._taken, None
        if taken and facts:
            taken.container.let_go()
        elif taken:
            taken.end()

    def close(self) -> None:
        """End the container that waits."""
        self.settle({})
        self._join()
        if self._waiting:
            self._waiting.end()
            self._waiting = None

    def _start(self, exercise: Exercise) -> None:
        with suppress(SandboxError):  # the grading tries for itself, and says what it met
            self._docker = self._docker or DockerSandbox(slot=self._slot, waits=self._seconds)
            self._waiting = _Waiting(self._docker, exercise, self._greet(exercise))

    def _join(self) -> None:
        if self._starting:
            self._starting.join()
            self._starting = None


class _Waiting:
    """A container that has been asked to import libraries, and nothing else."""

    def __init__(self, docker: DockerSandbox, exercise: Exercise, greeting: Greeting) -> None:
        self.exercise, self.since = exercise, time.monotonic()
        self.greeting, question = greeting
        with ExitStack() as stack:
            self.container: Container = stack.enter_context(docker.launch(exercise))
            try:
                self.container.send(question, time.monotonic() + WAIT_SECONDS)
            except Exception as error:
                raise SandboxError(f"the sandbox did not start: {error}") from error
            self._stack = stack.pop_all()

    def end(self) -> None:
        with suppress(SandboxError):
            self._stack.close()


class AheadSandbox:
    """Runs its first worker in the container that waits, and any further one in a new container."""

    name: Literal["docker", "process"] = "docker"

    def __init__(self, waiting: _Waiting, slot: Slot, tier: str, image: str) -> None:
        self._waiting: _Waiting | None = waiting
        self._slot, self._tier, self._image = slot, tier, image

    def tier(self) -> str:
        """Say how strong this wall is."""
        return self._tier

    def image(self) -> str:
        """Return the id of the image that runs."""
        return self._image

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Hand out the container that waits, or, once it has ended, run another."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            with DockerSandbox(slot=self._slot).launch(exercise) as fresh:
                yield fresh
            return
        ready = Ready(waiting.container, waiting.greeting)
        try:
            yield ready
        finally:
            ready.end()


class Ready(Borrowed):
    """The worker of a container that was started ahead; it has its first question already."""

    def __init__(self, container: Container, greeting: str) -> None:
        super().__init__(container)
        self.greeting = greeting
