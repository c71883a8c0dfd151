"""What a learner does, from the first command to handing in."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import nbformat
import pytest

from harness.intake import read_submission
from harness.notebooks import notebook_of

STARTER = '''"""Add and double.

Two small functions.
"""

import math

TWO = 2


def add(a, b):
    """Add."""
    raise NotImplementedError


# helps below
HALF = 0.5


class Model:
    def double(self, x):
        raise NotImplementedError


def double(x):
    raise NotImplementedError
'''
GRADER = '''
    @check(points=1)
    def test_adds(submission):
        """add(a, b) adds"""
        assert submission.add(1, 2) == 3
'''
RIGHT = "def add(a, b):\n    return a + b\n"


def roadmark(*arguments, **options):
    command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent", **options.pop("environment", {})}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, **options)


@pytest.fixture
def course(small_course):
    made = small_course(GRADER)
    folder = made.exercise_folder("stage/small")
    (folder / "starter").mkdir()
    (folder / "starter" / "small.py").write_text(STARTER)
    (folder / "README.md").write_text("# Small\n")
    return made


def test_a_starter_as_a_notebook_defines_the_same(tmp_path):
    text = notebook_of(STARTER, "Small")
    assert text == notebook_of(STARTER, "Small")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown"] + ["code"] * 5
    assert "Two small functions." in notebook.cells[0].source
    assert notebook.cells[3].source == "# helps below\nHALF = 0.5"
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    space = {}
    exec(code, space)
    assert {"add", "double", "Model", "TWO", "HALF", "math"} <= space.keys()


def test_start_check_submit(course, tmp_path):
    work, inbox = tmp_path / "work", tmp_path / "inbox"
    started = roadmark("--course", course.root, "start", "small", work)
    assert started.returncode == 0, started.stderr
    assert (work / "small.py").read_text() == STARTER
    assert "check stage/small" in started.stdout

    again = roadmark("--course", course.root, "start", "small", work)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)

    untouched = roadmark("--course", course.root, "check", "small", work)
    assert (untouched.returncode, "unchanged starter" in untouched.stdout) == (1, True)

    (work / "small.py").write_text(RIGHT)
    checked = roadmark("--course", course.root, "check", "small", work)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "process sandbox" in checked.stderr

    submitted = roadmark(
        "--course",
        course.root,
        "submit",
        "small",
        work,
        "--learner",
        "Ada",
        environment={"ROADMARK_INBOX": str(inbox)},
    )
    assert submitted.returncode == 0, submitted.stderr
    (bundle,) = inbox.iterdir()
    record = json.loads(zipfile.ZipFile(bundle).read("roadmark-bundle.json"))
    assert (record["learner"], record["exercise"], record["public_points"]) == (
        "Ada",
        "stage/small",
        [1.0, 1.0],
    )

    graded = roadmark("--course", course.root, "grade", "small", bundle, "--trust-submissions", "--json")
    assert graded.returncode == 0, graded.stderr
    assert json.loads(graded.stdout)["submission"] == record["digest"]


def test_start_with_a_notebook_and_check_it(course, tmp_path):
    work = tmp_path / "work"
    assert roadmark("--course", course.root, "start", "small", work, "--notebook").returncode == 0
    notebook = nbformat.read(work / "small.ipynb", as_version=4)
    notebook.cells[2].source = RIGHT
    nbformat.write(notebook, work / "small.ipynb")
    checked = roadmark("--course", course.root, "check", "small", work, "--notebook")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_watch_checks_again_after_a_save(course, tmp_path):
    file = tmp_path / "small.py"
    file.write_text("def add(a, b):\n    return a - b\n")
    command = [
        sys.executable,
        "-u",
        "-m",
        "harness.cli",
        "--course",
        course.root,
        "check",
        "small",
        file,
        "--watch",
    ]
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent"}
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            wait_for(tmp_path / "out", "0 of 1 points")
            file.write_text(RIGHT)
            wait_for(tmp_path / "out", "1 of 1 points")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130


def wait_for(file, words, seconds=60):
    deadline = time.monotonic() + seconds
    while words not in file.read_text(errors="replace"):
        assert time.monotonic() < deadline, file.read_text(errors="replace")
        time.sleep(0.1)


def test_a_bundle_s_record_is_not_part_of_the_work(course, tmp_path):
    from harness.bundle import bundle
    from harness.catalog import load_exercise
    from harness.grade import Options, grade

    exercise = load_exercise(course.exercise_folder("stage/small"))
    (tmp_path / "small.py").write_text(RIGHT)
    submission = read_submission(tmp_path / "small.py", exercise)
    result = grade(course, exercise, submission, Options(sandbox="process", kind="check"))
    name, data = bundle(submission, result, "Ada")
    (tmp_path / name).write_bytes(data)
    again = read_submission(tmp_path / name, exercise)
    assert again.digest == submission.digest
