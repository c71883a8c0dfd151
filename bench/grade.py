"""What one `roadmark grade` costs, split: container start, torch imports, and everything else.

    python bench/grade.py [--runs N] [--json FILE]

The parts are measured by themselves, one after the other, in the same run as the whole, so
that a slow machine slows both. The container and the harness import torch at the same
time, so what the whole has to wait for is the longer of the two ways.

Promised is that a trivial notebook, one function and two checks, is graded in at most 1.0 s
more than its container takes to start.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.catalog import HOME, Course
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.records import Exercise, Result, SourceFile, Submission
from harness.sandbox.docker import DockerSandbox
from harness.session import Session

EXERCISE = "transformers/attention"
ROADMARK = [sys.executable, "-m", "harness.cli"]
FILES = {
    "course/exercises/roadmap.toml": '[[stage]]\nid = "stage"\ntitle = "Stage"\nsummary = "One."\n',
    "course/exercises/stage/small/exercise.toml": 'title = "Small"\nsummary = "Small."\nentry = "small.py"\n',
    "course/graders/stage/small/public.py": """from harness.grading import check


@check(points=1)
def test_adds(submission):
    \"\"\"add(a, b) adds\"\"\"
    assert submission.add(1, 2) == 3


@check(points=1)
def test_adds_words(submission):
    \"\"\"add(a, b) joins words\"\"\"
    assert submission.add("a", "b") == "ab"
""",
    "small.ipynb": json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "id": "a",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                    "source": "%matplotlib inline\ndef add(a, b):\n    return a + b",
                }
            ],
        }
    ),
}
NOTHING = Submission(
    files=(SourceFile(path="attention.py", data=b"x = 1\n"),), entry="attention.py", digest=""
)


def main() -> None:
    """Measure, print a table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(Path(folder), options.runs)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:42} {medians[name]:6.2f} s   ({min(values):.2f} to {max(values):.2f})")
    whole = medians["roadmark grade (whole)"]
    waited = max(medians["container: the same with torch"], medians["harness: import torch"])
    rest = f"{whole - waited:6.2f} s   {1 - waited / whole:.0%} of the whole"
    print(f"{'neither container start nor torch imports':42} {rest}")
    start_alone = medians["container: start, files, import nothing"]
    for name in ("a trivial notebook", "a trivial notebook, by the command"):
        beyond = f"{medians[name] - start_alone:6.2f} s   {medians[name] / start_alone:.1f} times that start"
        print(f"{name + ', beyond the start':42} {beyond}")
    if options.json:
        options.json.write_text(json.dumps(seconds, indent=2))


def measured(folder: Path, runs: int) -> dict[str, list[float]]:
    """Return the seconds of each run of each measure; the runs take turns, so that load meets all alike."""
    course = Course(HOME)
    exercise = course.find(EXERCISE)
    solution = course.reference_folder(EXERCISE) / "solution"
    bare = replace(exercise, preload=())
    small, notebook = notebook_course(folder)
    small_exercise = small.find("small")
    submission = read_submission(notebook, small_exercise)
    measures = {
        "roadmark --help": lambda: command("--help"),
        "roadmark grade (whole)": lambda: command("grade", EXERCISE, str(solution), "--json"),
        "container: start, files, import nothing": lambda: start(bare),
        "container: the same with torch": lambda: start(exercise),
        "harness: import torch": lambda: python("import torch"),
        "a trivial notebook": lambda: passed(grade(small, small_exercise, submission, Options())),
        "a trivial notebook, by the command": lambda: command(
            "grade", "small", str(notebook), "--json", course=small.root
        ),
    }
    for measure in measures.values():  # once for each that does not count
        measure()
    seconds: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            seconds[name].append(timed(measure))
    return seconds


def timed(measure: Callable[[], object]) -> float:
    """Return the wall time of one run in seconds."""
    began = time.perf_counter()
    measure()
    return time.perf_counter() - began


def command(*arguments: str, course: Path = HOME) -> None:
    """Run the command line; anything but success ends the benchmark."""
    subprocess.run([*ROADMARK, "--course", str(course), *arguments], check=True, capture_output=True)


def passed(result: Result) -> None:
    """End the benchmark if something else was measured than a grading that passes."""
    if not result.score.passed:
        raise SystemExit(f"the notebook did not pass: {result.checks}")


def notebook_course(folder: Path) -> tuple[Course, Path]:
    """Write a course of one exercise with two checks, and a notebook that passes them."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Course(folder / "course"), folder / "small.ipynb"


def python(code: str) -> None:
    """Run a line of Python in a process of its own."""
    subprocess.run([sys.executable, "-c", code], check=True)


def start(exercise: Exercise) -> None:
    """Start a container, have it import what the exercise declares, and end it."""
    session = Session(DockerSandbox(), exercise, NOTHING, b"bench")
    try:
        session.ask("get", None, target=0, name="x")
    finally:
        session.close()


if __name__ == "__main__":
    main()
