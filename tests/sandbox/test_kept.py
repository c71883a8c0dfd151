"""Solutions that share a container share nothing else, and a container that was spoilt is not kept."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import SandboxError
from harness.failures import LearnerFailure
from harness.proxy import SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox import kept
from harness.sandbox.kept import Kept
from harness.sandbox.protocol import Slot
from harness.session import Session

SOURCE = """
import json, os, pathlib, sys, time

state = []

def spoil():
    json.spoilt = True
    state.append(1)
    for folder in (".", "/tmp", "/dev/shm"):
        pathlib.Path(folder, "left").mkdir()
        pathlib.Path(folder, "left", "file").write_text("x")
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    os.environ["LEFT"] = "1"
    print("spoilt")

def found():
    return {
        "spoilt": hasattr(json, "spoilt"),
        "state": len(state),
        "files": sum(pathlib.Path(folder, "left").exists() for folder in (".", "/tmp", "/dev/shm")),
        "environment": "LEFT" in os.environ,
        "processes": sum(name.isdigit() for name in os.listdir("/proc")),
        "preloaded": "decimal" in sys.modules,
    }

def container():
    # when its first process started, in ticks: two containers never start at once here
    return int(pathlib.Path("/proc/1/stat").read_text().split()[21])

def die():
    os._exit(7)

def nap():
    time.sleep(600)
"""
NOTHING = {"spoilt": False, "state": 0, "files": 0, "environment": False, "processes": 3, "preloaded": True}
EXERCISE = Exercise(
    id="tests/kept",
    title="Kept",
    summary="Kept",
    entry="main.py",
    preload=("json", "decimal"),
    limits=Limits(call_seconds=20),
)


@pytest.fixture
def keeper(engine, image, no_leftovers):
    keeper = Kept(Slot())
    yield keeper
    keeper.close()


class Asked:
    """A session in the container that is kept, over once the block ends."""

    def __init__(self, keeper, source=SOURCE, exercise=EXERCISE):
        file = SourceFile(path="main.py", data=textwrap.dedent(source).encode())
        submission = Submission(files=(file,), entry="main.py", digest="")
        self._keeper, sandbox = keeper, keeper.sandbox(exercise)
        self.session = Session(sandbox, exercise, submission, b"seed")

    def __enter__(self):
        return SubmissionProxy(self.session)

    def __exit__(self, *_):
        self.session.close()
        self._keeper.settle({"left": self.session.left})


@pytest.mark.docker
def test_solutions_follow_each_other_in_one_container(keeper):
    with Asked(keeper) as submission:
        submission.spoil()
        first = submission.container()
    with Asked(keeper) as submission:
        assert submission.found() == NOTHING
        assert submission.container() == first


@pytest.mark.docker
def test_a_solution_that_was_never_asked_leaves_too(keeper, engine):
    unread = Asked(keeper)
    unread.session.warm()
    unread.__exit__()
    assert unread.session.left
    with Asked(keeper, "raise ValueError") as submission, pytest.raises(LearnerFailure, match="ValueError"):
        submission.f()
    with Asked(keeper) as submission:
        assert submission.found() == NOTHING


@pytest.mark.docker
@pytest.mark.parametrize(("question", "reason"), [("die", "exit"), ("nap", "timeout")])
def test_a_container_whose_worker_ended_otherwise_is_not_kept(keeper, question, reason):
    asked = Asked(keeper)
    with asked as submission:
        with pytest.raises(LearnerFailure) as caught:
            getattr(submission.within(seconds=0.5), question)()
        assert caught.value.reason == reason
        asked.session.next_check()
        assert submission.found()["state"] == 0, "a fresh container follows"
    assert asked.session.starts == 2
    assert not asked.session.left
    with Asked(keeper) as submission:
        assert submission.found() == NOTHING


@pytest.mark.docker
def test_another_exercise_or_age_means_another_container(keeper, monkeypatch):
    other = replace(EXERCISE, id="tests/other")
    seen = set()
    for exercise, longest in ((EXERCISE, 600.0), (other, 600.0), (other, 0.0)):
        monkeypatch.setattr(kept, "LONGEST_SECONDS", longest)
        with Asked(keeper, exercise=exercise) as submission:
            seen.add(submission.container())
    assert len(seen) == 3


def test_without_an_engine_the_grading_tries_for_itself(monkeypatch):
    def launch(*_, **__):
        raise SandboxError("no engine")

    monkeypatch.setattr(kept, "DockerSandbox", launch)
    assert Kept(Slot()).sandbox(EXERCISE) is None


def test_it_starts_nowhere_but_in_a_sandbox():
    """It ends every process that it may: elsewhere that would be the whole machine."""
    run = Path(kept.__file__).parents[1] / "inside" / "run.py"
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(run), "--several"], input=b"", capture_output=True, timeout=120
    )
    assert done.returncode == 1
    assert b"only as the first command of a sandbox" in done.stderr
