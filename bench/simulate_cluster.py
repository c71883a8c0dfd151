"""How a cluster would do from 1 to 1,000 nodes, and what becomes the limit: discrete events, measured costs.

    python bench/simulate_cluster.py [--gradebook URL] [--slots 4] [--rounds 25] [--drivers 1] [--seed 1]

What is simulated is `harness.cohort.batch`: one driver that hears what is done, writes it in one transaction,
claims as many as there are places free in another, and gives them one by one. A grading's cost is drawn from
those that were measured: the results of a gradebook, or by default `COSTS`. What the driver and the
database cost is what `bench/cluster.py` measures; give its figures for another machine. Several drivers share
the nodes evenly, and wait for one database.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field

COSTS = (
    # at twenty quantiles, from 2.5 % to 97.5 %
    0.3,
    0.3,
    0.4,
    0.4,
    0.4,
    0.5,
    0.6,
    0.6,
    0.7,
    0.8,
    0.8,
    1.0,
    1.3,
    1.4,
    1.7,
    2.0,
    2.4,
    3.2,
    5.1,
    9.3,
)
"""Seconds of 610 gradings in containers: the proof of all 28 exercises, two at once on two cores."""
NODES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
MOST = 200_000
"""Submissions at most: beyond that nothing new is seen."""


@dataclass(frozen=True)
class Costs:
    """What each step takes, in seconds."""

    give: float
    """The driver packs and sends one."""
    settle: float
    """The driver reads one report."""
    hop: float
    """A message to a node and the answer."""
    transaction: float
    """The database commits."""
    row: float
    """The database writes one verdict and claim."""


@dataclass
class Driver:
    """One batch: what it has to do, and what was told it."""

    left: int
    free: int
    heard: deque[float] = field(default_factory=deque)
    busy: float = 0.0
    ended: float = 0.0
    queue_empty: float = 0.0
    waiting: bool = False
    """Whether it waits for something to hear."""


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation."""

    rate: float
    """Submissions a second."""
    used: float
    """Share of the places' time in which they graded."""
    driver: float
    """Share of its time that a driver was at work, its waits for the database included."""
    database: float
    tail: float
    """Seconds from the moment when no submission waits to the last verdict."""
    seconds: float


def simulate(nodes, slots, count, drivers, costs, draw) -> Outcome:
    """Return what comes of a batch: events are drivers' turns and ends of gradings, in the order of time."""
    places = nodes * slots
    batches = [
        Driver(left=count // drivers + (n < count % drivers), free=places // drivers + (n < places % drivers))
        for n in range(drivers)
    ]
    numbers = itertools.count()
    events = [(0.0, next(numbers), one, None) for one in batches]
    database_free = database_busy = graded = 0.0
    while events:
        now, _, one, done = heapq.heappop(events)
        if done is not None:  # a grading has ended, and its report is at the driver
            one.heard.append(now)
            if one.waiting:
                one.waiting = False
                heapq.heappush(events, (now, next(numbers), one, None))
            continue
        clock, settled = now, len(one.heard)
        one.heard.clear()
        if settled:
            clock += settled * costs.settle
            database_free = max(database_free, clock) + costs.transaction + settled * costs.row / 2
            database_busy += costs.transaction + settled * costs.row / 2
            clock = one.ended = database_free
            one.free += settled
        given = min(one.free, one.left)
        if given:
            database_free = max(database_free, clock) + costs.transaction + given * costs.row / 2
            database_busy += costs.transaction + given * costs.row / 2
            clock = database_free
            for _ in range(given):
                clock += costs.give
                cost = draw()
                graded += cost
                heapq.heappush(events, (clock + costs.hop + cost, next(numbers), one, True))
            one.free -= given
            one.left -= given
            if not one.left:
                one.queue_empty = clock
        one.busy += clock - now
        if settled or given:
            heapq.heappush(events, (clock, next(numbers), one, None))
        else:
            one.waiting = True
    seconds = max(one.ended for one in batches)
    return Outcome(
        rate=count / seconds,
        used=graded / (seconds * places),
        driver=max(one.busy for one in batches) / seconds,
        database=database_busy / seconds,
        tail=seconds - min(one.queue_empty for one in batches),
        seconds=seconds,
    )


def measured(url: str) -> list[float]:
    """Return the seconds of all gradings in a gradebook."""
    import sqlalchemy as sa

    from harness.gradebook import Gradebook
    from harness.gradebook.models import StoredResult

    with Gradebook(url) as book, book.reading() as session:
        found = session.scalars(sa.select(StoredResult.seconds).where(StoredResult.seconds > 0)).all()
    if not found:
        raise SystemExit(f"{url} holds no grading that took time")
    return list(found)


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gradebook", metavar="URL", help="whose gradings are drawn from")
    parser.add_argument("--slots", type=int, default=4, help="places on a node")
    parser.add_argument("--rounds", type=int, default=25, help="submissions for each place")
    parser.add_argument("--drivers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--give", type=float, default=2.0, help="ms of the driver")
    parser.add_argument("--settle", type=float, default=0.5, help="ms of the driver")
    parser.add_argument("--hop", type=float, default=2.0, help="ms between driver and node, there and back")
    parser.add_argument("--transaction", type=float, default=6.5, help="ms of the database")
    parser.add_argument("--row", type=float, default=0.75, help="ms of the database")
    options = parser.parse_args()
    seconds = measured(options.gradebook) if options.gradebook else list(COSTS)
    ms = 1e-3
    costs = Costs(
        give=options.give * ms,
        settle=options.settle * ms,
        hop=options.hop * ms,
        transaction=options.transaction * ms,
        row=options.row * ms,
    )
    chance = random.Random(options.seed)
    mean = sum(seconds) / len(seconds)
    print(
        f"a grading takes {mean:.2f} s on average, {max(seconds):.1f} s at most; {options.slots} places each"
    )
    print("nodes  places  submissions  a second  an hour  used  driver  database  tail s  limit")
    for nodes in NODES:
        count = min(MOST, nodes * options.slots * options.rounds)
        came = simulate(nodes, options.slots, count, options.drivers, costs, lambda: chance.choice(seconds))
        limit = "driver" if came.driver > 0.85 and came.used < 0.75 else ""
        limit = "database" if came.database > 0.85 else limit
        print(
            f"{nodes:5}  {nodes * options.slots:6}  {count:11}  {came.rate:8.2f}  {3600 * came.rate:7.0f}"
            f"  {came.used:4.0%}  {came.driver:6.0%}  {came.database:8.0%}  {came.tail:6.1f}  {limit}"
        )


if __name__ == "__main__":
    main()
