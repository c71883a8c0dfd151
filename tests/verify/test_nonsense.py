"""Nonsense earns nothing, and a grader that falls over on it is found."""

import numpy as np
import pytest

from harness.verify import nonsense
from harness.verify.nonsense import NONSENSE, NonsenseSession, ask_nonsense
from tests.small_course import (
    NAME,
    add_check,
    small_course,
)

FEW = [one for one in NONSENSE if one.name in ("None", "text", "zeros like the first") and not one.deep]


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def test_no_nonsense_gets_the_better_of_a_skeleton(course):
    assert ask_nonsense(course, course.find(NAME), NONSENSE) == ()


def test_nonsense_has_many_kinds():
    assert len({one.name for one in NONSENSE}) >= 30
    assert {one.deep for one in NONSENSE} == {True, False}


def test_a_grader_that_dies_is_found_and_the_rest_is_asked(course, monkeypatch):
    monkeypatch.setattr(nonsense, "SECONDS", 10)
    add_check(
        course, NAME, "if submission.standardise(rng.normal(size=3)) == 'text':\n    import os; os._exit(1)"
    )
    slips = ask_nonsense(course, course.find(NAME), FEW)
    assert [(slip.check, slip.nonsense) for slip in slips if slip.told == "it hangs or dies"] == [
        ("", "text")
    ]
    assert {slip.nonsense for slip in slips if slip.check == "added"} >= {"None", "zeros like the first"}


def test_a_grader_that_hangs_is_found(course, monkeypatch):
    monkeypatch.setattr(nonsense, "SECONDS", 1)
    add_check(course, NAME, "import time; time.sleep(100)")
    assert [slip.told for slip in ask_nonsense(course, course.find(NAME), FEW[:1])] == ["it hangs or dies"]


@pytest.mark.parametrize("one", NONSENSE, ids=lambda one: f"{one.name}-{one.deep}")
def test_every_nonsense_answers_like_a_worker(course, one):
    from harness.failures import LearnerFailure
    from harness.proxy import Remote, SubmissionProxy

    proxy = SubmissionProxy(NonsenseSession(course.find(NAME), one))
    try:
        answer = proxy.standardise(np.ones(3))
        answer = answer(np.ones(3)) if one.deep else answer
    except LearnerFailure:
        return
    assert isinstance(
        answer, (Remote, np.ndarray, type(None), int, float, complex, str, bytes, list, tuple, dict)
    )


PROGRAM = [
    pytest.param("serve_app", {"name": "app"}, str, id="app"),
    pytest.param("open_door", {"answer": print}, str, id="door"),
    pytest.param("run_command", {"command": ["x"], "seconds": 1.0}, dict, id="command"),
    pytest.param("request", {"url": "/", "method": "GET"}, dict, id="request"),
    pytest.param("read_file", {"name": "a.json", "cap": 1}, bytes, id="file"),
    pytest.param("execute_notebook", {"data": b"", "seconds": 1.0}, bytes, id="notebook"),
    pytest.param("set_environment", {"variables": {}}, type(None), id="environment"),
]


@pytest.mark.parametrize(("operation", "arguments", "kind"), PROGRAM)
def test_programs_answer_nonsense_too(course, operation, arguments, kind):
    session = NonsenseSession(course.find(NAME), FEW[0])
    assert isinstance(session.ask(operation, 1.0, **arguments), kind)
