"""Grade many submissions: every one once, each written down as it comes, faults of ours tried again.

Whatever ends a batch (Ctrl-C, `kill -9`, a full disk, an engine that is gone), what was
graded is in the gradebook, and the same command goes on with the rest: what has a verdict
under its key is not due, and a claim on what was under way dies with whoever held it.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from sqlalchemy.orm import Session

from harness.catalog import Course
from harness.cohort.crew import Crew, crew
from harness.cohort.grading import Assigned, Report, Work, end_waiting, grade_one
from harness.cohort.leases import Leases, needs_device
from harness.errors import NoEngine, SandboxError
from harness.grade import ATTEMPTS, GRADER_SECONDS
from harness.gradebook import Gradebook, ledger
from harness.gradings import places
from harness.interchange.times import now
from harness.libraries import preload
from harness.records import Exercise
from harness.sandbox.owners import alive, owner

TRIES: Final = 3
"""How often a submission is graded that faults of ours leave without a verdict."""
BACKOFF_SECONDS: Final = 2.0
"""Before the second try; four times as long before each further one."""
ENGINE_SECONDS: Final = 300.0
"""How long an engine that does not answer is waited for."""
ELSEWHERE_SECONDS: Final = 0.5
"""How often to look for what another batch is grading."""
MARGIN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One submission is done with: what is written down of it, and how far the batch is."""

    work: Work
    entry: ledger.Entry
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a batch works."""

    sandbox: Literal["docker", "process"] = "docker"
    jobs: int = 0
    """Gradings at once; 0 for one on each processor."""
    devices: tuple[str, ...] = ()
    """GPUs to lend, each to one grading at a time, such as `cuda:0`."""
    proposed: bool = False
    """Whether verdicts are proposals that do not count yet."""
    keep: Path | None = None
    """Folder for recordings of what submissions answer; none are kept by default."""
    backoff: float = BACKOFF_SECONDS
    engine_seconds: float = ENGINE_SECONDS
    say: Callable[[str], None] = lambda _: None
    """Is told what the operator should know while it happens."""


@dataclass(slots=True)
class Tally:
    """What came of a batch."""

    outcomes: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0
    """Submissions that another batch graded meanwhile."""

    @property
    def graded(self) -> int:
        """Return how many verdicts were written down."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "ungraded")

    @property
    def ungraded(self) -> int:
        """Return how many submissions are left to be graded again."""
        return self.outcomes["ungraded"]


def run_batch(
    book: Gradebook,
    course: Course,
    works: Sequence[Work],
    manner: Manner,
    progress: Callable[[Settled], None] = lambda _: None,
) -> Tally:
    """Grade what is to be graded, and return what came of it.

    Raises:
        GradebookError: results cannot be written.
        SandboxError: the engine does not answer for longer than it is waited for, or an
            exercise needs a GPU and there is none.
    """
    tally = Tally()
    if not works:
        return tally
    lacking = next((one.exercise for one in works if needs_device(one.exercise)), None)
    if lacking and not manner.devices:
        raise SandboxError(f"{lacking.id} needs a GPU, and none is lent", hint="use another machine")
    preload(work.exercise for work in works)
    seats = places(manner.jobs)[: max(1, len(works))]
    book.engine.dispose()  # no process of the crew inherits a connection
    with crew(partial(grade_one, course, manner.sandbox, manner.keep), seats, end_waiting) as members:
        batch = _Batch(book, members, works, manner, progress, tally)
        try:
            batch.run()
        finally:
            members.end()
            _tidy(manner.sandbox)
            batch.let_go()
    return tally


class _Batch:
    """The state of one batch: what is ready, what waits for its time, what is under way."""

    def __init__(
        self,
        book: Gradebook,
        members: Crew[Assigned, Report],
        works: Sequence[Work],
        manner: Manner,
        progress: Callable[[Settled], None],
        tally: Tally,
    ) -> None:
        self._book, self._crew, self._manner = book, members, manner
        self._progress, self._tally, self._total = progress, tally, len(works)
        self._ready = deque(works)
        self._leases = Leases(manner.devices)
        self._later: list[tuple[float, int, Work]] = []
        self._tries: Counter[tuple[int, ...]] = Counter()
        self._count = itertools.count()
        self._owner = owner()
        self._done = 0

    def run(self) -> None:
        """Grade until nothing is left to do."""
        while self._ready or self._later or self._crew.working:
            self._wake()
            while self._crew.free and (work := self._next()):
                self._begin(work)
            if not self._crew.working:
                time.sleep(0.05)
                continue
            for (work, device, _), report in self._crew.hear(0.5):
                self._leases.give_back(device)
                self._settle(work, report or Report(fault="the grading process died", sandbox_failed=True))

    def let_go(self) -> None:
        """Give back the claims on what was not finished."""
        self._book.write(lambda session: ledger.release_all(session, self._owner))

    def _wake(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._ready.append(heapq.heappop(self._later)[2])

    def _put_off(self, work: Work, seconds: float) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._count), work))

    def _next(self) -> Work | None:
        """Return the first that can begin: who waits for a GPU lets others pass."""
        for place, work in enumerate(self._ready):
            if self._leases.can_begin(work.exercise):
                del self._ready[place]
                return work
        return None

    def _begin(self, work: Work) -> None:
        """Give work to the crew, unless another batch has done it or is at it."""
        claimed = self._claim(work)
        if claimed == "graded":
            self._tally.elsewhere += 1
            self._done += 1
        elif claimed == "taken":
            self._put_off(work, ELSEWHERE_SECONDS)
        else:
            self._crew.give(Assigned(work, self._leases.take(work.exercise), self._following()))

    def _following(self) -> Exercise | None:
        """Return what a place grades next, which is sure while more is ready than there are places."""
        if len(self._ready) < self._crew.size or needs_device(self._ready[0].exercise):
            return None
        return self._ready[0].exercise

    def _claim(self, work: Work) -> Literal["ours", "taken", "graded"]:
        """Claim the first attempt: members of a group are graded by one."""
        limit = work.exercise.limits.total_seconds + GRADER_SECONDS
        seconds = TRIES * ATTEMPTS * limit + MARGIN_SECONDS

        def transaction(session: Session) -> Literal["ours", "taken", "graded"]:
            states = {
                ledger.state(session, attempt, work.key, proposed=self._manner.proposed)
                for attempt in work.attempts
            }
            if states == {"graded"}:
                return "graded"
            mine = ledger.claim(
                session, work.attempts[0], work.key, self._owner, seconds=seconds, alive=alive
            )
            return "ours" if mine else "taken"

        return self._book.write(transaction)

    def _settle(self, work: Work, report: Report) -> None:
        """Write a verdict down; try again what has none."""
        entry = ledger.Entry(key=work.key, graded_at=now(), result=report.result, fault=report.fault)
        if entry.outcome == "ungraded":
            if self._manner.sandbox == "docker" and not _engine_answers():
                self._await_engine()
                self._ready.appendleft(work)
                return
            self._tries[work.attempts] += 1
            if self._tries[work.attempts] < TRIES:
                self._put_off(work, self._manner.backoff * 4 ** (self._tries[work.attempts] - 1))
                return
        proposed = self._manner.proposed
        self._book.write(lambda session: ledger.keep(session, work.attempts, entry, proposed=proposed))
        self._done += 1
        self._tally.outcomes[entry.outcome] += 1
        self._progress(Settled(work=work, entry=entry, done=self._done, total=self._total))
        if report.unkept:
            self._manner.say(
                f"{work.learner}  {work.exercise.id}  its answers were not kept: {report.unkept}"
            )

    def _await_engine(self) -> None:
        """Wait for the engine to come back; raises `SandboxError` when patience is at an end."""
        self._manner.say("The Docker engine does not answer; waiting for it.")
        end = time.monotonic() + self._manner.engine_seconds
        while not _engine_answers():
            if time.monotonic() > end:
                raise SandboxError(
                    "the Docker engine is gone", hint="start it, then run the same command again"
                )
            time.sleep(1.0)
        self._manner.say("The Docker engine answers again; going on.")


def _engine_answers() -> bool:
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


def _tidy(sandbox: Literal["docker", "process"]) -> None:
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
