"""Everything that can be wrong with an exercise is told at once, with its place and its fix."""

import json
import time

import pytest
from click.testing import CliRunner

from harness import anchors
from harness.anchors import Calibration, measured_digest, write_calibration
from harness.catalog import HOME, Course
from harness.cli import main
from harness.lint import lint
from harness.marks import Runs, anchored
from harness.problems import errors, github_lines
from tests.small_course import (
    NAME,
    add_check,
    public_of,
    replace,
    small_course,
    solution_of,
    spec_of,
    wrong_of,
)


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def reasons(course):
    return [problem.reason for problem in errors(lint(course))]


def test_a_skeleton_has_no_fault_but_work_to_do(course):
    problems = lint(course)
    assert errors(problems) == ()
    told = " ".join(problem.reason for problem in problems)
    assert all(
        part in told for part in ("TODO", "alternative", "wrong solutions", "2 of at least 8 checks", "lines")
    )


SPEC = [
    pytest.param("minutes = 30", "minuts = 30", "Did you mean 'minutes'?", id="unknown-key"),
    pytest.param(
        "minutes = 30", 'minutes = "half"', "minutes: input should be a valid integer", id="wrong-type"
    ),
    pytest.param("pass_mark = 0.7", "pass_mark = 70", "pass_mark: 70 is not a share", id="pass-mark"),
    pytest.param('entry = "standard_scores.py"', 'entry = "../b.py"', "entry:", id="entry"),
    pytest.param("memory_mb = 512", "memory_mb = 0", "limits.memory_mb: must be above 0", id="no-memory"),
    pytest.param(
        "memory_mb = 512", "memory = 512", "limits.memory: unknown key. Did you mean 'memory_mb'?", id="limit"
    ),
    pytest.param("minutes = 30", 'id = "x"', "id: leave it out", id="id"),
    pytest.param(
        "minutes = 30", 'requires = ["basics/sums"]', "no exercise 'basics/sums'", id="unknown-requirement"
    ),
    pytest.param("minutes = 30", f'requires = ["{NAME}"]', "a circle", id="requires-itself"),
    pytest.param("[limits]", "[limits", "exercise.toml: ", id="not-toml"),
]


@pytest.mark.parametrize(("old", "new", "told"), SPEC)
def test_faults_of_the_specification(course, old, new, told):
    replace(spec_of(course), old, new)
    assert any(told in reason for reason in reasons(course)), reasons(course)


def test_all_faults_of_a_specification_come_at_once(course):
    replace(spec_of(course), "pass_mark = 0.7", "pass_mark = 7")
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    replace(spec_of(course), "memory_mb = 512", "memory_mb = -1")
    told = " ".join(reasons(course))
    assert all(part in told for part in ("pass_mark", "minuts", "memory_mb"))


def test_a_fault_points_to_its_line(course):
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    problem = errors(lint(course))[0]
    line = spec_of(course).read_text().split("\n").index("minuts = 30") + 1
    assert problem.place == f"exercises/{NAME}/exercise.toml:{line}"


FILES = [
    pytest.param(
        lambda c: (c.exercise_folder(NAME) / "README.md").unlink(), "there is no README", id="no-readme"
    ),
    pytest.param(
        lambda c: replace(c.exercise_folder(NAME) / "README.md", "## Rules", "## Laws"),
        "'## Rules'",
        id="heading",
    ),
    pytest.param(
        lambda c: replace(c.exercise_folder(NAME) / "README.md", "4 points in all", "5 points in all"),
        "the points do not add up: 5 are told, the checks have 4",
        id="points",
    ),
    pytest.param(lambda c: solution_of(c).unlink(), "the entry file is missing", id="no-solution"),
    pytest.param(
        lambda c: (c.exercise_folder(NAME) / "starter" / "standard_scores.py").unlink(),
        "no starter",
        id="no-starter",
    ),
    pytest.param(
        lambda c: solution_of(c).write_text(solution_of(c).read_text().replace("### END SOLUTION", "###")),
        "END SOLUTION",
        id="markers",
    ),
    pytest.param(
        lambda c: replace(solution_of(c), "n >= 2, not all equal.", "n >= 3."),
        "not what the reference",
        id="stale",
    ),
    pytest.param(lambda c: replace(solution_of(c), "### END SOLUTION", "#"), "has no ### END", id="marker"),
    pytest.param(lambda c: (wrong_of(c) / "expect.toml").unlink(), "it does not exist", id="no-promise"),
    pytest.param(
        lambda c: replace(wrong_of(c) / "expect.toml", "survives_a_large_shift", "survives_nothing"),
        "names 'survives_nothing', which is no check",
        id="unknown-check",
    ),
    pytest.param(
        lambda c: replace(wrong_of(c) / "expect.toml", 'survives_a_large_shift = "failed"', ""),
        "no wrong solution is promised to fail 'survives_a_large_shift'",
        id="uncaught",
    ),
    pytest.param(
        lambda c: replace(wrong_of(c) / "expect.toml", 'shift = "failed"', 'shift = "skipped"'),
        "no wrong solution is promised to fail",
        id="skipped-is-not-caught",
    ),
    pytest.param(
        lambda c: replace(wrong_of(c) / "expect.toml", 'shift = "failed"', 'shift = "wrong"'),
        "'wrong' is none of failed, crashed, skipped",
        id="odd-outcome",
    ),
    pytest.param(
        lambda c: replace(wrong_of(c) / "expect.toml", "mistake", "misstake"), "mistake:", id="no-mistake"
    ),
    pytest.param(
        lambda c: replace(public_of(c), "@check(points=2, ", "@check("), "earns no points", id="no-points"
    ),
    pytest.param(
        lambda c: (c.root / "exercises" / "roadmap.toml").write_text(
            '[[stage]]\nid="z"\ntitle=""\nsummary=""\n'
        ),
        "no stage has the id 'basics'",
        id="no-stage",
    ),
]


@pytest.mark.parametrize(("harm", "told"), FILES)
def test_faults_of_files(course, harm, told):
    harm(course)
    assert any(told in reason for reason in reasons(course)), reasons(course)


def test_requirements_may_not_go_in_a_circle(tmp_path):
    course = small_course(tmp_path / "course", "basics/first", "basics/second")
    for name, need in (("basics/first", "basics/second"), ("basics/second", "basics/first")):
        replace(spec_of(course, name), "minutes = 30", f'requires = ["{need}"]')
    assert [reason for reason in reasons(course) if "circle" in reason]
    assert len({problem.exercise for problem in errors(lint(course))}) == 2


# ---- calibrations ----------------------------------------------------------------------------

METRIC = "@metric(points=1, better='lower', unit='x', hint='think')"


@pytest.fixture
def measured(course):
    """A course whose exercise has a calibrated metric."""
    add_check(course, NAME, "return 1.0", mark=METRIC)
    replace(public_of(course), "import assert_close, check", "import assert_close, check, metric")
    baseline = course.reference_folder(NAME) / "baseline" / "zeros"
    baseline.mkdir(parents=True)
    (baseline / "standard_scores.py").write_text(solution_of(course).read_text())
    replace(wrong_of(course) / "expect.toml", "[checks]", "[checks]\nadded = 'failed'\n")
    replace(course.exercise_folder(NAME) / "README.md", "4 points in all", "5 points in all")
    write_calibration(course, NAME, calibration(digest=measured_digest(course, NAME)))
    return course


def calibration(spread=0.01, **changes):
    reference = tuple(1 + spread * step for step in range(8))
    anchor = anchored(Runs(reference=reference, baseline={"zeros": (2.0, 2.1)}), "lower", "linear", 0.995)
    return Calibration(**{"metrics": {"added": anchor}, **changes})


def test_a_fresh_calibration_is_no_fault(measured):
    assert reasons(measured) == []


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda c: replace(solution_of(c), "values.mean()", "values.mean() + 0"), id="reference"),
        pytest.param(lambda c: replace(public_of(c), "size=50", "size=60"), id="grader"),
        pytest.param(lambda c: (c.grader_folder(NAME) / "data.txt").write_text("1"), id="data"),
        pytest.param(
            lambda c: (c.reference_folder(NAME) / "baseline" / "zeros" / "standard_scores.py").write_text(
                "x = 1\n"
            ),
            id="baseline",
        ),
    ],
)
def test_a_calibration_of_other_code_is_stale(measured, harm):
    harm(measured)
    assert any("calibration is stale" in reason for reason in reasons(measured))


def test_comments_do_not_make_a_calibration_stale(measured):
    file = public_of(measured)
    file.write_text("# a word\n\n" + file.read_text().replace("size=50)  # (n,)", "size=50)  # (50,)"))
    assert reasons(measured) == []


def test_other_code_that_measures_makes_a_calibration_stale(measured, monkeypatch, tmp_path):
    replace(
        public_of(measured),
        "from harness.grading",
        "from harness.metrics import density\nfrom harness.grading",
    )
    ours = tmp_path / "harness"
    for name, text in (
        ("metrics/density", "def f():\n    import harness.metrics.checking, harness.records"),
        ("metrics/checking", "limit = 1"),
        ("metrics/frechet", "unused = 1"),
        ("records", "unused = 1"),
    ):
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        (ours / f"{name}.py").write_text(text)
    monkeypatch.setattr(anchors, "HARNESS", ours)
    before = measured_digest(measured, NAME)
    for name in ("metrics/frechet", "records"):
        (ours / f"{name}.py").write_text("unused = 2")
    assert measured_digest(measured, NAME) == before
    (ours / "metrics" / "checking.py").write_text("limit = 2")
    assert measured_digest(measured, NAME) != before


def test_an_encoder_counts_with_its_weights(measured, monkeypatch, tmp_path):
    replace(
        public_of(measured),
        "from harness.grading",
        "from harness.sources.encoder import x\nfrom harness.grading",
    )
    weights = tmp_path / "sources" / "weights" / "w.safetensors"
    weights.parent.mkdir(parents=True)
    (tmp_path / "sources" / "encoder.py").write_text("x = 1")
    weights.write_bytes(b"1")
    monkeypatch.setattr(anchors, "HARNESS", tmp_path)
    before = measured_digest(measured, NAME)
    weights.write_bytes(b"2")
    assert measured_digest(measured, NAME) != before


@pytest.mark.parametrize("mark", ["zero", "full"])
def test_marks_changed_by_hand_are_seen(measured, mark):
    file = measured.grader_folder(NAME) / "calibration.json"
    tree = json.loads(file.read_text())
    tree["metrics"]["added"][mark] += 0.05
    file.write_text(json.dumps(tree))
    [reason] = reasons(measured)
    assert f"{mark} was changed by hand" in reason


def test_marks_that_pay_for_luck_are_seen(measured):
    write_calibration(measured, NAME, calibration(0.08, digest=measured_digest(measured, NAME)))
    [reason] = reasons(measured)
    assert "does not discriminate" in reason


def test_a_metric_without_a_calibration(measured):
    (measured.grader_folder(NAME) / "calibration.json").unlink()
    assert any("never calibrated" in reason for reason in reasons(measured))


def test_a_metric_without_a_baseline(measured):
    for file in (measured.reference_folder(NAME) / "baseline").glob("*/*"):
        file.unlink()
        file.parent.rmdir()
    assert any("needs a baseline" in reason for reason in reasons(measured))


def test_a_calibration_that_is_malformed_lists_its_faults(measured):
    file = measured.grader_folder(NAME) / "calibration.json"
    tree = json.loads(file.read_text())
    del tree["metrics"]["added"]["zero"]
    tree["metrics"]["added"]["oops"] = 1
    file.write_text(json.dumps(tree))
    told = " ".join(reasons(measured))
    assert "metrics.added.zero" in told
    assert "metrics.added.oops" in told


# ---- the command -----------------------------------------------------------------------------


def run(course, *arguments):
    return CliRunner().invoke(main, ["--course", str(course.root), "lint", *arguments])


def test_the_command_passes_a_skeleton(course):
    result = run(course)
    assert result.exit_code == 0
    assert "Problems: 0, left to do: " in result.output
    assert run(course, "--strict").exit_code == 2


def test_the_command_lists_faults_and_exits_with_2(course):
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    result = run(course)
    assert result.exit_code == 2
    assert "Did you mean 'minutes'?" in result.output


def test_the_command_speaks_json(course):
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    tree = json.loads(run(course, "--json").output)
    assert tree["problems"][0]["exercise"] == NAME
    assert tree["problems"][0]["level"] == "error"


def test_annotations_escape_what_would_end_them(course):
    replace(spec_of(course), "minutes = 30", '"a%\\n::error::b" = 30')
    lines = list(github_lines(lint(course), "some,where"))
    assert all(
        line.startswith(("::error file=some%2Cwhere/", "::notice file=some%2Cwhere/")) for line in lines
    )
    assert not any("\n" in line for line in lines)
    assert any("a%25%0A::error::b" in line for line in lines)


def test_unknown_exercises_get_near_names(course):
    result = run(course, "standard-score")
    assert result.exit_code == 2
    assert "Did you mean 'standard-scores'?" in result.output


def test_the_whole_course_is_read_in_two_seconds():
    began = time.process_time()
    lint(Course(HOME))
    assert time.process_time() - began < 2
