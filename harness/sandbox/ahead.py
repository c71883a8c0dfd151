"""Containers that are started ahead: the next submission's, while the present one is graded.

Each serves one submission and ends with it, as any other does. What is saved is the wait for the
engine and for the import of the exercise's libraries. At most one waits for each place. One that
waits too long is ended unused, and it ends by itself if the process that started it is gone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any, Final

from harness import wire
from harness.errors import SandboxError
from harness.records import Exercise
from harness.sandbox.borrowed import Borrowed, BorrowedSandbox
from harness.sandbox.docker import Container, DockerSandbox
from harness.sandbox.protocol import Slot, Stopped

WAIT_SECONDS: Final = 60.0
"""How long a container may wait for its submission, if nothing else is said."""
IMPORT_SECONDS: Final = 60.0
ANSWER_CAP: Final = 1 << 16


class Ahead:
    """Has one container ready for a place.

    Args:
        slot: The place.
        seconds: How long a container may wait.
    """

    def __init__(self, slot: Slot, *, seconds: float = WAIT_SECONDS) -> None:
        self.following: Exercise | None = None
        """What the place grades after what it grades now, if that is known."""
        self._slot, self._seconds = slot, seconds
        self._docker: DockerSandbox | None = None
        self._waiting: _Waiting | None = None
        self._taken: _Waiting | None = None
        self._starting: threading.Thread | None = None

    def before_fork(self) -> None:
        """Wait until no container is being started: a thread's locks would stay locked in the fork."""
        if self._starting:
            self._starting.join()
            self._starting = None

    def sandbox(self, exercise: Exercise) -> BorrowedSandbox | None:
        """Return the container that waits for this exercise, if one does."""
        self.before_fork()
        waiting, self._waiting = self._waiting, None
        if waiting is None or self._docker is None:
            return None
        if waiting.exercise != exercise or self._overdue(waiting):
            waiting.end()
            return None
        self._taken = waiting
        worker = Borrowed(waiting.container)
        return BorrowedSandbox(worker, self._slot, self._docker.tier(), self._docker.image())

    def expire(self) -> None:
        """End what has waited too long: a submission that comes now has a container started for it."""
        if self._waiting and self._overdue(self._waiting):
            self._waiting.end()
            self._waiting = None

    def _overdue(self, waiting: _Waiting) -> bool:
        return time.monotonic() - waiting.since > self._seconds

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
        self.before_fork()
        if self._waiting:
            self._waiting.end()
            self._waiting = None

    def _start(self, exercise: Exercise) -> None:
        from docker.errors import DockerException

        # Whatever it is, the grading tries for itself, and says what it meets.
        with suppress(SandboxError, Stopped, wire.ProtocolError, DockerException, OSError):
            self._docker = self._docker or DockerSandbox(slot=self._slot, waits=self._seconds)
            self._waiting = _Waiting(self._docker, exercise)


class _Waiting:
    """A container that has imported libraries, and nothing else."""

    def __init__(self, docker: DockerSandbox, exercise: Exercise) -> None:
        with ExitStack() as stack:
            self.container = stack.enter_context(docker.launch(exercise))
            _have_imported(self.container, exercise.preload)
            self._stack = stack.pop_all()
        self.exercise, self.since = exercise, time.monotonic()

    def end(self) -> None:
        from docker.errors import DockerException

        with suppress(SandboxError, DockerException, OSError):  # an engine that is gone has ended it
            self._stack.close()


def _have_imported(container: Container, modules: tuple[str, ...]) -> None:
    """Have the worker import libraries; raises `Stopped` or `ProtocolError`."""
    identity = os.urandom(16).hex()
    encoder = wire.Encoder(_refuse)
    arguments = encoder.encode({"modules": list(modules)})
    question = {"id": identity, "op": "preload", "arguments": arguments, "drop": [], "cap": ANSWER_CAP}
    deadline = time.monotonic() + IMPORT_SECONDS
    container.send(wire.frame({**question, "seed": None}, encoder.body), deadline)
    header, body = wire.lengths(container.receive(wire.PREFIX.size, deadline), ANSWER_CAP)
    answer = wire.parse(container.receive(header, deadline))
    container.receive(body, deadline)
    if answer.get("id") != identity or "value" not in answer:
        raise wire.ProtocolError("the libraries could not be imported")


def _refuse(value: object) -> wire.Handle:
    raise TypeError(f"{value!r} is no module's name")
