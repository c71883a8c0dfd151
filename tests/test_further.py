"""A score whose interval spans the pass mark is settled by further seeds; any other costs one run."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.further import averaged, further_seed, settled, undecided
from harness.records import CheckResult, Measurement, MetricSpec, Outcome, Provenance, Result
from harness.scoring import share, total

SPEC = MetricSpec(better="lower", unit="bits", zero=10.0, full=0.0)
PROVENANCE = Provenance(
    roadmark="", python="", torch="", exercise_digest="", grader_digest="", sandbox="process", tier=""
)
PLAIN = CheckResult(name="plain", title="Plain", outcome=Outcome.PASSED, earned=2.0, points=2.0)


def run_of(value, spread=1.0, spec=SPEC, plain=PLAIN):
    """Return a result of 2 plain points and 10 measured ones, with a pass mark of 7 points."""
    measured = Measurement(value=value, low=value - spread, high=value + spread, interval="t", n=5)
    part = share(value, spec)
    metric = CheckResult(
        name="measured",
        title="Measured",
        outcome=Outcome.PASSED if part >= spec.pass_share else Outcome.FAILED,
        earned=10 * part,
        points=10.0,
        metric=spec,
        measured=measured,
    )
    checks = (plain, metric)
    return Result(
        exercise="stage/small",
        exercise_title="Small",
        learner="",
        submission="",
        origin="",
        score=total(checks, 7 / 12),
        checks=checks,
        pass_mark=7 / 12,
        provenance=PROVENANCE,
    )


class Runs:
    """Hands out results in order and remembers which seeds asked."""

    def __init__(self, *values, **options):
        self.values, self.options, self.seeds = list(values), options, []

    def __call__(self, seed):
        self.seeds.append(seed)
        return run_of(self.values[len(self.seeds) - 1], **self.options)


@pytest.mark.parametrize("value", [1.0, 9.0])
def test_a_clear_score_costs_one_run(value):
    runs = Runs(value)
    result = settled(runs, b"seed", 5)
    assert runs.seeds == [b"seed"]
    assert result == run_of(value)


def test_three_runs_settle_what_one_leaves_open():
    runs = Runs(4.9, 4.8, 4.85)
    result = settled(runs, b"seed", 5)
    assert undecided(run_of(4.9))
    assert len(set(runs.seeds)) == 3
    measured = result.checks[1].measured
    assert measured.value == pytest.approx(4.85)
    assert measured.values == (4.9, 4.8, 4.85)
    assert measured.interval == "t, 3 seeds"
    assert result.checks[1].earned == pytest.approx(10 * (1 - measured.value / 10), abs=1e-3)
    assert result.score.passed
    assert "4.9, 4.8, 4.85" in result.checks[1].message


def test_agreeing_runs_stop_at_three():
    runs = Runs(5.5, 5.6, 5.5, 5.6, 5.5)
    result = settled(runs, b"seed", 5)
    assert len(runs.seeds) == 3
    assert not result.score.passed
    assert "3 seeds" in result.notices[0]


def test_what_five_runs_leave_open_is_decided_for_the_learner():
    runs = Runs(5.5, 4.0, 6.0, 5.0, 5.8)
    result = settled(runs, b"seed", 5)
    assert len(runs.seeds) == 5
    assert result.score.earned < 7
    assert result.score.passed
    assert "in your favour" in result.notices[-1]


def test_one_run_stays_one_where_no_more_are_allowed():
    runs = Runs(5.5)
    assert not settled(runs, b"seed", 1).score.passed
    assert len(runs.seeds) == 1


def test_a_log_scale_takes_the_geometric_mean():
    spec = MetricSpec(better="lower", unit="FID", zero=8.0, full=1.0, scale="log")
    result = averaged([run_of(value, spec=spec) for value in (1.0, 4.0)])
    assert result.checks[1].measured.value == pytest.approx(2.0)


def test_a_run_that_measured_nothing_does_not_count():
    nothing = run_of(5.0)
    nothing = replace(nothing, checks=(PLAIN, replace(nothing.checks[1], measured=None, earned=0.0)))
    result = averaged([run_of(5.0), nothing, run_of(4.0)])
    assert result.checks[1].measured.values == (5.0, 4.0)


def test_plain_checks_and_ungraded_ones_stay_those_of_the_first_run():
    failed = replace(PLAIN, outcome=Outcome.UNGRADED, earned=0.0)
    result = averaged([run_of(1.0, plain=failed), run_of(1.0), run_of(1.0)])
    assert result.checks[0] == failed
    assert not result.score.passed


def test_something_ungraded_is_never_settled_by_more_seeds():
    runs = Runs(5.5, plain=replace(PLAIN, outcome=Outcome.UNGRADED, earned=0.0))
    assert not settled(runs, b"seed", 5).score.passed
    assert len(runs.seeds) == 1


def test_further_seeds_follow_from_the_first():
    assert further_seed(b"a", 1) == further_seed(b"a", 1) != further_seed(b"a", 2)
    assert further_seed(b"a", 1) != further_seed(b"b", 1)


@given(st.lists(st.floats(0, 12), min_size=5, max_size=5), st.floats(0, 8))
def test_whatever_is_measured_the_points_stay_within_the_manifest(values, spread):
    result = settled(Runs(*values, spread=spread), b"seed", 5)
    assert 0 <= result.score.earned <= result.score.possible == 12


GRADER = '''
    from harness.metrics.intervals import measurement, t_interval

    @metric(points=4, better="lower", unit="mean")
    def test_small(submission, rng):
        """draw(seed) gives small numbers"""
        values = [float(submission.draw(rng.seed())) for _ in range(8)]
        return measurement(float(np.mean(values)), t_interval(values), len(values))
'''
SUBMISSION = "import random\ndef draw(seed):\n    return random.Random(seed).uniform(2.3, 5.8)\n"


def test_further_seeds_reach_the_learners_code(small_course, graded):
    course = small_course(GRADER)
    marks = {"metrics": {"small": {"zero": 10.0, "full": 0.0}}}
    (course.grader_folder("stage/small") / "calibration.json").write_text(json.dumps(marks))
    once = graded(course, SUBMISSION, seed=b"s" * 16, marks={"small": marks["metrics"]["small"]})
    often = graded(course, SUBMISSION, seed=b"s" * 16, seeds=5, marks={"small": marks["metrics"]["small"]})
    assert once.checks[0].measured.values == ()
    assert len(often.checks[0].measured.values) in (3, 5)
    assert often.checks[0].measured.values[0] == once.checks[0].measured.value
