"""The worker's end of the wall: frames in, frames out, and an end when the harness goes."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence
from typing import Any

from harness import wire

Message = tuple[dict[str, Any], bytearray]


class Channel:
    """Reads requests on a thread, so that the worker ends when the harness does, even in mid-call."""

    def __init__(self, reader: int, writer: int, first: Message | None = None) -> None:
        self._reader = reader
        self._writer = writer
        self._owner = os.getpid()
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._told: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._open: str | None = None
        if first:
            self._requests.put(first)
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> Message:
        """Wait for the next request."""
        header, body = self._requests.get()
        self._open = header.get("id")
        return header, body

    def reply(self, header: dict[str, Any], body: Sequence[wire.Buffer]) -> None:
        """Answer the request that is open."""
        with self._turn:  # a thread of theirs may be asking: its answer comes first
            frame = wire.frame({"id": self._open, **header}, body)
            self._open = None
            self._write(frame)

    def ask(self, header: dict[str, Any], body: Sequence[wire.Buffer]) -> Message:
        """Put a question to the harness and wait; only while it waits for an answer itself."""
        with self._turn:
            if self._open is None:
                raise RuntimeError("the grader's functions answer only while the grader waits for yours")
            self._write(wire.frame({"id": self._open, **header}, body))
            return self._told.get()

    def _write(self, chunks: Sequence[wire.Buffer]) -> None:
        """Write one frame; a forked copy of the worker ends here instead of answering twice."""
        if os.getpid() != self._owner:
            os._exit(0)
        for chunk in chunks:
            view = memoryview(chunk).cast("B")
            while view.nbytes:
                view = view[os.write(self._writer, view) :]

    def _read(self) -> None:
        try:
            while True:
                header, body = wire.lengths(exactly(self._reader, wire.PREFIX.size), wire.BODY_CAP)
                message = (wire.parse(exactly(self._reader, header)), exactly(self._reader, body))
                answer = "told" in message[0] or "refused" in message[0]
                (self._told if answer else self._requests).put(message)
        finally:
            os._exit(0)  # the harness closed the stream or died: nothing of ours may outlive it


def exactly(reader: int, size: int) -> bytearray:
    """Read so many bytes; raises `EOFError` if the stream ends before."""
    data = bytearray(size)
    view = memoryview(data)
    while view.nbytes:
        got = os.readv(reader, [view[: 1 << 20]])
        if not got:
            raise EOFError
        view = view[got:]
    return data


def put_aside_standard_streams() -> tuple[int, int]:
    """Keep stdin and stdout for frames; the submission gets an empty stdin, and its prints go to stderr."""
    reader, writer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reader, writer


def take_standard_streams() -> Channel:
    """Return a channel over stdin and stdout, which nothing else uses from now on."""
    return Channel(*put_aside_standard_streams())
