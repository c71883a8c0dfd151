"""Where a node grades: a process with one thread, which forks the crew that an actor of Ray's cannot.

    python -m harness.cluster.hall DESCRIPTOR

An actor's process has threads of Ray's, and what is forked beside threads may find their
locks taken for ever. It therefore starts this one, and speaks with it over a socket: first
the task, then works, each with a number of 8 bytes in front; reports come back the same way,
after an empty message that says it is ready. It ends, and all that it started, when the
socket closes.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from harness.catalog import HOME, Course
from harness.cluster.parcel import Parcel, as_at_home, unpacked
from harness.cluster.report import dump
from harness.cohort.crew import Crew, crew
from harness.cohort.fingerprint import digest_of
from harness.cohort.grading import Assigned, Report, end_waiting, grade_one
from harness.cohort.leases import Leases, leases, needs_device
from harness.cohort.local import engine_answers, tidy
from harness.gradings import Place, places
from harness.libraries import preload
from harness.records import Exercise, Gpu

NUMBER: Final = 8
LOG_BYTES: Final = 8192
COURSE: Final = "ROADMARK_COURSE"
Function = Callable[[Place, Assigned], Report]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a node is to do in a batch."""

    course: str
    """The driver's course; empty for the one that comes with Roadmark."""
    sandbox: Literal["docker", "process"]
    slots: int
    exercises: tuple[Exercise, ...]
    """What will be graded: their libraries are imported once."""
    function: Function | None = None
    """Does the work in place of a grading, for tests and measurements."""


def course_here(root: str) -> Course:
    """Return this machine's course: as the environment says, else where the driver has it."""
    return Course(Path(os.environ.get(COURSE) or root or HOME))


def main() -> None:
    """Serve until the socket closes."""
    pipe = Connection(int(sys.argv[1]))
    task: Task = pickle.loads(pipe.recv_bytes())  # noqa: S301 - the driver's: it comes through Ray, which pickles
    preload(task.exercises)
    function = task.function or partial(grade_one, course_here(task.course), task.sandbox, None)
    grading = partial(_graded, function, task.sandbox)
    with leases(lent_gpus(task), _log) as lent, crew(grading, places(task.slots), end_waiting) as members:
        pipe.send_bytes(b"")
        try:
            Hall(pipe, members, lent).serve()
        except (EOFError, OSError):  # the actor has gone
            pass
        finally:
            members.end()
            tidy(task.sandbox)


def lent_gpus(task: Task) -> Sequence[Gpu]:
    """Return the GPUs that Ray lends to the actor, which says so in the environment."""
    if not any(needs_device(one) for one in task.exercises):
        return ()
    from harness.gpu.nvml import find

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return [gpu for gpu in find().gpus if gpu.uuid in named or str(gpu.index) in named]


def _log(text: str) -> None:
    """Write to the log that Ray keeps of the actor."""
    sys.stderr.write(f"{text}\n")


class Given(NamedTuple):
    """A work on its way to a place."""

    number: bytes
    assigned: Assigned
    parcel: bytes


class Hall:
    """Passes works to the crew, with a GPU where one is needed, and reports back."""

    def __init__(self, pipe: Connection, members: Crew[Given, bytes], lent: Leases) -> None:
        self._pipe, self._crew, self._leases = pipe, members, lent
        self._held: deque[Given] = deque()
        """What waits for a GPU that is still being looked at."""

    def serve(self) -> None:
        """Go on until nobody is there any more, which is an `EOFError` or `OSError`."""
        died = dump(Report(fault="the grading process died"))
        while True:
            for given, report in self._crew.hear(0.2 if self._held else 1.0, beside=[self._pipe]):
                broke = self._leases.give_back(given.assigned.device)
                told = dump(Report(fault=broke)) if broke else report or died
                self._pipe.send_bytes(given.number + told)
            while self._pipe.poll():
                message = self._pipe.recv_bytes()
                assigned, parcel = pickle.loads(memoryview(message)[NUMBER:])  # noqa: S301 - the driver's, as above
                self._held.append(Given(message[:NUMBER], assigned, parcel))
            self._begin()

    def _begin(self) -> None:
        for _ in range(len(self._held)):
            given = self._held.popleft()
            exercise = given.assigned.work.exercise
            if self._leases.can_begin(exercise):
                lent = given.assigned._replace(device=self._leases.take(exercise))
                self._crew.give(given._replace(assigned=lent))
            else:
                self._held.append(given)


# ---- in a process of the crew ----------------------------------------------------------------


def _graded(function: Function, sandbox: Literal["docker", "process"], seat: Place, given: Given) -> bytes:
    """Return the report on one submission, as JSON."""
    parcel: Parcel = pickle.loads(given.parcel)  # noqa: S301 - the driver's, as above
    _begin_log()
    with unpacked(parcel) as (handed, folder):
        here = replace(given.assigned.work, handed=handed, digest=digest_of(handed))
        report = function(seat, given.assigned._replace(work=here))
        if not report.graded:
            gone = sandbox == "docker" and not engine_answers()
            report = replace(report, again=report.again or gone, log=_end_of_log())
        return as_at_home(dump(report), parcel, folder)


_PRINTED: Final[list[Any]] = []
"""What this process and its gradings print, since the present work began."""


def _begin_log() -> None:
    if not _PRINTED:
        _PRINTED.append(tempfile.TemporaryFile())  # noqa: SIM115 - as long as the process lives
        os.dup2(_PRINTED[0].fileno(), 2)
    os.ftruncate(_PRINTED[0].fileno(), 0)
    os.lseek(_PRINTED[0].fileno(), 0, os.SEEK_SET)


def _end_of_log() -> str:
    with suppress(OSError):
        size = os.fstat(_PRINTED[0].fileno()).st_size
        return (
            os.pread(_PRINTED[0].fileno(), LOG_BYTES, max(0, size - LOG_BYTES))
            .decode(errors="replace")
            .strip()
        )
    return ""


if __name__ == "__main__":
    main()
