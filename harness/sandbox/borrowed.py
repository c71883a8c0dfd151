"""A container in the hands of a fork of the process that started it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from harness.records import Exercise
from harness.sandbox.docker import Container, DockerSandbox
from harness.sandbox.protocol import Ending, Process, Slot
from harness.wire import Buffer


class Borrowed:
    """A worker in a container that another process started."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._ending: Ending | None = None

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

    def end(self) -> Ending:
        """End the container."""
        if self._ending is None:
            self._ending = self._container.end_from_a_fork()
        return self._ending


class BorrowedSandbox:
    """Has its first worker in a container that was started before, and any further one in a new container.

    Args:
        first: The worker there.
        slot: The place.
        tier: How strong the wall is, in words.
        image: Id of the image that runs.
    """

    name: Literal["docker", "process"] = "docker"

    def __init__(self, first: Borrowed, slot: Slot, tier: str, image: str) -> None:
        self._first: Borrowed | None = first
        self._slot, self._tier, self._image = slot, tier, image

    def tier(self) -> str:
        """Say how strong this wall is."""
        return self._tier

    def image(self) -> str:
        """Return the id of the image that runs."""
        return self._image

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Hand out the container that is there, or, once it has ended, run another."""
        first, self._first = self._first, None
        if first is None:
            with DockerSandbox(slot=self._slot).launch(exercise) as fresh:
                yield fresh
            return
        try:
            yield first
        finally:
            first.end()
