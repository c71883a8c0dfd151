"""A node in a batch: the actor that Ray runs there, and the hall that it has beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

from harness.cluster.hall import NUMBER
from harness.cohort.local import engine_answers

READY_SECONDS: Final = 300.0
"""What the import of all libraries may take."""
LEAVE_SECONDS: Final = 15.0
DIED: Final = "the process that grades there has died"


class Node:
    """Owns a node's places, and what is kept warm in them.

    Args:
        task: A pickled `Task`.
        batch: Names the batch, for those who look on.
    """

    def __init__(self, task: bytes, batch: str) -> None:
        self._batch = batch
        self._waiting: dict[bytes, Future[bytes]] = {}
        self._sending = threading.Lock()
        self._gone = False
        self._count = self._done = self._behind = 0
        self._began = time.monotonic()
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "harness.cluster.hall", str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        self._socket, self._pipe = ours, Connection(os.dup(ours.fileno()))
        self._pipe.send_bytes(task)

    def enter(self) -> None:
        """Return once all is imported."""
        if not self._pipe.poll(READY_SECONDS) or self._pipe.recv_bytes():
            raise TimeoutError(f"not ready within {READY_SECONDS:g} s")
        threading.Thread(target=self._listen, daemon=True).start()

    def grade(self, work: bytes, behind: int) -> bytes:
        """Return the report on a work, as JSON; raises `ConnectionError` once the hall is gone.

        Args:
            work: The pickled assignment and its parcel.
            behind: How many works wait at the driver.
        """
        report: Future[bytes] = Future()
        with self._sending:
            self._count += 1
            number = self._count.to_bytes(NUMBER, "big")
            self._waiting[number], self._behind = report, behind
            if self._gone:
                raise ConnectionError(DIED)
            self._pipe.send_bytes(number + work)
        answer = report.result()
        self._done += 1
        return answer

    def answers(self) -> bool:
        """Whether the node's engine can be used."""
        return engine_answers()

    def figures(self) -> Mapping[str, Any]:
        """Return how far the node is."""
        return {
            "batch": self._batch,
            "grading": len(self._waiting),
            "done": self._done,
            "seconds": time.monotonic() - self._began,
            "behind": self._behind,
        }

    def leave(self) -> None:
        """End all that was started."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_SECONDS)
        self._process.kill()

    def _listen(self) -> None:
        """Hand each report to who waits for it; when the hall is gone, tell them all."""
        with suppress(EOFError, OSError):
            while True:
                message = self._pipe.recv_bytes()
                self._waiting.pop(message[:NUMBER]).set_result(message[NUMBER:])
        with self._sending:
            self._gone = True
        while self._waiting:
            self._waiting.popitem()[1].set_exception(ConnectionError(DIED))
