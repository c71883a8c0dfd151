"""A container in the hands of a fork of the process that started it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.sandbox.docker import Container
from harness.sandbox.protocol import Ending
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
