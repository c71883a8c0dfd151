"""What stands in for a grading: functions that travel to the nodes by value."""

import os
import sys
import time
from pathlib import Path

from harness.cohort.grading import Report
from harness.grade import package_version
from harness.records import CheckResult, Outcome, Provenance, Result, Score


def result_of(work, earned=1.0, **more):
    """Return a result that says whose work it is, and which file was read."""
    check = CheckResult(
        name="one",
        title="One",
        outcome=Outcome.PASSED if earned else Outcome.FAILED,
        earned=earned,
        points=1.0,
    )
    return Result(
        exercise=work.exercise.id,
        exercise_title=work.exercise.title,
        learner=work.learner,
        submission=work.digest,
        origin=str(work.handed.path),
        score=Score(earned=earned, possible=1.0, passed=bool(earned)),
        checks=(check,),
        pass_mark=0.6,
        log=work.handed.path.read_text(),
        provenance=Provenance(
            roadmark=package_version("roadmark"),
            python="3",
            torch="2",
            exercise_digest="e",
            grader_digest="g",
            sandbox="process",
            tier="a fake",
        ),
        **more,
    )


def told(seat, assigned):
    """Grade at once."""
    return Report(result=result_of(assigned.work))


def slow(seat, assigned):
    """Grade in a moment."""
    time.sleep(0.05)
    return Report(result=result_of(assigned.work))


def by_kind(seat, assigned):
    """Do what the learner's name says."""
    kind = assigned.work.learner.rstrip("0123456789")
    if kind == "wrong":
        return Report(result=result_of(assigned.work, 0.0))
    if kind == "half":
        sys.stderr.write("what the grader printed\n")
        sys.stderr.flush()
        return Report(fault="a fault of ours")
    if kind == "dies":
        os._exit(3)
    if kind == "raises":
        raise KeyError("ours")
    return told(seat, assigned)


def endless(seat, assigned):
    """Say which process it is, and go on for ever."""
    Path(assigned.work.handed.path.read_text().strip()).write_text(str(os.getpid()))
    time.sleep(600)
