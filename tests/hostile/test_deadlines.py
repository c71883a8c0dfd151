"""How soon a verdict comes: hangs, floods and memory end at their limit, and many processes end at once."""

import threading
import time

import pytest

from harness.failures import LearnerFailure
from harness.proxy import SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox.docker import DockerSandbox
from harness.session import Session

pytestmark = pytest.mark.docker
LATE = 20.0
"""Seconds after which a verdict is late here: ten times what is promised, for machines that do other work."""
SOURCE = b"""
import os
import threading
import time

def ready():
    return True

def hang():
    while True:
        pass

def flood():
    while True:
        os.write(2, b"x" * 65536)

def hoard():
    kept = []
    while True:
        kept.append(b"x" * (1 << 24))

def multiply(count):
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
    return count
"""


@pytest.fixture
def opened(engine, image, no_leftovers):
    """A session with room for a thousand processes."""
    limits = Limits(memory_mb=1024, pids=1200, cpus=2, disk_mb=32, log_kb=64, call_seconds=120, restarts=3)
    exercise = Exercise(id="stage/late", title="", summary="", entry="small.py", limits=limits)
    submission = Submission(files=(SourceFile(path="small.py", data=SOURCE),), entry="small.py", digest="")
    session = Session(DockerSandbox(engine), exercise, submission, b"seed")
    yield session, SubmissionProxy(session)
    session.close()


@pytest.mark.parametrize(
    ("deed", "seconds", "reason"),
    [("hang", 0.5, "timeout"), ("flood", 60.0, "output"), ("hoard", 60.0, "memory")],
)
def test_a_verdict_comes_soon_after_the_limit(opened, deed, seconds, reason):
    _, submission = opened
    assert submission.ready()
    began = time.monotonic()
    with pytest.raises(LearnerFailure) as failure:
        submission.within(seconds=seconds)[deed]()
    assert failure.value.reason == reason
    late = time.monotonic() - began - (seconds if reason == "timeout" else 0)
    assert late < LATE


def test_a_thousand_processes_are_ended_at_once(opened):
    session, submission = opened
    assert submission.multiply(1000) == 1000
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < LATE


def test_a_verdict_waits_for_no_other(opened):
    """A submission that is being ended holds nobody up."""
    session, submission = opened
    assert submission.multiply(300) == 300
    ended = threading.Thread(target=session.close)
    ended.start()
    ended.join(LATE)
    assert not ended.is_alive()
