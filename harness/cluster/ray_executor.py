"""The executor on a Ray cluster: an actor on each node, works as object references, reports as JSON.

Ray reserves processors, GPUs and engines for the actors, and tells when one is lost. A work is
an object in Ray's store; where its node is lost, it is given to another. At most as many are
under way as there are places, so that what waits stays a list of records here.

A node may come, go and come back while a batch runs. One whose engine is gone gets no more
work until it answers again. Whatever becomes of a node is said with its name.
"""

from __future__ import annotations

import pickle
import queue
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from harness.cluster import report as reports
from harness.cluster.facts import Facts, differences
from harness.cluster.hall import Task
from harness.cluster.hand import Hand, Pace
from harness.cluster.joining import Place, places_of
from harness.cluster.nodes import Question, enter, reason
from harness.cluster.parcel import pack
from harness.cohort.executor import Manner
from harness.cohort.fingerprint import digest_of
from harness.cohort.grading import CHANGED, Assigned, Report, Work
from harness.cohort.leases import needs_device
from harness.errors import SandboxError
from harness.grade import ATTEMPTS, GRADER_SECONDS, SEEDS
from harness.records import Exercise

LOOK_SECONDS: Final = 2.0
"""How often nodes that came, or whose engine was gone, are looked for."""
RETURNS: Final = 3
"""How often a node is taken in again whose actor died."""
MARGIN_SECONDS: Final = 120.0
LEAVE_SECONDS: Final = 20.0
BUSY_SECONDS: Final = 20.0
"""After how long it is said that others have the places."""


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """A work in a node's hands."""

    work: Work
    hand: Hand
    since: float = field(default_factory=time.monotonic)


Heard = Callable[["Future[Any]"], Iterable[tuple[Work, Report]]]
"""What is to be made of an answer."""


class RayExecutor:
    """Grades on the nodes of a cluster; made by `engaging.ray_cluster`."""

    def __init__(self, ray: Any, task: Task, manner: Manner, ask: Question, alike: list[Facts]) -> None:
        self._ray, self._task, self._manner, self._ask, self._alike = ray, task, manner, ask, alike
        self._batch = secrets.token_hex(4)
        self._hands: dict[str, Hand] = {}
        self._asked: set[str] = set()
        """Nodes that came later, of which it is not known yet whether they would grade alike."""
        self._refused: Counter[str] = Counter()
        """How often a node was lost or refused."""
        self._given: dict[int, _Given] = {}
        self._answers: queue.SimpleQueue[tuple[Heard, Future[Any]]] = queue.SimpleQueue()
        self._pace = Pace()
        self._count = 0
        self._looked = self._able = time.monotonic()
        self._told = False
        """Whether it was said that others have the places."""
        self._needs_gpus = any(needs_device(one) for one in task.exercises)

    # ---- what a batch asks -------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Return how many places there are on the nodes that can grade now."""
        return sum(hand.place.slots for hand in self._hands.values() if hand.ready)

    @property
    def free(self) -> int:
        """Return how many places are free."""
        return sum(hand.free for hand in self._hands.values())

    @property
    def busy(self) -> int:
        """Return how many submissions are in the hands of nodes."""
        return len(self._given)

    def can_begin(self, exercise: Exercise) -> bool:
        """Whether a node has a place free for it."""
        return any(hand.can_begin(exercise) for hand in self._hands.values())

    def give(self, work: Work, following: Exercise | None, waiting: int) -> None:
        """Have a node grade it: one where its exercise is warm, else the one with most room."""
        able = [hand for hand in self._hands.values() if hand.can_begin(work.exercise)]
        hand = max(able, key=lambda one: one.fitness(work.exercise))
        self._count += 1
        number = self._count
        self._given[number] = _Given(work, hand)
        hand.grading += 1
        hand.gpus -= needs_device(work.exercise)
        hand.last = work.exercise.id
        message = _message(work, following)
        if isinstance(message, Report):
            unread: Future[Any] = Future()
            unread.set_result(reports.dump(message))
            self._answers.put((partial(self._graded, number), unread))
            return
        reference = hand.actor.grade.remote(self._ray.put(message), waiting)
        self._listen(reference, partial(self._graded, number))

    def hear(self, seconds: float) -> Iterator[tuple[Work, Report]]:
        """Yield what came of works; raises `SandboxError` if no node is left for too long."""
        self._look()
        with suppress(queue.Empty):
            heard, answer = self._answers.get(timeout=seconds)
            while True:
                yield from heard(answer)
                heard, answer = self._answers.get_nowait()

    # ---- nodes -------------------------------------------------------------------------------

    def take_in(self, places: Iterable[Place]) -> None:
        """Have nodes enter; each grades as soon as Ray gives it its places and all is imported."""
        for place in places:
            gpus = place.gpus if self._needs_gpus else 0
            task = pickle_by_value(replace(self._task, slots=place.slots))
            hand = Hand(place=place, actor=enter(self._ray, place, task, self._batch, gpus=gpus), gpus=gpus)
            self._hands[place.id] = hand
            self._listen(hand.actor.enter.remote(), partial(self._entered, hand))

    def end(self) -> None:
        """Have all nodes leave, and what they started with them."""
        leaving = [hand.actor.leave.remote() for hand in self._hands.values()]
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=LEAVE_SECONDS)
        for hand in self._hands.values():
            self._kill(hand)
        self._hands.clear()
        self._given.clear()

    def _kill(self, hand: Hand) -> None:
        with suppress(self._ray.exceptions.RayError, ValueError):  # it is gone already
            self._ray.kill(hand.actor)

    def _listen(self, reference: Any, heard: Heard) -> None:
        reference.future().add_done_callback(lambda answer: self._answers.put((heard, answer)))

    def _look(self) -> None:
        """Now and then, see who came, who went, who answers again, and who has had a work for too long."""
        moment = time.monotonic()
        if any(hand.ready for hand in self._hands.values()):
            self._able = moment
        if moment - self._looked < LOOK_SECONDS:
            return
        self._looked = moment
        for given in [one for one in self._given.values() if moment - one.since > _longest(one.work)]:
            self._lose(given.hand, "it has not answered for longer than any grading takes")
        there = places_of(self._ray, self._manner.jobs)
        for hand in list(self._hands.values()):
            if hand.place.id not in there:
                self._lose(hand, "it has left the cluster")
            elif hand.out_since is not None:
                self._listen(hand.actor.answers.remote(), partial(self._engine, hand))
        for place in there.values():
            known = place.id in self._hands or place.id in self._asked
            if not known and self._refused[place.id] <= RETURNS:
                self._asked.add(place.id)
                self._listen(self._ask(place), partial(self._came, place))
        self._look_whether_able(moment)

    def _look_whether_able(self, moment: float) -> None:
        """Raise `SandboxError` if for too long no node could grade, and none is waited for."""
        waiting = [hand for hand in self._hands.values() if hand.out_since is None]
        if waiting or moment - self._able <= self._manner.engine_seconds:
            if not self._told and moment - self._able > BUSY_SECONDS and waiting:
                self._told = True
                self._manner.say(
                    "The cluster's places are taken, perhaps by another batch; waiting for them."
                )
            return
        if self._hands:
            hint = "start one, then run the same command again"
            raise SandboxError("the Docker engines of all nodes are gone", hint=hint)
        raise SandboxError("no node is left that can grade", hint="roadmark cluster status")

    def _came(self, place: Place, answer: Future[Any]) -> Iterable[tuple[Work, Report]]:
        """Take in a node that came later, if it would grade as the others do."""
        self._asked.discard(place.id)
        error = answer.exception()
        told = [f"{place.name}: {reason(error)}"] if error else self._unlike(answer.result())
        if told:
            self._refused[place.id] += 1 if error else RETURNS + 1
            self._manner.say("\n  ".join(["A node came that cannot grade with the others.", *told]))
        else:
            self.take_in([place])
            self._manner.say(f"Node {place.name} came: {place.slots} more at once.")
        return ()

    def _unlike(self, facts: Facts) -> list[str]:
        """Return what the facts of a node that came later differ in."""
        return [line for line in differences(self._alike[0], [*self._alike[1:], facts]) if facts.name in line]

    def _entered(self, hand: Hand, answer: Future[Any]) -> Iterable[tuple[Work, Report]]:
        error = answer.exception()
        if error:
            self._lose(hand, reason(error))
        else:
            hand.ready = True
        return ()

    def _engine(self, hand: Hand, answer: Future[Any]) -> Iterable[tuple[Work, Report]]:
        """Give work again to a node whose engine answers again."""
        error = answer.exception()
        if error:
            self._lose(hand, reason(error))
        elif hand.out_since is not None and answer.result():
            hand.out_since, hand.ready = None, True
            self._manner.say(f"Node {hand.place.name}: its Docker engine answers again; going on there.")
        return ()

    def _out(self, hand: Hand) -> None:
        """Give a node no more work until its engine answers again."""
        if hand.out_since is None:
            hand.ready, hand.out_since = False, time.monotonic()
            name = hand.place.name
            self._manner.say(f"Node {name}: its Docker engine does not answer; others do its work meanwhile.")

    def _lose(self, hand: Hand, why: str) -> None:
        """Do without a node; what it had in hand is heard of as lost."""
        if self._hands.get(hand.place.id) is not hand:
            return
        del self._hands[hand.place.id]
        self._refused[hand.place.id] += 1
        hand.ready = False
        self._kill(hand)
        self._manner.say(f"Node {hand.place.name} is lost, and others do its work: {why}")

    # ---- works -------------------------------------------------------------------------------

    def _graded(self, number: int, answer: Future[Any]) -> Iterable[tuple[Work, Report]]:
        """Make a report of what a node answered, or of its end."""
        given = self._given.pop(number)
        hand, work = given.hand, given.work
        hand.grading -= 1
        hand.gpus += needs_device(work.exercise)
        error = answer.exception()
        if error:
            self._lose(hand, reason(error))
            return [(work, Report(fault=f"node {hand.place.name} was lost", again=True))]
        report = reports.load(answer.result())
        if report.again:
            self._out(hand)
        if report.graded:
            told = self._pace.note(hand, work.exercise.id, time.monotonic() - given.since)
            if told:
                self._manner.say(told)
            return [(work, report)]
        log = f"node {hand.place.name}, its log:\n{report.log}" if report.log else ""
        return [(work, replace(report, fault=f"node {hand.place.name}: {report.fault}", log=log))]


def _message(work: Work, following: Exercise | None) -> bytes | Report:
    """Return a work as it travels, or why it cannot."""
    try:
        if digest_of(work.handed) != work.digest:
            return Report(fault=CHANGED)
        parcel = pickle.dumps(pack(work.handed), pickle.HIGHEST_PROTOCOL)
    except OSError as error:
        return Report(fault=f"it cannot be read: {error}")
    return pickle.dumps((Assigned(work, following=following), parcel), pickle.HIGHEST_PROTOCOL)


def _longest(work: Work) -> float:
    """Return for how many seconds a grading can last at most."""
    return ATTEMPTS * SEEDS * (work.exercise.limits.total_seconds + GRADER_SECONDS) + MARGIN_SECONDS


def pickle_by_value(task: Task) -> bytes:
    """Return a task as bytes; a function of a script or a test goes along with it."""
    from ray import cloudpickle

    dumps: Callable[[Task], bytes] = cloudpickle.dumps
    return dumps(task)
