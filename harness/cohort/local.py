"""The executor of this machine: a crew of processes, its GPUs, and its Docker engine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, Literal

from harness.catalog import Course
from harness.cohort.crew import Crew, crew
from harness.cohort.executor import Manner
from harness.cohort.grading import Assigned, Report, Work, end_waiting, grade_one
from harness.cohort.leases import Leases, leases, needs_device
from harness.errors import NoEngine, SandboxError
from harness.gradings import places
from harness.libraries import preload
from harness.records import Exercise

LOOK_SECONDS: Final = 1.0
"""How often an engine that is gone is looked for."""


@contextmanager
def local(course: Course, works: Sequence[Work], manner: Manner) -> Iterator[Local]:
    """Have a crew ready until the block ends; raises `SandboxError` where a GPU is lacking."""
    lacking = next((one.exercise for one in works if needs_device(one.exercise)), None)
    if lacking and not manner.devices:
        raise SandboxError(f"{lacking.id} needs a GPU, and none is lent", hint="use another machine")
    preload(work.exercise for work in works)
    seats = places(manner.jobs)[: max(1, len(works))]
    function = partial(grade_one, course, manner.sandbox, manner.keep, runtime=manner.runtime)
    with leases(manner.devices, manner.say) as lent, crew(function, seats, end_waiting) as members:
        try:
            yield Local(members, manner, lent)
        finally:
            members.end()
            tidy(manner.sandbox)


class Local:
    """Grades on this machine; made by `local`."""

    def __init__(self, members: Crew[Assigned, Report], manner: Manner, lent: Leases) -> None:
        self._crew, self._manner, self._leases = members, manner, lent
        self._gone_since: float | None = None
        """When the engine was found not to answer."""
        self._looked = 0.0

    @property
    def size(self) -> int:
        """Return how many places there are."""
        return self._crew.size

    @property
    def free(self) -> int:
        """Return how many are free; none while the engine does not answer."""
        return 0 if self._gone_since is not None else self._crew.free

    @property
    def busy(self) -> int:
        """Return how many submissions are being graded."""
        return len(self._crew.working)

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether a place is free, and a GPU where one is needed."""
        return self.free > 0 and self._leases.can_begin(exercise)

    def give(self, work: Work, following: Exercise | None, waiting: int) -> None:
        """Have a free place grade it."""
        del waiting
        self._crew.give(Assigned(work, self._leases.take(work.exercise), following))

    def hear(self, seconds: float) -> Iterator[tuple[Work, Report]]:
        """Yield what is done by now; raises `SandboxError` if the engine stays away for too long."""
        if self._gone_since is not None:
            self._look_for_engine(self._gone_since)
        for assigned, report in self._crew.hear(seconds):
            broke = self._leases.give_back(assigned.device)
            heard = report or Report(fault="the grading process died")
            heard = Report(fault=broke) if broke else heard
            yield assigned.work, self._judged(heard)

    def _judged(self, report: Report) -> Report:
        """Return the report, to be given again where it is the engine that is gone."""
        if report.graded or self._manner.sandbox != "docker" or engine_answers():
            return report
        if self._gone_since is None:
            self._gone_since = self._looked = time.monotonic()
            self._manner.say("The Docker engine does not answer; waiting for it.")
        return replace(report, again=True)

    def _look_for_engine(self, since: float) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if engine_answers():
            self._gone_since = None
            self._manner.say("The Docker engine answers again; going on.")
        elif time.monotonic() - since > self._manner.engine_seconds:
            raise SandboxError("the Docker engine is gone", hint="start it, then run the same command again")


def engine_answers() -> bool:
    """Whether this machine's Docker engine can be used."""
    from docker.errors import DockerException

    from harness.sandbox.engine import connect

    try:
        client = connect()
    except NoEngine:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def tidy(sandbox: Literal["docker", "process"]) -> None:
    """Remove containers that a process of the crew could not remove any more."""
    if sandbox != "docker":
        return
    from docker.errors import DockerException

    from harness.sandbox.docker import reap
    from harness.sandbox.engine import connect

    try:
        client = connect()
        try:
            reap(client)
        finally:
            client.close()
    except (NoEngine, DockerException, OSError):
        return  # the next command's reaper does it
