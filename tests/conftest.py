"""Fixtures that every folder of tests shares."""

import os
import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.catalog import HOME, Course, load_exercise
from harness.errors import NoEngine
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.records import Result
from harness.sandbox import images
from harness.sandbox.docker import LABEL, OWNER
from harness.sandbox.engine import connect
from harness.sandbox.owners import alive, owner

# A shell that starts us in the background has Ctrl-C ignored, and whatever we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def engine():
    """A client of the Docker engine; in CI its absence is a failure, never a skip."""
    try:
        client = connect()
    except NoEngine as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{error}: {error.hint}")
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine):
    """The id of the current image, built if it is not there."""
    return images.build(engine, "cpu", print)


@pytest.fixture
def no_leftovers(engine, image) -> Iterator[None]:
    """Fails the test if one of its containers outlives it; those of other live processes are theirs."""
    before = _ownerless(engine)
    yield
    assert not _ownerless(engine) - before, "a container was left behind"


def _ownerless(engine) -> set[str]:
    found = engine.api.containers(all=True, filters={"label": [LABEL]})
    marks = {container["Id"]: container["Labels"].get(OWNER, "") for container in found}
    return {key for key, mark in marks.items() if mark == owner() or not alive(mark)}


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def sandbox_name(request: pytest.FixtureRequest) -> str:
    """Every kind of sandbox in turn, Docker with its real engine."""
    if request.param == "docker":
        request.getfixturevalue("no_leftovers")
    return request.param


@pytest.fixture(scope="session")
def course() -> Course:
    """The course of this repository."""
    return Course(HOME)


ROADMAP = '[[stage]]\nid = "stage"\ntitle = "Stage"\nsummary = "One."\n'
SPEC = """
title = "Small"
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


@pytest.fixture
def small_course(tmp_path: Path) -> Callable[..., Course]:
    """Make a course of one exercise, `stage/small`, from the text of its graders."""

    def make(public: str, hidden: str = "", spec: str = SPEC) -> Course:
        course = Course(tmp_path / "course")
        for folder in (course.exercise_folder("stage/small"), course.grader_folder("stage/small")):
            folder.mkdir(parents=True, exist_ok=True)
        (course.root / "exercises" / "roadmap.toml").write_text(ROADMAP)
        (course.exercise_folder("stage/small") / "exercise.toml").write_text(spec)
        for name, text in (("public.py", public), ("hidden.py", hidden)):
            if text:
                header = "from harness.grading import *\nimport numpy as np\n"
                (course.grader_folder("stage/small") / name).write_text(header + textwrap.dedent(text))
        return course

    return make


@pytest.fixture
def graded(tmp_path: Path) -> Callable[..., Result]:
    """Grade the text of one submission for `stage/small`."""

    def run(course: Course, text: str | bytes, *, sandbox: str = "process", **options: object) -> Result:
        exercise = load_exercise(course.exercise_folder("stage/small"))
        file = tmp_path / exercise.entry
        file.write_bytes(textwrap.dedent(text).encode() if isinstance(text, str) else text)
        submission = read_submission(file, exercise)
        return grade(course, exercise, submission, Options(sandbox=sandbox, **options))

    return run


def outcomes(result: Result) -> dict[str, str]:
    """Return the outcome of each check by name."""
    return {check.name: str(check.outcome) for check in result.checks}
