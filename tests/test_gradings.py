"""Places are dealt out, and nothing outlives the command that took them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import SandboxError
from harness.grade import Options
from harness.gradings import gradings, places
from harness.lint import read_case
from harness.verify.trials import candidates
from tests.small_course import (
    NAME,
    replace,
    small_course,
    solution_of,
)


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def test_processors_are_dealt_out(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3, 8})
    assert [seat.cpus for seat in places(2)] == [(0, 2, 8), (1, 3)]
    assert [seat.cpus for seat in places(1)] == [(0, 1, 2, 3, 8)]
    assert [seat.cpus for seat in places()] == [(0,), (1,), (2,), (3,), (8,)]
    assert [seat.cpus for seat in places(6)] == [(0,), (1,), (2,), (3,), (8,), (0,)]
    assert [seat.index for seat in places(6)] == list(range(6))


def _die(_work):
    import os

    os._exit(1)


def test_a_place_that_is_killed_is_a_fault_of_the_machine(course):
    with gradings(course, [], places(1)) as pool, pytest.raises(SandboxError, match="memory"):
        list(pool.each(_die, [("a", 1)]))


def processes_of(session):
    """Return the processes of a session that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_nothing_outlives_the_command(course, how):
    replace(solution_of(course), "import numpy as np", "import numpy as np\nimport time\n\ntime.sleep(50)\n")
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "--course",
        str(course.root),
        "verify",
        "--sandbox",
        "process",
    ]
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        until(lambda: len(processes_of(running.pid)) >= 4)  # itself, two places, a grader
        running.send_signal(how)
        status = running.wait(20)
    until(lambda: not processes_of(running.pid))
    assert status == (130 if how == signal.SIGINT else -signal.SIGKILL)


def until(condition, seconds=20):
    """Wait until a condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)


def test_what_a_wrong_solution_promises_stays_out_of_the_sandbox(course):
    case = read_case(course, NAME)
    several = list(candidates(case, Options(sandbox="process"), repeat=2))
    wrong = next(one for one in several if one.kind == "wrong")
    assert [file.path for file in wrong.trial.submission.files] == ["standard_scores.py"]
    seeds = [one.trial.options.seed for one in several]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.usefixtures("no_leftovers")
@pytest.mark.parametrize(("keep", "shared"), [(True, True), (False, False)], ids=["kept", "fresh"])
def test_a_courses_own_solutions_share_a_container_where_that_is_asked(course, keep, shared):
    case = read_case(course, NAME)
    trials = [(one.name, one.trial) for one in candidates(case, Options(sandbox="docker"))]
    with gradings(course, [case.exercise], places(1), keep=keep) as at_once:
        tiers = [graded.result.provenance.tier for _, graded in at_once.graded(trials)]
    assert len(tiers) >= 3
    assert [tier.endswith("shared by a course's own solutions") for tier in tiers] == [shared] * len(tiers)
