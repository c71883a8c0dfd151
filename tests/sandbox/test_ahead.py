"""A container that was started ahead serves one submission, behind the same wall, and then ends."""

import os
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness.errors import SandboxError
from harness.failures import LearnerFailure
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.proxy import SubmissionProxy
from harness.recording import Recorder, Replay
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox import ahead
from harness.sandbox.ahead import Ahead
from harness.sandbox.docker import OWNER
from harness.sandbox.owners import owner
from harness.sandbox.protocol import Slot
from harness.session import Session
from tests.small_course import NAME, small_course, solution_of

SOURCE = b"""
import os, pathlib, sys

def leave_a_note():
    pathlib.Path("note").write_text("x")
    pathlib.Path("/tmp/note").write_text("x")

def found():
    return {"notes": os.path.exists("note") + os.path.exists("/tmp/note"), "preloaded": "decimal" in sys.modules}

def die():
    os._exit(7)

def flood():
    while True:
        print("x" * 1000)
"""
CLEAN = {"notes": 0, "preloaded": True}
EXERCISE = Exercise(
    id="tests/ahead",
    title="Ahead",
    summary="Ahead",
    entry="main.py",
    preload=("json", "decimal"),
    limits=Limits(call_seconds=20),
)
HANDED_IN = Submission(files=(SourceFile(path="main.py", data=SOURCE),), entry="main.py", digest="")


@pytest.fixture
def place(engine, image, no_leftovers):
    place = Ahead(Slot())
    place.following = EXERCISE
    yield place
    place.close()


def waits(place):
    """Have the place's next container started, and wait until it is."""
    place.started()
    place.before_fork()


@contextmanager
def handed_in(place):
    session = Session(place.sandbox(EXERCISE), EXERCISE, HANDED_IN, b"seed")
    try:
        yield session, SubmissionProxy(session)
    finally:
        session.close()
        place.settle({"starts": session.starts})


def running(engine):
    return len(engine.containers.list(filters={"label": f"{OWNER}={owner()}"}))


@pytest.mark.docker
def test_each_submission_has_a_container_of_its_own(place, engine):
    assert place.sandbox(EXERCISE) is None, "nothing waits yet"
    for _ in range(2):
        waits(place)
        assert running(engine) == 1
        with handed_in(place) as (session, submission):
            waits(place)
            assert running(engine) == 2, "one is used, one waits, and never more"
            assert submission.found() == CLEAN
            submission.leave_a_note()
            assert session.starts == 1


@pytest.mark.docker
def test_a_worker_that_dies_is_followed_by_a_new_container(place):
    waits(place)
    with handed_in(place) as (session, submission):
        submission.leave_a_note()
        with pytest.raises(LearnerFailure) as caught:
            submission.die()
        assert caught.value.reason == "exit"
        session.next_check()
        assert submission.found() == CLEAN
        assert session.starts == 2


@pytest.mark.docker
def test_what_waits_for_another_or_too_long_is_ended(place, engine):
    waits(place)
    assert place.sandbox(replace(EXERCISE, id="tests/other")) is None
    assert running(engine) == 0
    waits(place)
    place.expire()
    assert running(engine) == 1
    place._seconds = 0.0
    assert place.sandbox(EXERCISE) is None
    assert running(engine) == 0
    waits(place)
    place.expire()
    assert running(engine) == 0


@pytest.mark.docker
def test_a_grader_that_came_to_no_end_leaves_no_container(place, engine):
    waits(place)
    place.sandbox(EXERCISE).launch(EXERCISE).__enter__()
    place.settle({})
    assert running(engine) == 0


@pytest.mark.docker
def test_it_may_be_used_and_ended_by_a_fork(place, engine):
    waits(place)
    sandbox = place.sandbox(EXERCISE)
    child = os.fork()
    if child == 0:
        session = Session(sandbox, EXERCISE, HANDED_IN, b"seed")
        found = SubmissionProxy(session).found()
        session.close()
        os._exit(0 if found == CLEAN else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert running(engine) == 0
    place.settle({"starts": 1})


@pytest.mark.docker
def test_a_flood_ends_although_two_processes_hold_its_stream(place, engine):
    waits(place)
    sandbox, began = place.sandbox(EXERCISE), time.monotonic()
    child = os.fork()
    if child == 0:
        session = Session(sandbox, EXERCISE, HANDED_IN, b"seed")
        with pytest.raises(LearnerFailure) as caught:
            SubmissionProxy(session).flood()
        session.close()
        os._exit(0 if caught.value.reason == "output" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    place.settle({"starts": 1})
    assert running(engine) == 0
    assert time.monotonic() - began < 20, "an engine that goes on writing takes a minute to end it"


@pytest.mark.docker
def test_what_it_answers_can_be_recorded_and_replayed(place):
    waits(place)
    recorder = Recorder(place.sandbox(EXERCISE))
    session = Session(recorder, EXERCISE, HANDED_IN, b"seed")
    found = SubmissionProxy(session).found()
    session.close()
    place.settle({"starts": 1})
    recording = recorder.recording(EXERCISE, HANDED_IN, b"seed", "")
    again = Session(Replay(recording, recorder.tensors), EXERCISE, HANDED_IN, b"seed")
    assert SubmissionProxy(again).found() == found == CLEAN


class Notes:
    """A keeper that keeps nothing and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def before_fork(self):
        self.asked.append("before_fork")

    def sandbox(self, exercise):
        self.asked.append("sandbox")

    def started(self):
        self.asked.append("started")


@pytest.mark.docker
@pytest.mark.parametrize(("refused", "asked"), [("", ["sandbox"]), ("it is empty", [])])
def test_no_thread_is_at_work_when_a_grader_is_forked(engine, image, tmp_path, refused, asked):
    course, notes = small_course(tmp_path / "course"), Notes()
    exercise = course.find(NAME)
    submission = read_submission(solution_of(course).parent, exercise)
    options = Options(keeper=notes)
    assert grade(course, exercise, submission, options, refused=refused).score.ungraded == 0
    assert notes.asked == ["before_fork", *asked, "started"]


def test_without_an_engine_the_grading_tries_for_itself(monkeypatch):
    def no_engine(*_, **__):
        raise SandboxError("no engine")

    monkeypatch.setattr(ahead, "DockerSandbox", no_engine)
    place = Ahead(Slot())
    place.following = EXERCISE
    waits(place)
    assert place.sandbox(EXERCISE) is None
    place.close()


def test_nothing_is_started_where_nothing_follows(monkeypatch):
    monkeypatch.setattr(ahead, "DockerSandbox", None)
    place = Ahead(Slot())
    waits(place)
    assert place.sandbox(EXERCISE) is None
