"""From results to problems: each rule, without a sandbox."""

from dataclasses import replace as changed

import pytest

from harness.grade import Options
from harness.gradings import Graded
from harness.lint import read_case
from harness.records import CheckResult, MetricSpec, Outcome, Provenance, Result, Score
from harness.verify import judging
from harness.verify.trials import candidate, candidates
from tests.small_course import (
    NAME,
    replace,
    small_course,
    wrong_of,
)


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


SPEC = MetricSpec(better="lower", unit="x", zero=2, full=1)


def check(outcome="passed", earned=1.0, name="has_mean_zero_and_spread_one", **more):
    return CheckResult(name=name, title="T", outcome=Outcome(outcome), earned=earned, points=1.0, **more)


def result(*checks, seconds=1.0, closest_call=0.1, memory=100.0):
    provenance = Provenance(
        roadmark="1",
        python="3",
        torch="",
        exercise_digest="",
        grader_digest="",
        sandbox="process",
        tier="",
        seed="00",
        seconds=seconds,
        closest_call=closest_call,
        peak_memory_mb=memory,
    )
    earned = sum(one.earned for one in checks)
    score = Score(earned=earned, possible=float(len(checks)), passed=earned == len(checks))
    return Graded(
        result=Result(
            exercise=NAME,
            exercise_title="",
            learner="",
            submission="",
            origin="",
            score=score,
            checks=checks,
            pass_mark=0.7,
            provenance=provenance,
        )
    )


@pytest.fixture
def solution(course):
    case = read_case(course, NAME)
    return candidate(case, "solution", case.reference / "solution", Options(sandbox="process"))


METRIC = [
    pytest.param([0.9, 1, 1], 0, id="one-miss-of-three-is-chance"),
    pytest.param([0.9, 0.9, 1], 1, id="two-of-three-are-not"),
    pytest.param([0.9], 1, id="one-of-one"),
    pytest.param([1.0], 0, id="none"),
]


@pytest.mark.parametrize(("earned", "problems"), METRIC)
def test_a_metric_may_miss_once_in_three(solution, earned, problems):
    runs = [result(check(earned=one, metric=SPEC)) for one in earned]
    assert len(list(judging.judged(solution, runs))) == problems


def test_a_plain_check_may_never_miss(solution):
    runs = [result(check()), result(check("failed", 0)), result(check())]
    assert len(list(judging.judged(solution, runs))) == 1


def test_another_look_is_for_metrics_alone(solution):
    missed, met = check(earned=0.9, metric=SPEC), check()
    assert judging.needs_another_look(solution, result(missed, met))
    assert not judging.needs_another_look(solution, result(missed, check("failed", 0)))
    assert not judging.needs_another_look(solution, result(met))
    wrong = changed(solution, kind="wrong")
    assert not judging.needs_another_look(wrong, result(missed))


def test_flips_are_counted(solution):
    runs = [result(check()), result(check("failed", 0)), result(check())]
    assert [one.reason for one in judging.flips(solution, runs)] == [
        "'has_mean_zero_and_spread_one' flips on solution: passed 2 times, failed 1 times [seed 00]"
    ]
    assert list(judging.flips(solution, runs[::2])) == []


@pytest.mark.parametrize(
    ("used", "name"),
    [
        pytest.param({"closest_call": 0.6}, "call_seconds", id="a-call"),
        pytest.param({"seconds": 31.0}, "total_seconds", id="the-whole"),
        pytest.param({"memory": 300.0}, "memory_mb", id="memory"),
    ],
)
def test_limits_are_twice_what_is_needed(solution, used, name):
    tight = result(check(), **used)
    assert judging.is_tight(solution, tight)
    assert [f"limits.{name}" in one.fix for one in judging.tight(solution, [tight, tight])] == [True]
    assert list(judging.tight(solution, [tight, result(check())])) == []


def test_what_comes_too_late_against_expectation_is_asked_again(course, solution):
    late = check("crashed", 0, reason="timeout")
    assert judging.is_late(solution, result(late))
    assert not judging.is_late(solution, result(check("crashed", 0, reason="exception")))
    case = read_case(course, NAME)
    wrong = candidate(case, "wrong", wrong_of(course), Options(sandbox="process"))
    assert judging.is_late(wrong, result(late)), "it is expected to fail, not to crash"
    replace(wrong_of(course) / "expect.toml", 'one = "failed"', 'one = "crashed"')
    assert not judging.is_late(wrong, result(late))


def test_a_grader_that_falls_over_is_its_authors_fault(solution):
    fallen = check("ungraded", 0, reason="fault", message="TypeError: x")
    told = list(judging.judged(solution, [result(fallen)]))
    assert [one.file for one in told] == [f"graders/{NAME}/public.py"]
    assert "falls over in 'has_mean_zero_and_spread_one' on solution: TypeError: x" in told[0].reason


def test_a_wrong_solution_that_passes_the_exercise(course):
    case = read_case(course, NAME)
    wrong = candidate(case, "wrong", wrong_of(course), Options(sandbox="process"))
    replace(wrong_of(course) / "expect.toml", 'survives_a_large_shift = "failed"', "")
    told = [
        one.reason
        for one in judging.judged(wrong, [result(check("failed", 0), check(name="survives_a_large_shift"))])
    ]
    assert told == []
    passing = result(check("failed", 0))
    passing = Graded(result=changed(passing.result, score=changed(passing.result.score, passed=True)))
    assert ["passes with" in one.reason for one in judging.judged(wrong, [passing])] == [True]


def test_all_seeds_follow_from_one(tmp_path):
    case = read_case(small_course(tmp_path / "course"), NAME)

    def seeds(start):
        found = list(candidates(case, Options(sandbox="process", seed=start), repeat=2))
        looks = [one.again(1) for one in found]
        return [one.trial.options.seed for one in (*found, *looks)]

    assert seeds(b"one") == seeds(b"one")
    assert len(set(seeds(b"one"))) == len(seeds(b"one")), "none is used twice"
    assert not set(seeds(b"one")) & set(seeds(b"two"))
