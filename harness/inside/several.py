"""One container for several solutions: a parent that imports libraries once and forks a worker for each.

`roadmark verify` starts the container so, for the solutions that a course brings along, and
nobody else does: a learner's submission has a container of its own. The parent runs no
solution's code. It answers `preload` itself, forks at the first other request, and waits.
A worker that was told to leave does so, and the next one is forked from the parent, whose
memory no solution has touched; every process and file that it left behind goes first. A
worker that ends in any other way takes the container with it.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness import wire
from harness.inside.channel import Channel, Message, exactly, put_aside_standard_streams
from harness.inside.worker import Worker, prepare_prints

SANDBOX = "sandbox"
"""Name of the host, as the container is told."""
LEFT = 73
"""Exit status of a worker that was told to leave."""
WRITABLE = (Path("/tmp"), Path("/dev/shm"))  # noqa: S108 - the container's own


class Departing(Worker):
    """A worker that ends when it is told to, and leaves the answer to its parent."""

    def __init__(self, root: Path, channel: Channel, farewell: int) -> None:
        super().__init__(root, channel)
        self._farewell = farewell

    def _answer(self, header: dict[str, Any], body: bytearray) -> tuple[dict[str, Any], list[wire.Buffer]]:
        if header["op"] != "leave":
            return super()._answer(header, body)
        os.write(self._farewell, str(header["id"]).encode())
        os._exit(LEFT)


def main() -> None:
    """Serve the harness over stdin and stdout, one solution after the other."""
    if os.getppid() != 1 or socket.gethostname() != SANDBOX:
        sys.exit("only as the first command of a sandbox: whatever else runs there is ended")
    reader, writer = put_aside_standard_streams()
    prepare_prints()
    root = Path.cwd()
    while True:
        header, body = _next(reader)
        if header.get("op") == "preload":
            _import(wire.Decoder(body, lambda handle: handle).decode(header["arguments"])["modules"])
            identity = str(header["id"])
        else:
            identity = _in_a_child((header, body), reader, writer, root)
            _clean(root)
        for chunk in wire.frame({"id": identity, "value": None}, []):
            _write(writer, chunk)


def _next(reader: int) -> Message:
    """Wait for a request; without a harness there is nothing more to do."""
    try:
        header, body = wire.lengths(exactly(reader, wire.PREFIX.size), wire.BODY_CAP)
        return wire.parse(exactly(reader, header)), exactly(reader, body)
    except (EOFError, OSError):
        os._exit(0)


def _import(modules: list[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared with the workers


def _in_a_child(first: Message, reader: int, writer: int, root: Path) -> str:
    """Serve in a forked worker until it leaves; return the request that told it to."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        Departing(root, Channel(reader, writer, first), theirs).serve()
    os.close(theirs)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != LEFT:
        os._exit(code if code >= 0 else 128 - code)
    with os.fdopen(ours, "rb") as told:
        return told.read1(64).decode("ascii")


def _clean(root: Path) -> None:
    """End every process that a solution has left, and remove its files; without success, end ourselves."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # all of this user but ourselves and the container's first process
    os.chdir(root)
    for folder in (root, *WRITABLE):
        for left in folder.iterdir() if folder.is_dir() else ():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()


def _write(writer: int, chunk: Any) -> None:
    view = memoryview(chunk).cast("B")
    while view.nbytes:
        view = view[os.write(writer, view) :]
