"""Every way in which an exercise can grade wrongly is found, and a good one is proved."""

import json
from dataclasses import replace as changed
from xml.etree import ElementTree as ET

import pytest

from harness.problems import errors
from harness.sandbox.docker import LABEL, OWNER
from harness.sandbox.owners import alive
from harness.verify import Demands, proving, verify
from harness.verify.formats import as_json, junit
from harness.verify.nonsense import NONSENSE
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

DEMANDS = Demands(sandbox="process", jobs=2)
FEW = [one for one in NONSENSE if one.name in ("None", "text", "zeros like the first") and not one.deep]


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


@pytest.fixture(scope="module")
def proved(tmp_path_factory):
    """The report on a skeleton with one alternative, proved with mutants and over two seeds."""
    course = small_course(tmp_path_factory.mktemp("good") / "course")
    other = course.reference_folder(NAME) / "alternative" / "other"
    other.mkdir(parents=True)
    text = solution_of(course).read_text().replace("np.sqrt((centred**2).mean())", "centred.std()")
    (other / "standard_scores.py").write_text(text)
    steps = []
    report = verify(course, [NAME], changed(DEMANDS, mutants=6, repeat=2), steps.append)
    return report, steps


def test_a_good_exercise_is_proved(proved):
    report, _ = proved
    assert errors(report.problems) == ()
    assert report.proved
    exercise = report.exercises[0]
    assert exercise.caught == exercise.checks != ()
    assert {proof.name for proof in exercise.proofs} == {
        "specification and files",
        "solution",
        "alternative/other",
        "wrong/variance-for-spread",
        "starter",
        "nonsense",
        "mutants",
    }
    assert exercise.reference_seconds > 0


def test_its_mutants_are_caught(proved):
    mutation = proved[0].exercises[0].mutation
    assert (mutation.graded, mutation.caught, mutation.survivors) == (6, 6, ())


def test_progress_counts_every_grading(proved):
    _, steps = proved
    gradings_and_nonsense = [step for step in steps if not step.name.startswith("mutant")]
    assert [step.done for step in gradings_and_nonsense] == list(range(1, len(gradings_and_nonsense) + 1))
    assert {step.total for step in gradings_and_nonsense} == {len(gradings_and_nonsense)}
    assert len([step for step in steps if step.name == "solution"]) == 2


@pytest.mark.docker
@pytest.mark.usefixtures("no_leftovers")
@pytest.mark.parametrize("fresh", [False, True])
def test_solutions_are_proved_in_containers_that_are_kept_or_fresh(course, monkeypatch, fresh):
    kept = []
    monkeypatch.setattr(proving, "NONSENSE", FEW)
    monkeypatch.setattr(proving, "gradings", _told(proving.gradings, kept))
    report = verify(course, [NAME], Demands(sandbox="docker", jobs=1, fresh=fresh))
    assert errors(report.problems) == ()
    assert report.fresh is fresh
    assert kept == [not fresh]


def _told(gradings, kept):
    def told(*arguments, keep=False):
        kept.append(keep)
        return gradings(*arguments, keep=keep)

    return told


def wrong_alternative(course, name):
    folder = course.reference_folder(name) / "alternative" / "odd"
    folder.mkdir(parents=True)
    file = next(wrong_of(course, name).glob("*.py"))
    (folder / file.name).write_text(file.read_text())


def wrong_is_right(course, name):
    file = next(wrong_of(course, name).glob("*.py"))
    file.write_text(solution_of(course, name).read_text())


def falls_over(course, name):
    add_check(course, name, "assert abs(float(submission.standardise(rng.normal(size=3))[0])) < 9")


def gives_points_away(course, name):
    add_check(course, name, "submission.standardise(rng.normal(size=3))")


def reference_crashes(course, name):
    replace(
        solution_of(course, name), "    centred = values", "    raise ValueError('boo')\n    centred = values"
    )


def grader_raises(course, name):
    public_of(course, name).write_text("raise RuntimeError('mine')\n" + public_of(course, name).read_text())


def starter_passes(course, name):
    file = solution_of(course, name)
    text = file.read_text()
    body = text[text.index("    ### BEGIN") : text.index("    ### END")]
    kept = body.split("\n", 1)[1]
    file.write_text(text.replace(body, body.split("\n", 1)[0] + "\n    pass\n") + kept)
    replace(file, "    ### BEGIN", kept.rstrip() + "\n\n\ndef unused():\n    ### BEGIN")
    file.write_text(file.read_text().rpartition("    ### END SOLUTION")[0] + "    ### END SOLUTION\n")


def starter_is_not_imported(course, name):
    file = solution_of(course, name)
    file.write_text(
        file.read_text().replace(
            "def standardise", "### BEGIN SOLUTION\nSIZE = 1\n### END SOLUTION\n\n\ndef standardise"
        )
        + "\n\nSIZES = [SIZE]\n"
    )


def is_slow(course, name):
    replace(spec_of(course, name), "call_seconds = 5.0", "call_seconds = 1.0")
    replace(
        solution_of(course, name),
        "    centred = values",
        "    import time; time.sleep(0.6)\n    centred = values",
    )


FAULTS = {
    "alternative": (wrong_alternative, "alternative/odd earns 0 of 2 in 'has_mean_zero_and_spread_one'"),
    "wrong-passes": (wrong_is_right, "'has_mean_zero_and_spread_one' passed, expected failed"),
    "falls-over": (falls_over, "nonsense makes the grader fall over in 'added'"),
    "gives-away": (gives_points_away, "nonsense earns points in 'added': "),
    "reference-crashes": (reference_crashes, "(crashed): ValueError: boo"),
    "grader-raises": (grader_raises, "the grader cannot be read"),
    "starter-passes": (starter_passes, "the starter passes with 4 of 4 points"),
    "starter-import": (starter_is_not_imported, "the starter: starter_import.py could not be imported"),
    "slow": (is_slow, "solution uses"),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The report on a course with one exercise for each fault."""
    from harness.starter import write_starters

    names = {fault: f"basics/{fault}" for fault in FAULTS}
    course = small_course(tmp_path_factory.mktemp("broken") / "course", *names.values())
    for fault, (harm, _) in FAULTS.items():
        harm(course, names[fault])
        write_starters(course, course.find(names[fault]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proving, "NONSENSE", FEW)
        return verify(course, names.values(), DEMANDS)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_and_placed(broken, fault):
    exercise = next(one for one in broken.exercises if one.id == f"basics/{fault}")
    told = FAULTS[fault][1]
    found = [problem for problem in errors(exercise.problems) if told in problem.reason]
    assert found, [problem.reason for problem in exercise.problems]
    assert not exercise.proved
    assert all(problem.file for problem in found)


def test_a_reference_that_crashes_passes_nothing(broken):
    exercise = next(one for one in broken.exercises if one.id == "basics/reference-crashes")
    assert sum("solution earns 0 of 2" in problem.reason for problem in exercise.problems) == 2
    assert any("--seed" in problem.fix for problem in exercise.problems)


def test_a_hidden_check_tells_its_author_why(broken):
    exercise = next(one for one in broken.exercises if one.id == "basics/alternative")
    reason = next(one.reason for one in exercise.problems if "survives_a_large_shift" in one.reason)
    assert "of the values differ" in reason


def test_one_broken_exercise_does_not_spoil_another(broken):
    exercise = next(one for one in broken.exercises if one.id == "basics/slow")
    assert [problem.reason.split("%")[1] for problem in errors(exercise.problems)] == [" of call_seconds"]


def test_what_cannot_be_run_is_read_all_the_same(course):
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    report = verify(course, [NAME], DEMANDS)
    assert [proof.name for proof in report.exercises[0].proofs] == ["specification and files"]
    assert not report.proved


def test_survivors_are_shown_and_too_many_are_a_fault(tmp_path, monkeypatch):
    course = small_course(tmp_path / "course")
    monkeypatch.setattr(proving, "NONSENSE", FEW)
    for file in (public_of(course), course.grader_folder(NAME) / "hidden.py"):
        text = file.read_text()
        start = text.index("    values = rng")
        file.write_text(
            text[:start] + "    assert submission.standardise(rng.normal(size=9)).shape == (9,)\n"
        )
    report = verify(course, [NAME], changed(DEMANDS, mutants=4))
    exercise = report.exercises[0]
    assert exercise.mutation.survivors
    assert any(
        "mutants are caught, which is less than 90%" in problem.reason for problem in exercise.problems
    )
    one = exercise.mutation.survivors[0]
    assert one.before != one.after
    assert one.file == f"reference/{NAME}/solution/standard_scores.py"


def test_an_excused_mutant_is_not_graded(course, monkeypatch):
    monkeypatch.setattr(proving, "NONSENSE", FEW)
    (course.reference_folder(NAME) / "mutants.toml").write_text(
        '[[free]]\nplace = "standardise"\nreason = "for once"\n[[free]]\nplace = "gone"\nreason = "gone"\n'
    )
    exercise = verify(course, [NAME], changed(DEMANDS, mutants=3)).exercises[0]
    assert (exercise.mutation.graded, exercise.mutation.excused) == (0, 3)
    assert [problem.reason for problem in errors(exercise.problems)] == ["'gone' fits no mutant any more"]


def test_json_holds_problems_and_proofs(broken):
    tree = json.loads(as_json(broken))
    assert tree["schema_version"] == 1
    assert tree["proved"] is False
    assert len(tree["exercises"]) == len(FAULTS)
    assert {"exercise", "reason", "file", "line", "fix", "level"} <= tree["problems"][0].keys()


def test_junit_has_a_case_for_each_proof(broken):
    root = ET.fromstring(junit(broken))
    suites = {suite.get("name"): suite for suite in root}
    assert len(suites) == len(FAULTS)
    suite = suites["basics/reference-crashes"]
    assert int(suite.get("failures")) == sum(case.find("failure") is not None for case in suite) > 0
    assert {case.get("name") for case in suite} >= {"solution", "starter", "nonsense"}
    assert "boo" in suite.find("testcase[@name='solution']/failure").text


@pytest.mark.docker
def test_a_skeleton_is_proved_in_real_containers(course, engine, image, monkeypatch):
    monkeypatch.setattr(proving, "NONSENSE", FEW)
    report = verify(course, [NAME], Demands(sandbox="docker", mutants=3))
    assert errors(report.problems) == ()
    assert report.exercises[0].mutation.caught == 3
    left = engine.api.containers(all=True, filters={"label": [LABEL]})
    assert [one["Names"] for one in left if not alive(one["Labels"][OWNER])] == []
