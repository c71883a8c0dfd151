"""What one `roadmark grade` costs, split: container start, torch imports, and everything else.

    python bench/grade.py [--runs N] [--json FILE]

The parts are measured by themselves, one after the other, in the same run as the whole, so
that a slow machine slows both. The container and the harness import torch at the same
time, so what the whole has to wait for is the longer of the two ways.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.catalog import HOME, Course
from harness.records import Exercise, SourceFile, Submission
from harness.sandbox.docker import DockerSandbox
from harness.session import Session

EXERCISE = "transformers/attention"
ROADMARK = [sys.executable, "-m", "harness.cli"]
NOTHING = Submission(
    files=(SourceFile(path="attention.py", data=b"x = 1\n"),), entry="attention.py", digest=""
)


def main() -> None:
    """Measure, print a table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    course = Course(HOME)
    exercise = course.find(EXERCISE)
    solution = course.reference_folder(EXERCISE) / "solution"
    bare = replace(exercise, preload=())
    measures = {
        "roadmark --help": lambda: command("--help"),
        "roadmark grade (whole)": lambda: command("grade", EXERCISE, str(solution), "--json"),
        "container: start, files, import nothing": lambda: start(bare),
        "container: the same with torch": lambda: start(exercise),
        "harness: import torch": lambda: python("import torch"),
    }
    seconds = {name: timed(measure, options.runs) for name, measure in measures.items()}
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:42} {medians[name]:6.2f} s   ({min(values):.2f} to {max(values):.2f})")
    whole = medians["roadmark grade (whole)"]
    waited = max(medians["container: the same with torch"], medians["harness: import torch"])
    rest = f"{whole - waited:6.2f} s   {1 - waited / whole:.0%} of the whole"
    print(f"{'neither container start nor torch imports':42} {rest}")
    if options.json:
        options.json.write_text(json.dumps(seconds, indent=2))


def timed(measure: Callable[[], None], runs: int) -> list[float]:
    """Return the wall time of each run in seconds, after one run that does not count."""
    measure()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        measure()
        times.append(time.perf_counter() - began)
    return times


def command(*arguments: str) -> None:
    """Run the command line; anything but success ends the benchmark."""
    subprocess.run([*ROADMARK, *arguments], check=True, capture_output=True)


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
