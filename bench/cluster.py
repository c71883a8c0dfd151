"""What a Ray cluster costs beside the local executor, what a long queue costs, and how fast PostgreSQL is.

    python bench/cluster.py [--seconds 1.0] [--works 24] [--queued 20000] [--graded 4000] [--rows 4000]

Gradings are faked by a sleep in the place of the grader, everything else is real: crews, actors, parcels,
claims and writes. The cluster is one head and two nodes on this machine. The start of a cluster is told, and
is not counted: rates are taken between the first and the last verdict. PostgreSQL is one of Debian's on
this machine's disk, with fsync on. Ends with status 1 if a promise is not kept; a measurement that was left
out (`--works 0`, `--queued 0`, `--rows 0`) is not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
SLOTS = 2
"""Places for submissions that take a while: one on each node."""
MANY = 8
"""Places for a long queue."""
LEARNERS = 500
RIGHT = "def add(a, b): return a + b\n"


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--works", type=int, default=24)
    parser.add_argument("--queued", type=int, default=20_000)
    parser.add_argument("--graded", type=int, default=4000, help="of those; 0 for all")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if options.works or options.queued:
            with cluster() as address:
                if options.works:
                    overhead(root, address, options, found)
                if options.queued:
                    told(found, f"queued {options.queued}", queued(root, address, options))
        if options.rows:
            writes(root, options.rows, found)
    kept = [(words, value, good(value)) for words, value, good in promises(found)]
    for words, value, is_good in kept:
        print(f"{'kept' if is_good else 'NOT KEPT':9} {words}: {value:.3g}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    sys.exit(0 if all(is_good for _, _, is_good in kept) else 1)


def told(found, name, figures):
    """Keep figures and print them."""
    found[name] = figures
    print(f"{name:16}", "  ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)


def promises(found) -> Iterator[tuple]:
    """Yield what was promised, what was measured, and whether that is good enough."""
    if "ray" in found:
        share = found["ray"]["s each"] / found["local"]["s each"] - 1
        yield "share that Ray adds to a submission", share, lambda value: value <= 0.05
    grown = [figures["MiB grown"] for figures in found.values() if "MiB grown" in figures]
    for value in grown:
        yield "MiB that the driver grows by while a queue is worked off", value, lambda value: value <= 50
    for name, figures in found.items():
        if name.startswith("postgresql, 50"):
            yield "verdicts a second into PostgreSQL", figures["a second"], lambda value: value >= 500


@contextmanager
def cluster():
    """Start a head and two nodes on this machine, and give the address."""
    from ray.cluster_utils import Cluster

    began = time.perf_counter()
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 80 << 20},
    )
    try:
        for name in ("ada", "bob"):
            made.add_node(
                num_cpus=MANY // 2,
                resources={"roadmark_engine": MANY // 2},
                object_store_memory=80 << 20,
                node_name=name,
            )
        print(f"three nodes started in {time.perf_counter() - began:.1f} s")
        yield made.address
    finally:
        made.shutdown()


# ---- submissions that are faked --------------------------------------------------------------


def fake(seconds, text, *_):
    """Sleep in place of a grading, and return a result."""
    from harness.cohort.grading import Report
    from harness.store import RESULT

    time.sleep(seconds)
    return Report(result=RESULT.validate_json(text))


def result_text() -> bytes:
    """Return a result with eight checks and pictures of 20 kB, as real ones have, as JSON."""
    from harness.records import CheckResult, Outcome, Picture, Provenance, Result, Score
    from harness.store import RESULT

    picture = Picture(title="samples", png_base64="A" * 20_000)
    checks = tuple(
        CheckResult(
            name=f"test_{number}",
            title=f"Check {number}",
            outcome=Outcome.PASSED,
            earned=1.0,
            points=1.0,
            exhibits=(picture,) if not number else (),
        )
        for number in range(8)
    )
    provenance = Provenance(
        roadmark="0",
        python="3",
        torch="2",
        exercise_digest="e",
        grader_digest="g",
        sandbox="process",
        tier="fake",
    )
    made = Result(
        exercise="stage/small",
        exercise_title="Small",
        learner="somebody",
        submission="d" * 64,
        origin="",
        score=Score(earned=8.0, possible=8.0, passed=True),
        checks=checks,
        pass_mark=0.6,
        provenance=provenance,
    )
    return RESULT.dump_json(made)


def works_in(book, course, root: Path, count: int) -> list:
    """Write so many attempts into a gradebook at once, and return works for them, all of one file."""
    import sqlalchemy as sa

    from harness.cohort.fingerprint import digest_of
    from harness.cohort.grading import Work
    from harness.gradebook.models import Attempt, Learner
    from harness.interchange.records import Handed, Person

    file = root / "small.py"
    file.write_text(RIGHT)
    handed = Handed(people=(Person(key="somebody"),), path=file)
    digest, exercise = digest_of(handed), course.find("small")
    learners = [{"id": n, "key": f"learner{n}"} for n in range(1, LEARNERS + 1)]
    attempts = [
        {
            "id": n,
            "learner_id": n % LEARNERS + 1,
            "exercise": exercise.id,
            "submission": f"{n:064}",
            "seen_at": "2026-01-01T00:00:00+00:00",
        }
        for n in range(1, count + 1)
    ]
    book.write(
        lambda session: (
            session.execute(sa.insert(Learner), learners),
            session.execute(sa.insert(Attempt), attempts),
        )
    )
    return [
        Work(
            learner=f"learner{n % LEARNERS}",
            handed=handed,
            exercise=exercise,
            digest=digest,
            key=f"{n:064}",
            attempts=(n,),
        )
        for n in range(1, count + 1)
    ]


@contextmanager
def local_with(function, _course, _works, manner):
    """Give the local executor with a function in place of gradings."""
    from harness.cohort.crew import crew
    from harness.cohort.grading import end_waiting
    from harness.cohort.leases import Leases
    from harness.cohort.local import Local
    from harness.gradings import places

    with crew(function, places(SLOTS), end_waiting) as members:
        yield Local(members, manner, Leases())


class Enough(Exception):
    """So many were to be graded."""


def graded(root: Path, name: str, count: int, engage, slots: int = SLOTS, most: int = 0) -> dict[str, float]:
    """Grade so many; return seconds for each between the first verdict and the last, and memory."""
    from bench.cohort import write_course
    from harness.catalog import Course
    from harness.cohort.batch import run_batch
    from harness.cohort.executor import Manner
    from harness.gradebook import Gradebook

    course = Course(root / "course")
    if not course.root.exists():
        write_course(course.root)
    moments: list[float] = []
    memory: list[float] = []
    most = most or count

    def settled(one):
        if one.entry.outcome != "passed":
            raise SystemExit(f"{name}: {one.entry.outcome} {one.entry.fault}")
        moments.append(time.perf_counter())
        if one.done % 100 == 0 or one.done == most:
            memory.append(resident())
        if one.done == most:
            raise Enough

    began, cpu = time.perf_counter(), time.process_time()
    with Gradebook(str(root / f"{name}.db")) as book, suppress(Enough):
        works = works_in(book, course, root, count)
        manner = Manner(sandbox="process", jobs=slots // 2, say=print)
        run_batch(book, course, works, manner, settled, engage)
    early = max(memory[: max(1, len(memory) // 10)])
    return {
        "s each": slots * (moments[-1] - moments[0]) / max(1, most - 1),
        "s to the first": moments[0] - began,
        "driver ms each": 1000 * (time.process_time() - cpu) / most,
        "MiB": memory[-1],
        "MiB grown": max(memory) - early,
    }


def resident() -> float:
    """Return this process's resident memory in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def overhead(root: Path, address: str, options, found) -> None:
    """Measure submissions that take a while, here and on the cluster."""
    from harness.cluster.engaging import ray_cluster

    function = partial(fake, options.seconds, result_text())
    for name, engage in (("local", partial(local_with, function)), ("ray", ray_cluster(address, function))):
        figures = graded(root, name, options.works, engage)
        figures.pop("MiB grown")  # too few to say
        told(found, name, figures)


def queued(root: Path, address: str, options) -> dict[str, float]:
    """Work at a long queue on the cluster."""
    from harness.cluster.engaging import ray_cluster

    engage = ray_cluster(address, partial(fake, 0.005, result_text()))
    return graded(root, "queued", options.queued, engage, MANY, min(options.graded, options.queued))


# ---- PostgreSQL ------------------------------------------------------------------------------


def writes(root: Path, rows: int, found) -> None:
    """Measure verdicts a second into PostgreSQL, so many in a transaction."""
    from bench.cohort import write_course
    from harness.catalog import Course
    from harness.gradebook import Gradebook, ledger
    from harness.store import RESULT
    from tests.postgres import Postgres, find_bin

    if find_bin() is None:
        print("postgresql       left out: it is not installed (apt-get install postgresql)")
        return
    course = Course(root / "course")
    if not course.root.exists():
        write_course(course.root)
    made = RESULT.validate_json(result_text())
    server = Postgres()
    server.start(durable=True)
    try:
        for together in (1, 10, 50):
            count = rows if together > 1 else rows // 8
            with Gradebook(server.new_url()) as book:
                works = works_in(book, course, root, count)
                entries = [
                    (
                        one.attempts,
                        ledger.Entry(key=one.key, graded_at="2026-01-01T00:00:00+00:00", result=made),
                    )
                    for one in works
                ]
                claim = partial(ledger.claim_all, owner="bench", seconds=60, alive=bool)
                began = time.perf_counter()
                for start in range(0, count, together):
                    portion = entries[start : start + together]
                    pairs = [(attempts[0], entry.key) for attempts, entry in portion]
                    book.write(partial(claim, pairs=pairs))
                    book.write(partial(ledger.keep_all, kept=portion))
                seconds = time.perf_counter() - began
            told(
                found,
                f"postgresql, {together}",
                {"a second": count / seconds, "ms each": 1000 * seconds / count},
            )
    finally:
        server.remove()


if __name__ == "__main__":
    main()
