"""What a cohort costs: per submission, as it grows, with hostile ones among it; and 10,000 rows exported.

    python bench/cohort.py [--sizes 50,200,800] [--torch 60] [--rows 10000] [--sandbox process] [--json FILE]

Submissions are trivial and need no torch, so that what is measured is the harness; a second
cohort is of references of an exercise that uses torch. Memory is the largest resident set
of the harness's first process, read from /proc while it works. Processor time of containers
and of the engine is read from the system's counters, so nothing else should use the engine
meanwhile. Ends with status 1 if a promise is not kept; a measurement that was left out
(`--sizes 50`, `--torch 0`, `--rows 0`) is not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.interchange.records import GradeRow

ROADMARK = [sys.executable, "-m", "harness.cli"]
SPEC = """title = "Small"
summary = "A small exercise."
entry = "small.py"
pass_mark = 0.6
[limits]
memory_mb = 512
call_seconds = 2.0
import_seconds = 3.0
total_seconds = 60.0
disk_mb = 32
log_kb = 64
"""
GRADER = '''from harness.grading import *

@check(points=1)
def test_adds(submission):
    """add(a, b) adds"""
    assert_close(submission.add(2.0, 3.0), 5.0)
'''
RIGHT = "def add(a, b): return a + b\n"
HOSTILE = (
    "import os\ndef add(a, b): os._exit(0)\n",
    "def add(a, b):\n    while True: print('x' * 1000)\n",
    "def add(a, b): raise RuntimeError\n",
    "import os\ndef add(a, b): os.kill(os.getpid(), 9)\n",
)


def main() -> None:
    """Measure, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="50,200,800")
    parser.add_argument("--torch", type=int, default=60)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--sandbox", choices=["docker", "process"], default="docker")
    parser.add_argument("-j", "--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    sizes = [int(text) for text in options.sizes.split(",") if text]
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        course = write_course(root / "course")
        for size in sizes:
            told(found, f"trivial-{size}", measured(root, course, size, options, hostile=0))
        if sizes:
            told(found, f"hostile-{sizes[0]}", measured(root, course, sizes[0], options, hostile=5))
        if options.torch:
            told(found, f"torch-{options.torch}", torch_cohort(root, options))
        if options.rows:
            told(found, "export", export(root, options.rows))
    kept = [(words, value, value <= most) for words, value, most in promises(found, sizes)]
    for words, value, good in kept:
        print(f"{'kept' if good else 'NOT KEPT':9} {words}: {value:.3g}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    sys.exit(0 if all(good for _, _, good in kept) else 1)


def told(found: dict[str, dict[str, float]], name: str, figures: dict[str, float]) -> None:
    """Keep figures and print them."""
    found[name] = figures
    print(f"{name:14}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


def promises(found: dict[str, dict[str, float]], sizes: list[int]) -> Iterator[tuple[str, float, float]]:
    """Yield what was promised, what was measured, and the most that it may be."""
    walls = [found[f"trivial-{size}"]["wall s"] for size in sizes]
    if len(sizes) > 2:  # what the start costs is in both and falls out
        slopes = [(walls[i + 1] - walls[i]) / (sizes[i + 1] - sizes[i]) for i in range(len(sizes) - 1)]
        yield "each further submission costs the same, largest deviation", spread(slopes), 0.10
    if len(sizes) > 1:
        memory = [found[f"trivial-{size}"]["memory MiB most"] for size in sizes]
        yield f"MiB that {sizes[-1]} take beyond {sizes[0]}", memory[-1] - memory[0], 50.0
    if sizes:
        hostile = found[f"hostile-{sizes[0]}"]
        yield "20 % hostile, wall over that of honest ones", hostile["wall s"] / walls[0], 1.3
        yield "honest submissions that hostile ones cost points", hostile["honest changed"], 0.0
    if "export" in found:
        yield "seconds to export", found["export"]["wall s"], 3.0


def spread(values: list[float]) -> float:
    """Return the largest share by which values lie off their mean."""
    mean = sum(values) / len(values)
    return max(abs(value - mean) for value in values) / mean


def write_course(root: Path) -> Path:
    """Write a course of one exercise without torch."""
    for part in ("exercises", "graders"):
        (root / part / "stage" / "small").mkdir(parents=True)
    (root / "exercises" / "roadmap.toml").write_text(
        '[[stage]]\nid = "stage"\ntitle = "S"\nsummary = "One."\n'
    )
    (root / "exercises" / "stage" / "small" / "exercise.toml").write_text(SPEC)
    (root / "graders" / "stage" / "small" / "public.py").write_text(GRADER)
    return root


def measured(
    root: Path, course: Path, size: int, options: argparse.Namespace, *, hostile: int
) -> dict[str, float]:
    """Grade so many trivial submissions, every fifth hostile if `hostile` is 5."""
    name = f"cohort-{size}-{hostile}"
    (root / name).mkdir()
    for index in range(size):
        bad = hostile and index % hostile == 0
        text = HOSTILE[index // hostile % len(HOSTILE)] if bad else RIGHT
        (root / name / f"learner{index:05}.py").write_text(f"{text}# {index}\n")
    command = [*ROADMARK, "--course", str(course), "batch", "small", str(root / name)]
    figures = batch(command, root / f"{name}.db", options, size)
    began = time.perf_counter()
    subprocess.run([*command, *chosen(options, root / f"{name}.db")], check=True, capture_output=True)
    rerun = time.perf_counter() - began
    honest = sum(not hostile or index % hostile > 0 for index in range(size))
    passed = sum(row.outcome == "passed" for row in standing(root / f"{name}.db"))
    return {**figures, "unchanged rerun s": rerun, "honest changed": float(abs(honest - passed))}


def standing(book: Path) -> list[GradeRow]:
    """Return where everybody stands."""
    from harness.gradebook import Gradebook
    from harness.gradebook.standing import rows

    with Gradebook(str(book)) as opened, opened.reading() as session:
        return list(rows(session))


def torch_cohort(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """Grade references that use torch."""
    from harness.catalog import HOME, Course

    reference = Course(HOME).reference_folder("transformers/attention") / "solution" / "attention.py"
    (root / "torch").mkdir()
    for index in range(options.torch):
        (root / "torch" / f"learner{index:05}.py").write_text(f"{reference.read_text()}\n# {index}\n")
    command = [*ROADMARK, "batch", "transformers/attention", str(root / "torch")]
    return batch(command, root / "torch.db", options, options.torch)


def chosen(options: argparse.Namespace, book: Path) -> list[str]:
    """Return the arguments that all batches share."""
    trust = ["--trust-submissions"] if options.sandbox == "process" else []
    return ["--gradebook", str(book), "--sandbox", options.sandbox, "-j", str(options.jobs), *trust]


def batch(command: list[str], book: Path, options: argparse.Namespace, size: int) -> dict[str, float]:
    """Run a batch; return wall and processor seconds per submission and the harness's largest memory."""
    before, outside = resource.getrusage(resource.RUSAGE_CHILDREN), (container_seconds(), engine_seconds())
    began = time.perf_counter()
    process = subprocess.Popen([*command, *chosen(options, book)], stderr=subprocess.DEVNULL)
    watch = Memory(process.pid)
    if process.wait():
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall s": wall,
        "wall s each": wall / size,
        "user s each": (after.ru_utime - before.ru_utime) / size,
        "system s each": (after.ru_stime - before.ru_stime) / size,
        "containers s each": (container_seconds() - outside[0]) / size,
        "engine s each": (engine_seconds() - outside[1]) / size,
        "memory MiB early": watch.early,
        "memory MiB most": watch.most,
    }


def container_seconds() -> float:
    """Return the processor time of all containers so far; 0 where their control group is elsewhere."""
    for file, unit in (("cpuacct/docker/cpuacct.usage", 1e9), ("docker/cpu.stat", 1e6)):
        try:
            first = (Path("/sys/fs/cgroup") / file).read_text().splitlines()[0]
        except OSError:
            continue
        return int(first.split()[-1]) / unit
    return 0.0


def engine_seconds() -> float:
    """Return the processor time of the engine's processes so far, children that ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name in ("dockerd", "containerd"):
            ticks += sum(int(field) for field in rest.split()[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


class Memory:
    """Watches a process's resident set: after its first five seconds, and at its largest."""

    def __init__(self, pid: int) -> None:
        self.early = self.most = 0.0
        self._file = Path(f"/proc/{pid}/statm")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        began = time.monotonic()
        while True:
            try:
                size = int(self._file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
            except (OSError, IndexError):
                return
            self.most = max(self.most, size)
            if time.monotonic() - began < 5:
                self.early = size
            time.sleep(0.2)


def export(root: Path, rows: int) -> dict[str, float]:
    """Fill a gradebook with so many results and export it."""
    fill(root / "large.db", rows)
    began = time.perf_counter()
    command = [
        *ROADMARK,
        "gradebook",
        "export",
        "--gradebook",
        str(root / "large.db"),
        "--out",
        str(root / "out.csv"),
    ]
    process = subprocess.Popen(command)
    watch = Memory(process.pid)
    process.wait()
    return {"rows": float(rows), "wall s": time.perf_counter() - began, "memory MiB most": watch.most}


def fill(book: Path, rows: int) -> None:
    """Write results for ten exercises into a gradebook, quickly and without running anything."""
    import sqlalchemy as sa

    from harness.gradebook import Gradebook
    from harness.gradebook.models import Attempt, Document, ExerciseRow, Learner, StoredResult

    learners = range(1, rows // 10 + 1)
    numbers = range(1, rows + 1)
    at = "2026-01-01T00:00:00+00:00"
    attempts = [
        {
            "id": n,
            "learner_id": (n - 1) // 10 + 1,
            "exercise": f"stage/e{n % 10}",
            "submission": f"{n:064}",
            "seen_at": at,
        }
        for n in numbers
    ]
    results = [
        {
            "id": n,
            "attempt_id": n,
            "key": f"{n:064}",
            "outcome": "passed",
            "earned": 3.0,
            "possible": 4.0,
            "graded_at": at,
        }
        for n in numbers
    ]
    with Gradebook(str(book)) as opened:

        def work(session):
            session.execute(sa.insert(Learner), [{"id": n, "key": f"learner{n:05}"} for n in learners])
            session.execute(
                sa.insert(ExerciseRow), [{"id": f"stage/e{n}", "possible": 4.0} for n in range(10)]
            )
            session.execute(sa.insert(Attempt), attempts)
            session.execute(sa.insert(StoredResult), results)
            session.execute(sa.insert(Document), [{"result_id": n, "json": "x" * 8000} for n in numbers])

        opened.write(work)


if __name__ == "__main__":
    main()
