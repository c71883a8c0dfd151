"""The process sandbox: limits and a clean environment, and no isolation from a hostile submission.

It is for learners checking their own work and for machines without an engine. A submission
here can read what its user can read. Whoever grades others' work uses Docker.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from harness.errors import SandboxError
from harness.gpu import requesting
from harness.records import Exercise, Limits
from harness.sandbox.owners import alive, owner
from harness.sandbox.protocol import Ending, Process, Slot, threads
from harness.sandbox.stream import Answers, Log, Stream
from harness.wire import Buffer

RUN: Final = Path(__file__).resolve().parents[1] / "inside" / "run.py"
PREFIX: Final = "roadmark-run-"
OWNER_FILE: Final = "owner"
EXIT_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 0.2
KILL_ROUNDS: Final = 100
ADDRESS_SPACE_MARGIN_MB: Final = 8192
"""torch reserves gigabytes of address space that it never touches."""


class ProcessSandbox:
    """Runs a worker as a child process with resource limits."""

    name: Literal["docker", "process"] = "process"

    def __init__(self, slot: Slot | None = None) -> None:
        self._slot = slot or Slot()

    def tier(self) -> str:
        """Say how strong this wall is."""
        return "process: resource limits, no isolation"

    def image(self) -> str:
        """Return an empty text: no image runs."""
        return ""

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Run the worker in a folder of its own for as long as the block lasts."""
        folder, child = _new_folder(), None
        try:
            child = _started(folder, exercise.limits, self._slot)
            yield child
        finally:
            if child:
                child.end()
            _remove(folder)


def reap() -> int:
    """Remove folders whose owner is dead, with every process of theirs; return how many there were."""
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            mark = (folder / OWNER_FILE).read_text(errors="replace")
            if mark and not alive(mark):  # empty: it is being written
                _end_all(_marker(folder))
                _remove(folder)
                removed += 1
    return removed


def _new_folder() -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        (folder / OWNER_FILE).write_text(owner())
    except OSError as error:
        hint = "make room there, or set TMPDIR"
        raise SandboxError(f"no folder for the sandbox: {error}", hint=hint) from error
    return folder


def _remove(folder: Path) -> None:
    """Remove a folder, however deep a submission made it: Python's own way ends at a thousand."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(["rm", "-rf", "--", str(folder)], check=False, capture_output=True)  # noqa: S607 - where it is differs


def _started(folder: Path, limits: Limits, slot: Slot) -> _Child:
    try:
        return _Child(folder, limits, slot)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the sandbox did not start: {error}", hint="roadmark doctor") from error


class _Child:
    """A worker in a session of its own, reached through three pipes."""

    def __init__(self, folder: Path, limits: Limits, slot: Slot) -> None:
        submission = folder / "submission"
        submission.mkdir()
        self._ending: Ending | None = None
        self._marker = _marker(folder)
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-B", str(RUN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=submission,
            env=environment(folder, limits, slot),
            start_new_session=True,
            preexec_fn=lambda: _limit(limits, slot),  # noqa: PLW1509 - limits must hold before the first line
        )
        pipes = (self._child.stdin, self._child.stdout, self._child.stderr)
        stdin, stdout, stderr = (pipe.fileno() for pipe in pipes if pipe)
        answers, log = Answers(), Log(limits.log_kb << 10)
        self._stream = Stream(stdin, {stdout: answers.add, stderr: log.add}, answers, log)
        self._ended = threading.Event()
        threading.Thread(target=self._watch, args=(limits.pids,), daemon=True).start()

    def send(self, chunks: Sequence[Buffer], deadline: float) -> None:
        """Write a request."""
        self._stream.send(chunks, deadline)

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read a part of an answer."""
        return self._stream.receive(size, deadline)

    def quiet(self) -> bool:
        """Whether no byte of an answer is waiting."""
        return self._stream.answers.empty

    def take_log(self) -> bytes:
        """Return what was printed since the last call."""
        if self._ending is None:
            self._stream.drain()
        return self._stream.log.take()

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the worker's threads that live; None where the system hides it."""
        try:
            counts = [file.read_text() for file in Path(f"/proc/{self._child.pid}/task").glob("*/schedstat")]
            return sum(int(count.split()[0]) for count in counts) / 1e9 if counts else None
        except (OSError, ValueError, IndexError):
            return None

    def end(self) -> Ending:
        """Kill the worker and every process that it started."""
        if self._ending is None:
            self._ended.set()
            self._stream.drain()
            peak = _peak_memory_mb(self._child.pid)
            code = self._exit_code()
            self._kill()
            for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
                if pipe:
                    pipe.close()
            self._child.wait()
            self._ending = Ending(exit_code=code, peak_memory_mb=peak)
        return self._ending

    def _exit_code(self) -> int | None:
        """Return how the worker ended by itself; where its stream has ended, its exit is on its way."""
        if self._stream.ended:
            with suppress(subprocess.TimeoutExpired):
                return self._child.wait(EXIT_SECONDS)
        return self._child.poll()

    def _kill(self) -> None:
        """Kill the worker's session, and whatever has left it but still carries our mark."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        _end_all(self._marker)

    def _watch(self, most: int) -> None:
        """End a submission that starts too many processes; for root no resource limit does."""
        while not self._ended.wait(WATCH_SECONDS):
            if len(_marked(self._marker)) > most:
                self._kill()


def environment(folder: Path, limits: Limits, slot: Slot) -> dict[str, str]:
    """Return the few variables a submission sees: nothing of the harness's own."""
    return {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "USER": "learner",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": str(threads(limits, slot)),
        "CUDA_VISIBLE_DEVICES": slot.device,  # empty: none
        **(requesting.environment() if slot.device else {}),
        "ROADMARK_RUN": folder.name,
    }


def _peak_memory_mb(pid: int) -> float | None:
    """Return the most memory that a live process has held; rusage would count whom it was forked from."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else None


def _limit(limits: Limits, slot: Slot) -> None:
    """Set the child's limits; runs between fork and exec."""
    megabyte = 1 << 20
    space = (limits.memory_mb + ADDRESS_SPACE_MARGIN_MB) * megabyte
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, limits.disk_mb * megabyte),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_DATA, limits.memory_mb * megabyte),
    ):
        _lower(kind, value)
    if not slot.device:  # CUDA reserves addresses for all memory of machine and GPU, and fails if it may not
        _lower(resource.RLIMIT_AS, space)
    if slot.cpus and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, slot.cpus)


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (limit, limit))


def _marker(folder: Path) -> bytes:
    return f"ROADMARK_RUN={folder.name}".encode()


def _end_all(marker: bytes) -> None:
    for _ in range(KILL_ROUNDS):  # a process may fork while we look: look again until none is left
        if not _kill(_marked(marker)):
            return


def _marked(marker: bytes) -> list[int]:
    """Return the processes whose environment carries our mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            if marker in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _kill(numbers: list[int]) -> int:
    """Kill processes; return how many there were."""
    for number in numbers:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)
    return len(numbers)
