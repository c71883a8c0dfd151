"""Grade many submissions: every one once, each written down as it comes, faults of ours tried again.

Whatever ends a batch (Ctrl-C, `kill -9`, a full disk, an engine that is gone), what was
graded is in the gradebook, and the same command goes on with the rest: what has a verdict
under its key is not due, and a claim on what was under way dies with whoever held it.

Where submissions are graded is an executor's matter. What it says is written down here, by
one process, and what came in together is written in one transaction.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy.orm import Session

from harness.catalog import Course
from harness.cohort.executor import Engage, Executor, Manner
from harness.cohort.grading import Report, Work
from harness.cohort.leases import needs_device
from harness.cohort.local import local
from harness.gradebook import Gradebook, ledger
from harness.interchange.times import now
from harness.records import Exercise
from harness.sandbox.owners import alive, owner

TRIES: Final = 3
"""How often a submission is graded that faults of ours leave without a verdict."""
LOSSES: Final = 5
"""How often a submission is given again without counting a try: it may be what fells its places."""
ELSEWHERE_SECONDS: Final = 0.5
"""How often to look for what another batch is grading."""
CLAIM_SECONDS: Final = 180.0
"""How long a claim holds: as long as the submissions of a batch wait whose machine was lost."""
RENEW_SECONDS: Final = CLAIM_SECONDS / 6
HEAR_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One submission is done with: what is written down of it, and how far the batch is."""

    work: Work
    entry: ledger.Entry
    done: int
    total: int


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
    engage: Engage = local,
) -> Tally:
    """Grade what is to be graded, and return what came of it.

    Args:
        book: Takes the verdicts.
        course: Gives exercises and graders.
        works: What is to be graded.
        manner: How.
        progress: Is told of each submission that is done with.
        engage: Gives the executor; by default this machine's.

    Raises:
        GradebookError: results cannot be written.
        SandboxError: the engine does not answer for longer than it is waited for, or an
            exercise needs a GPU and there is none.
    """
    tally = Tally()
    if not works:
        return tally
    book.engine.dispose()  # no process of the executor inherits a connection
    with engage(course, works, manner) as executor:
        batch = _Batch(book, executor, works, manner, progress, tally)
        try:
            batch.run()
        finally:
            batch.let_go()
    return tally


class _Batch:
    """The state of one batch: what is ready, what waits for its time, what is under way."""

    def __init__(
        self,
        book: Gradebook,
        executor: Executor,
        works: Sequence[Work],
        manner: Manner,
        progress: Callable[[Settled], None],
        tally: Tally,
    ) -> None:
        self._book, self._executor, self._manner = book, executor, manner
        self._progress, self._tally, self._total = progress, tally, len(works)
        self._ready = deque(works)
        self._later: list[tuple[float, int, Work]] = []
        self._tries: Counter[tuple[int, ...]] = Counter()
        self._losses: Counter[tuple[int, ...]] = Counter()
        self._count = itertools.count()
        self._owner = owner()
        self._renewed = time.monotonic()
        self._done = 0

    def run(self) -> None:
        """Grade until nothing is left to do."""
        while self._ready or self._later or self._executor.busy:
            self._wake()
            self._renew()
            while chosen := self._next(self._executor.free):
                self._begin(chosen)
            self._settle(self._executor.hear(HEAR_SECONDS if self._executor.busy else 0.05))

    def let_go(self) -> None:
        """Give back the claims on what was not finished."""
        self._book.write(lambda session: ledger.release_all(session, self._owner))

    def _wake(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._ready.append(heapq.heappop(self._later)[2])

    def _put_off(self, work: Work, seconds: float) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, next(self._count), work))

    def _renew(self) -> None:
        """Say that we are still there: who sees our claims from another machine cannot look."""
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._book.write(lambda session: ledger.renew(session, self._owner, CLAIM_SECONDS))
            self._renewed = time.monotonic()

    def _next(self, most: int) -> list[Work]:
        """Take the first that can begin, one at most that needs a GPU: who waits for one lets others pass."""
        chosen: list[Work] = []
        passed: list[Work] = []
        lent = False
        while self._ready and len(chosen) < most:
            work = self._ready.popleft()
            needy = needs_device(work.exercise)
            if (needy and lent) or not self._executor.can_begin(work.exercise):
                passed.append(work)
                continue
            chosen.append(work)
            lent = lent or needy
        self._ready.extendleft(reversed(passed))
        return chosen

    def _begin(self, works: Sequence[Work]) -> None:
        """Give works to the executor, except what another batch has done or is at."""
        for work, claimed in zip(works, self._claim(works), strict=True):
            if claimed == "graded":
                self._tally.elsewhere += 1
                self._done += 1
            elif claimed == "taken":
                self._put_off(work, ELSEWHERE_SECONDS)
            else:
                self._executor.give(work, self._following(), len(self._ready))

    def _following(self) -> Exercise | None:
        """Return what a place grades next, which is sure while more is ready than there are places."""
        if len(self._ready) < self._executor.size or needs_device(self._ready[0].exercise):
            return None
        return self._ready[0].exercise

    def _claim(self, works: Sequence[Work]) -> list[Literal["ours", "taken", "graded"]]:
        """Claim the first attempt of each: members of a group are graded by one."""
        proposed = self._manner.proposed

        def transaction(session: Session) -> list[Literal["ours", "taken", "graded"]]:
            every = [(attempt, work.key) for work in works for attempt in work.attempts]
            known = ledger.states(session, every, proposed=proposed)
            graded = [{known[one, work.key] for one in work.attempts} == {"graded"} for work in works]
            first = [(work.attempts[0], work.key) for work in works]
            wanted = [pair for pair, is_done in zip(first, graded, strict=True) if not is_done]
            mine = ledger.claim_all(session, wanted, self._owner, seconds=CLAIM_SECONDS, alive=alive)
            return [
                "graded" if is_done else "ours" if pair in mine else "taken"
                for pair, is_done in zip(first, graded, strict=True)
            ]

        return self._book.write(transaction)

    def _settle(self, heard: Iterable[tuple[Work, Report]]) -> None:
        """Write verdicts down, those heard together at once; try again what has none."""
        kept: list[tuple[Work, Report, ledger.Entry]] = []
        for work, report in heard:
            if not report.graded and self._given_again(work, report):
                continue
            entry = ledger.Entry(key=work.key, graded_at=now(), result=report.result, fault=report.fault)
            kept.append((work, report, entry))
        if not kept:
            return
        rows = [(work.attempts, entry) for work, _, entry in kept]
        self._book.write(lambda session: ledger.keep_all(session, rows, proposed=self._manner.proposed))
        for work, report, entry in kept:
            self._tell(work, report, entry)

    def _given_again(self, work: Work, report: Report) -> bool:
        """Have a submission without a verdict graded again; False when it had its tries."""
        if report.again and self._losses[work.attempts] < LOSSES:
            self._losses[work.attempts] += 1
            self._ready.appendleft(work)
            return True
        self._tries[work.attempts] += 1
        if self._tries[work.attempts] == TRIES:
            return False
        self._put_off(work, self._manner.backoff * 4 ** (self._tries[work.attempts] - 1))
        return True

    def _tell(self, work: Work, report: Report, entry: ledger.Entry) -> None:
        self._done += 1
        self._tally.outcomes[entry.outcome] += 1
        self._progress(Settled(work=work, entry=entry, done=self._done, total=self._total))
        if report.unkept:
            self._manner.say(
                f"{work.learner}  {work.exercise.id}  its answers were not kept: {report.unkept}"
            )
        if report.log:
            self._manner.say(report.log)
