"""The same small notebook exercise graded by Roadmark in Docker and by its peers without a sandbox, in turns.

    python bench/peers.py [--submissions 8] [--rounds 3] [--json FILE]

Roadmark runs `batch` with two places; otter-grader its `run` command, two at a time; nbgrader its `autograde`
over the whole class. The peers are installed into environments of their own under .cache/peers the first time
(some minutes). Every learner hands in a notebook that defines `square`, and two checks ask it; each tool must
find every one of them right, or nothing is measured. What counts are ratios: seconds belong to the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

HOME = Path(__file__).resolve().parents[1]
ENVIRONMENTS = HOME / ".cache" / "peers"
PEERS = {"otter": ("otter-grader==7.0.0", "ipykernel"), "nbgrader": ("nbgrader==0.9.6",)}
PLACES = 2
RIGHT = "def square(x):\n    return x * x"
TESTS = ("assert square(3) == 9", "assert square(-2) == 4")
ROADMAP = '[[stage]]\nid = "basics"\ntitle = "Basics"\nsummary = "One."\ncovers = ["numbers"]\n'
SPEC = 'title = "Square"\nsummary = "A square."\nentry = "square.py"\npass_mark = 0.5\n'
GRADER = '''
from harness.grading import assert_close, check


@check(points=1)
def test_positive(submission):
    """square(3) is 9"""
    assert_close(submission.square(3), 9)


@check(points=1)
def test_negative(submission):
    """square(-2) is 4"""
    assert_close(submission.square(-2), 4)
'''


def main() -> None:
    """Measure in turns, print a table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for name, requirements in PEERS.items():
        install(name, requirements)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tools = {
            tool.__name__: tool(Path(folder), options.submissions) for tool in (roadmark, otter, nbgrader)
        }
        for _ in range(options.rounds + 1):  # the first warms the machine's caches
            for name, grade in tools.items():
                began = time.perf_counter()
                grade()
                seconds.setdefault(name, []).append((time.perf_counter() - began) / options.submissions)
    show({name: values[1:] for name, values in seconds.items()})
    if options.json:
        options.json.write_text(json.dumps(seconds, indent=2))


def show(seconds: dict[str, list[float]]) -> None:
    """Print seconds of wall per submission and how they compare with ours."""
    ours = statistics.median(seconds["roadmark"])
    for name, values in seconds.items():
        median = statistics.median(values)
        spread = f"({min(values):.2f} to {max(values):.2f})"
        print(f"{name:10} {median:6.2f} s a submission {spread:18} {median / ours:5.1f} times ours")


# ---- the three tools: each prepares a class and returns what grades it ----------------------------


def roadmark(folder: Path, count: int) -> Callable[[], None]:
    """Two places, each submission in a hardened container of its own."""
    course, learners = folder / "course", folder / "learners"
    for part, file, text in (
        ("exercises", "roadmap.toml", ROADMAP),
        ("exercises/basics/square", "exercise.toml", SPEC),
        ("graders/basics/square", "public.py", GRADER),
    ):
        (course / part).mkdir(parents=True, exist_ok=True)
        (course / part / file).write_text(text)
    write_class(learners, "square.ipynb", new_notebook(cells=[new_code_cell(RIGHT)]), count)
    made = iter(range(1_000_000))

    def grade() -> None:
        book = folder / f"book-{next(made)}.db"
        command = ["--course", course, "batch", "basics/square", learners, "--gradebook", f"sqlite:///{book}"]
        run([sys.executable, "-m", "harness.cli", *command, "-j", PLACES, "--sandbox", "docker"])
        export = ["gradebook", "export", "--format", "csv", "--gradebook", f"sqlite:///{book}"]
        table = run([sys.executable, "-m", "harness.cli", "--course", course, *export])
        require(table.count("passed") == count, table)

    return grade


def otter(folder: Path, count: int) -> Callable[[], None]:
    """`otter run` in the environment of the instructor: the learner's code runs beside the hidden tests."""
    folder = folder / "otter"
    folder.mkdir()
    question = "# BEGIN QUESTION\nname: q1\npoints: 2"
    cells = [
        new_raw_cell("# ASSIGNMENT CONFIG\ninit_cell: false\nexport_cell: false"),
        *(new_raw_cell(question), new_markdown_cell("Write `square`."), new_raw_cell("# BEGIN SOLUTION")),
        *(
            new_code_cell(f"{RIGHT} # SOLUTION"),
            new_raw_cell("# END SOLUTION"),
            new_raw_cell("# BEGIN TESTS"),
        ),
        *(new_code_cell(f"{test}") for test in TESTS),
        *(new_raw_cell("# END TESTS"), new_raw_cell("# END QUESTION")),
    ]
    nbformat.write(new_notebook(cells=cells, metadata=kernel()), folder / "hw.ipynb")
    run([program("otter"), "assign", "--no-run-tests", "hw.ipynb", "dist"], folder)
    archive = next((folder / "dist" / "autograder").glob("*.zip"))
    student = nbformat.read(folder / "dist" / "student" / "hw.ipynb", as_version=4)
    next(cell for cell in student.cells if cell.cell_type == "code")["source"] = RIGHT
    write_class(folder / "class", "hw.ipynb", student, count)

    def one(learner: Path) -> None:
        command = [program("otter"), "run", "-a", archive, "-o", learner, "--no-logo", learner / "hw.ipynb"]
        run(command, learner)
        result = json.loads((learner / "results.json").read_text())
        require(sum(test.get("score", 0) for test in result["tests"]) == 2, result)

    def grade() -> None:
        with ThreadPoolExecutor(PLACES) as places:
            list(places.map(one, sorted((folder / "class").iterdir())))

    return grade


def nbgrader(folder: Path, count: int) -> Callable[[], None]:
    """`nbgrader autograde` over a class: a Jupyter kernel for each, in the instructor's own account."""
    folder = folder / "nbgrader"
    (folder / "source" / "hw").mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.course_id = 'c'\nc.CourseDirectory.root = {str(folder)!r}\n"
    )
    solution = marked(
        new_code_cell(f"### BEGIN SOLUTION\n{RIGHT}\n### END SOLUTION"), "square", solution=True
    )
    tests = [marked(new_code_cell(test), f"t{i}", points=1) for i, test in enumerate(TESTS)]
    nbformat.write(new_notebook(cells=[solution, *tests], metadata=kernel()), folder / "source/hw/hw.ipynb")
    run([program("nbgrader"), "generate_assignment", "hw"], folder)
    student = nbformat.read(folder / "release" / "hw" / "hw.ipynb", as_version=4)
    student.cells[0]["source"] = RIGHT
    write_class(folder / "submitted", "hw/hw.ipynb", student, count)

    def grade() -> None:
        shutil.rmtree(folder / "autograded", ignore_errors=True)
        run([program("nbgrader"), "autograde", "hw", "--force"], folder)
        run([program("nbgrader"), "export", "--to", "grades.csv"], folder)
        table = (folder / "grades.csv").read_text()
        require(table.count(",2.0,") >= count, table)

    return grade


# ---- helpers ------------------------------------------------------------------------------------


def marked(cell: Any, name: str, *, solution: bool = False, points: int = 0) -> Any:
    """Return a cell with nbgrader's metadata."""
    cell["metadata"]["nbgrader"] = {
        "schema_version": 3,
        "grade_id": name,
        "grade": points > 0,
        "solution": solution,
        "locked": not solution,
        "task": False,
        **({"points": points} if points else {}),
    }
    return cell


def kernel() -> dict[str, Any]:
    """Return the metadata that names a kernel."""
    return {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write_class(folder: Path, name: str, notebook: Any, count: int) -> None:
    """Write the notebook of each learner, each a little different."""
    for number in range(count):
        file = folder / f"learner{number:02}" / name
        file.parent.mkdir(parents=True)
        own = new_notebook(
            cells=[*notebook.cells, new_markdown_cell(f"By {number}")], metadata=notebook.metadata
        )
        nbformat.write(own, file)


def install(name: str, requirements: tuple[str, ...]) -> None:
    """Make a peer's environment once."""
    place = ENVIRONMENTS / name
    if not (place / "done").exists():
        print(f"installing {requirements[0]} into {place}")
        venv.create(place, with_pip=True, clear=True)
        run([place / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements])
        (place / "done").touch()


def program(name: str) -> Path:
    """Return a peer's command."""
    return ENVIRONMENTS / name / "bin" / name


def run(command: list[Any], folder: Path = HOME) -> str:
    """Run a command to its end and return what it printed; ends this program if it fails."""
    words = [str(part) for part in command]
    path = f"{Path(words[0]).parent}:{os.environ['PATH']}"  # peers call programs of their own by name
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    require(done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def require(right: object, shown: object) -> None:
    """End this program if a tool did not do what is measured."""
    if not right:
        sys.exit(f"not what was to be measured:\n{shown}")


if __name__ == "__main__":
    main()
