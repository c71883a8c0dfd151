"""Marks follow from runs, a metric that tells nothing is refused, and honest runs do not miss."""

import json
import math

import pytest
from click.testing import CliRunner

from harness.anchors import read_calibration, write_calibration
from harness.calibrate import Plan, calibrate
from harness.cli import main
from harness.errors import GraderError, SpecError
from harness.lint import lint
from harness.problems import errors
from tests.small_course import NAME, add_check, public_of, replace, small_course, solution_of, wrong_of

PLAN = Plan(sandbox="process", seeds=5, baseline_seeds=2, reruns=1, jobs=2)
RATING = """

import random


def rating(seed: int) -> float:
    \"\"\"Return a number near {middle}.\"\"\"
    return {middle} + {spread} * random.Random(seed).uniform(-1, 1)
"""


@pytest.fixture
def course(tmp_path):
    """A course whose exercise measures a number: about 1 in the reference, about 9 in the baseline."""
    course = small_course(tmp_path / "course")
    replace(public_of(course), "import assert_close, check, expect_array", "import *")
    body = "return expect_number(submission.rating(rng.seed()))"
    add_check(
        course, NAME, body, mark="@metric(points=2, better='lower', unit='marks', scale='log', hint='try')"
    )
    file = solution_of(course)
    file.write_text(file.read_text() + RATING.format(middle=1.0, spread=0.1))
    for kind, middle in (("alternative/other", 1.0), ("baseline/careless", 9.0)):
        folder = course.reference_folder(NAME) / kind
        folder.mkdir(parents=True)
        (folder / file.name).write_text(RATING.format(middle=middle, spread=0.1))
    next(wrong_of(course).glob("*.py")).write_text(RATING.format(middle=9.0, spread=0.1))
    replace(wrong_of(course) / "expect.toml", 'one = "failed"', 'one = "crashed"\nadded = "failed"')
    replace(wrong_of(course) / "expect.toml", 'shift = "failed"', 'shift = "crashed"')
    return course


def test_marks_follow_from_the_runs(course):
    done = calibrate(course, NAME, PLAN)
    assert done.refusals == ()
    told = done.calibration.metrics["added"]
    assert (len(told.reference), len(told.reruns), len(told.baseline["careless"])) == (5, 2, 2)
    assert 0.9 < min(told.reference) < max(told.reference) < told.full < 2
    assert told.zero == pytest.approx(math.prod(told.baseline["careless"]) ** 0.5)
    assert told.discrimination > 10
    assert told.false_fail < 0.01
    assert done.calibration.environment["sandbox"] == "process"
    every = {*told.reference, *told.reruns, *told.baseline["careless"]}
    assert len(every) == 9, "each run has a seed of its own"


def test_what_was_measured_is_stored_and_current(course):
    done = calibrate(course, NAME, PLAN)
    write_calibration(course, NAME, done.calibration)
    assert read_calibration(course, NAME) == done.calibration
    assert [one.reason for one in errors(lint(course)) if "calibrat" in one.reason] == []


def test_an_edit_while_it_is_measured_leaves_it_stale(course):
    file = public_of(course)
    done = calibrate(course, NAME, PLAN, lambda *_: file.write_text(file.read_text() + "\nlater = 1\n"))
    write_calibration(course, NAME, done.calibration)
    assert any("calibration is stale" in one.reason for one in lint(course))


def test_progress_tells_each_run(course):
    told = []
    calibrate(course, NAME, PLAN, lambda *step: told.append(step))
    assert [step[:2] for step in told] == [(number, 9) for number in range(1, 10)]
    assert {step[2] for step in told} == {"solution", "alternative/other", "baseline/careless"}
    assert all("added" in step[3] for step in told)


def test_a_metric_that_does_not_tell_the_baseline_is_refused(course):
    file = course.reference_folder(NAME) / "baseline" / "careless" / "standard_scores.py"
    file.write_text(RATING.format(middle=0.9, spread=0.1))
    refusals = calibrate(course, NAME, PLAN).refusals
    assert any("does not discriminate" in one or "would not be better" in one for one in refusals), refusals


def test_an_alternative_that_would_miss_full_marks_moves_them(course):
    file = course.reference_folder(NAME) / "alternative" / "other" / "standard_scores.py"
    file.write_text(RATING.format(middle=2.5, spread=0.1))
    done = calibrate(course, NAME, PLAN)
    assert done.refusals == ()
    assert any("honest runs differ more" in one for one in done.warnings)
    assert done.calibration.metrics["added"].full > 2.5


FAULTS = [
    pytest.param(
        lambda c: replace(
            public_of(c), "@metric(points=2, better='lower', unit='marks', scale='log', ", "@check(points=1, "
        ),
        SpecError,
        "no @metric",
        id="no-metric",
    ),
    pytest.param(
        lambda c: (c.reference_folder(NAME) / "baseline").rename(c.root / "gone"),
        SpecError,
        "baseline",
        id="no-baseline",
    ),
    pytest.param(
        lambda c: replace(solution_of(c), "def rating", "def ratting"),
        SpecError,
        "solution does not reach",
        id="missing",
    ),
    pytest.param(
        lambda c: replace(
            public_of(c),
            "    return expect_number",
            "    raise RuntimeError('mine')\n    return expect_number",
        ),
        GraderError,
        "RuntimeError: mine",
        id="grader-falls-over",
    ),
    pytest.param(
        lambda c: replace(
            public_of(c), "from harness.grading import *", "from harness.grading import nothing"
        ),
        GraderError,
        "nothing",
        id="grader-cannot-be-read",
    ),
    pytest.param(
        lambda c: replace(public_of(c), "better='lower'", "better='down'"),
        SpecError,
        "has no better",
        id="no-direction",
    ),
]


@pytest.mark.parametrize(("harm", "kind", "told"), FAULTS)
def test_what_cannot_be_calibrated_says_why(course, harm, kind, told):
    harm(course)
    with pytest.raises(kind, match=told):
        calibrate(course, NAME, PLAN)


# ---- the command -----------------------------------------------------------------------------


def run(course, *arguments):
    few = ["--sandbox", "process", "--seeds", "4", "--baseline-seeds", "1", "--reruns", "1"]
    return CliRunner().invoke(
        main, ["--course", str(course.root), "calibrate", "standard-scores", *few, *arguments]
    )


def test_the_command_tells_and_stores(course):
    result = run(course)
    assert result.exit_code == 0, result.output
    assert "added (lower is better, log scale)" in result.output
    assert "0 of 2 re-runs miss full marks" in result.output
    assert "4 seeds of the reference are few" in result.output
    tree = json.loads((course.grader_folder(NAME) / "calibration.json").read_text())
    assert tree["version"] == 1
    assert tree["metrics"]["added"]["confidence"] == 0.995


def test_a_dry_run_writes_nothing(course):
    assert run(course, "--dry-run").exit_code == 0
    assert not (course.grader_folder(NAME) / "calibration.json").exists()


def test_a_refused_metric_is_not_stored(course):
    file = course.reference_folder(NAME) / "baseline" / "careless" / "standard_scores.py"
    file.write_text(RATING.format(middle=0.9, spread=0.1))
    result = run(course)
    assert result.exit_code == 1
    assert "Refused: added:" in result.output
    assert not (course.grader_folder(NAME) / "calibration.json").exists()
