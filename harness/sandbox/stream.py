"""Move bytes to and from a worker with a cap on everything read and an absolute deadline.

One loop does all: while it waits to write or for an answer it also drains what the
submission prints, so that a flood can neither block the worker's answer nor fill memory.
"""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from harness.sandbox.protocol import Stopped
from harness.wire import Buffer

CHUNK: Final = 1 << 18
STRAY_CAP: Final = CHUNK
"""One read may bring a whole answer while only its first bytes are waited for yet."""
DOCKER_FRAME: Final = struct.Struct(">BxxxL")


class Log:
    """What a submission prints: counted, capped, never interpreted."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._seen = 0
        self._kept = bytearray()

    def add(self, data: memoryview) -> None:
        """Keep what fits; raises `Stopped` once the cap is passed."""
        self._kept += data[: max(0, self._cap - self._seen)]
        self._seen += len(data)
        if self._seen > self._cap:
            raise Stopped("output", f"it printed more than {self._cap >> 10} KiB")

    def take(self) -> bytes:
        """Return and forget what was kept."""
        kept = bytes(self._kept)
        self._kept.clear()
        return kept


class Answers:
    """Bytes of answers: into the buffer that is waited for, else into a small box of strays."""

    def __init__(self) -> None:
        self._strays = bytearray()
        self._wanted = memoryview(bytearray())  # writable, although nothing is written into it

    def want(self, target: bytearray) -> None:
        """Fill `target` from now on, first with what has already come."""
        early = min(len(self._strays), len(target))
        target[:early] = self._strays[:early]
        del self._strays[:early]
        self._wanted = memoryview(target)[early:]

    def add(self, data: memoryview) -> None:
        """Take bytes that arrived."""
        used = min(len(data), len(self._wanted))
        self._wanted[:used] = data[:used]
        self._wanted = self._wanted[used:]
        self._strays += data[used:]
        if len(self._strays) > STRAY_CAP:
            raise Stopped("protocol", "it wrote into the harness's stream")

    @property
    def complete(self) -> bool:
        """Whether nothing more is waited for."""
        return not self._wanted

    @property
    def empty(self) -> bool:
        """Whether no byte has come unasked."""
        return not self._strays


class DockerFrames:
    """Split the engine's multiplexed stream into its two parts."""

    def __init__(self, out: Callable[[memoryview], None], log: Callable[[memoryview], None]) -> None:
        self._sinks = {1: out, 2: log}
        self._header = bytearray()
        self._left = 0
        self._sink = out

    def add(self, data: memoryview) -> None:
        """Pass on the payload of every frame, whole or in parts."""
        while data:
            if not self._left:
                data = self._read_header(data)
            part, data = data[: self._left], data[self._left :]
            self._left -= len(part)
            if part:
                self._sink(part)

    def _read_header(self, data: memoryview) -> memoryview:
        need = DOCKER_FRAME.size - len(self._header)
        self._header += data[:need]
        if len(self._header) == DOCKER_FRAME.size:
            kind, self._left = DOCKER_FRAME.unpack(self._header)
            self._sink = self._sinks.get(kind, self._sinks[2])
            self._header.clear()
        return data[need:]


class Stream:
    """A worker's stream over file descriptors, all of them non-blocking.

    Args:
        writer: Descriptor that requests go to.
        readers: For each descriptor that is read, what takes its bytes; the end of the
            first one is the end of the worker.
        answers: Where answers are put.
        log: Where prints are put.
    """

    def __init__(
        self, writer: int, readers: Mapping[int, Callable[[memoryview], None]], answers: Answers, log: Log
    ) -> None:
        self.answers, self.log = answers, log
        self._writer, self._readers = writer, dict(readers)
        self._vital = next(iter(readers))
        self._stopped: Stopped | None = None
        self._buffer = bytearray(CHUNK)
        self._poll = select.poll()
        for number in {writer, *readers}:
            os.set_blocking(number, False)
        for number in readers:
            self._poll.register(number, select.POLLIN)

    def send(self, chunks: Sequence[Buffer], deadline: float) -> None:
        """Write all chunks; raises `Stopped`."""
        self._watch_writer(on=True)
        try:
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                while view.nbytes:
                    view = view[self._write(view) :]
                    if view.nbytes:
                        self._wait(deadline)
        finally:
            self._watch_writer(on=False)

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read exactly `size` bytes of answers; raises `Stopped`."""
        target = bytearray(size)
        self.answers.want(target)
        while not self.answers.complete:
            self._wait(deadline)
        return target

    def drain(self) -> None:
        """Take what has already come, without waiting; an end that is met here is told with the next wait."""
        watched = set(self._readers)
        try:
            while watched.intersection(self._select(0)):
                pass
        except Stopped as stopped:
            self._stopped = self._stopped or stopped

    @property
    def ended(self) -> bool:
        """Whether the worker has closed its end."""
        return self._vital not in self._readers

    def _watch_writer(self, *, on: bool) -> None:
        reading = select.POLLIN if self._writer in self._readers else 0
        if on or reading:
            self._poll.register(self._writer, reading | (select.POLLOUT if on else 0))
        else:
            with suppress(KeyError):  # one stream for both ways, whose end was read meanwhile
                self._poll.unregister(self._writer)

    def _write(self, view: memoryview) -> int:
        try:
            return os.write(self._writer, view[: 4 * CHUNK])
        except BlockingIOError:
            return 0
        except OSError:
            self.drain()
            raise self._stopped or Stopped("died", "its process ended") from None

    def _wait(self, deadline: float) -> None:
        if self._stopped:
            raise self._stopped
        left = deadline - time.monotonic()
        if left <= 0 or not self._select(left):
            raise Stopped("timeout", "it took too long")

    def _select(self, seconds: float) -> list[int]:
        """Read what has come; return the descriptors that something happened to."""
        ready = self._poll.poll(seconds * 1000)
        for number, events in ready:
            if number in self._readers and events & ~select.POLLOUT:
                self._read(number)
        return [number for number, _ in ready]

    def _read(self, number: int) -> None:
        try:
            got = os.readv(number, [self._buffer])
        except BlockingIOError:
            return
        except OSError:
            got = 0
        if got:
            self._readers[number](memoryview(self._buffer)[:got])
            return
        self._poll.unregister(number)
        del self._readers[number]
        if number == self._vital:
            raise Stopped("died", "its process ended")
