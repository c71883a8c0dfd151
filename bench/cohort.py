"""What a cohort costs: per submission, as it grows, with hostile ones among it; and 10,000 rows exported.

    python bench/cohort.py [--sizes 50,200,800] [--torch 60] [--sandbox process] [--json FILE]

Submissions are trivial and need no torch, so that what is measured is the harness; a second
cohort is of references of an exercise that uses torch. Memory is the largest resident set
of the harness's first process, read from /proc while it works.
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
from pathlib import Path

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
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        course = write_course(root / "course")
        for size in (int(text) for text in options.sizes.split(",") if text):
            found[f"trivial-{size}"] = measured(root, course, size, options, hostile=0)
        size = int(options.sizes.split(",")[0])
        found[f"hostile-{size}"] = measured(root, course, size, options, hostile=5)
        if options.torch:
            found[f"torch-{options.torch}"] = torch_cohort(root, options)
        found["export"] = export(root, options.rows)
    for name, figures in found.items():
        print(f"{name:14}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


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
    return {**figures, "unchanged rerun s": time.perf_counter() - began}


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
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
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
        "memory MiB early": watch.early,
        "memory MiB most": watch.most,
    }


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
