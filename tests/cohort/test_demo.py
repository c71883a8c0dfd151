"""The made-up cohort: the same seed makes the same, and what is expected of it is what grading finds."""

import csv

import pytest

from harness.cohort.batch import Manner
from harness.cohort.demo import DRESSES, HOSTILE, Mixture, cheap, demo_cohort, expected_of, material
from harness.cohort.rehearsal import compare, rehearse
from harness.errors import SpecError
from harness.expectations import Expectation
from harness.interchange.records import GradeRow
from harness.lint import read_case
from harness.records import Outcome
from tests.cohort.conftest import RIGHT, standing

WRONG = "def add(a, b): return a - b\ndef neg(a): return -a\n"


@pytest.fixture
def proved(tiny):
    """The tiny course with a solution, a wrong solution and a starter."""
    reference = tiny.reference_folder("stage/small")
    for name, text in (("solution", RIGHT), ("wrong/subtracts", WRONG)):
        (reference / name).mkdir(parents=True)
        (reference / name / "small.py").write_text(text)
    expect = 'mistake = "Subtracts."\n[checks]\nadds = "failed"\n'
    (reference / "wrong" / "subtracts" / "expect.toml").write_text(expect)
    starter = tiny.exercise_folder("stage/small") / "starter"
    starter.mkdir()
    (starter / "small.py").write_text("def add(a, b):\n    raise NotImplementedError\n")
    return tiny


def tree(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


def test_the_same_seed_makes_the_same_cohort_and_another_another(proved, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        demo_cohort(proved, 12, seed, tmp_path / name)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(tmp_path / "c")


def test_everybody_has_a_folder_and_a_line(proved, tmp_path):
    made = demo_cohort(proved, 80, 1, tmp_path / "c")
    with (tmp_path / "c" / "expected.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["learner", "exercise", "outcome", "points"]
    assert len({line["learner"] for line in lines}) == 80 == len(made)
    assert all((tmp_path / "c" / line["learner"] / "small").is_dir() for line in lines)
    kinds = {one.kind.partition("/")[0] for _, _, one in made}
    assert kinds >= {"reference", "odd", "wrong", "crashing", "hostile"}


@pytest.mark.parametrize(
    ("checks", "want"),
    [
        pytest.param({"adds": Outcome.FAILED}, ("failed", 1), id="one-fails"),
        pytest.param({"negates": Outcome.CRASHED}, ("passed", 2), id="enough-is-left"),
        pytest.param(dict.fromkeys(("adds", "negates"), Outcome.CRASHED), ("crashed", 0), id="all-crash"),
        pytest.param(
            {"adds": Outcome.CRASHED, "negates": Outcome.SKIPPED}, ("crashed", 0), id="crash-and-skipped"
        ),
        pytest.param({"adds": Outcome.CRASHED, "negates": Outcome.FAILED}, ("failed", 0), id="one-answers"),
    ],
)
def test_what_is_expected_follows_from_the_checks(proved, checks, want):
    assert expected_of(read_case(proved, "stage/small"), Expectation(mistake="m", checks=checks)) == want


def test_exercises_with_metrics_promise_no_points(small_course):
    course = small_course(
        '''
        @metric(points=4, better="lower", unit="error")
        def test_quality(submission):
            """The error is small"""
            return 1.0
        '''
    )
    assert cheap(course) == []
    assert expected_of(
        read_case(course, "stage/small"), Expectation(mistake="m", checks={"quality": Outcome.FAILED})
    ) == ("failed", None)


def test_a_folder_that_holds_something_is_left_alone(proved, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "work.py").write_text("mine")
    with pytest.raises(SpecError, match="not empty"):
        demo_cohort(proved, 3, 1, tmp_path / "full")


def test_a_rehearsal_finds_what_was_expected(proved, tmp_path):
    manner = Manner(sandbox="process", jobs=2)
    told = rehearse(proved, 18, 5, tmp_path, manner=manner, mixture=Mixture(hanging=0))
    assert told.differences == ()
    assert told.tally.graded == 18


def test_who_hangs_is_stopped_at_the_limit(proved, tmp_path):
    spec = proved.exercise_folder("stage/small") / "exercise.toml"
    spec.write_text(spec.read_text().replace("import_seconds = 30.0", "import_seconds = 1.0"))
    nobody = dict.fromkeys(Mixture.__dataclass_fields__, 0.0)
    manner = Manner(sandbox="process", jobs=2)
    told = rehearse(proved, 2, 5, tmp_path, manner=manner, mixture=Mixture(**{**nobody, "hanging": 1.0}))
    assert (told.differences, told.tally.outcomes) == ((), {"crashed": 2})


@pytest.mark.docker
def test_a_rehearsal_in_containers_with_every_oddity_and_attack(proved, tmp_path, no_leftovers):
    mixture = Mixture(right=1, wrong=1, starter=1, hanging=0, odd=2 * len(DRESSES), hostile=2 * len(HOSTILE))
    told = rehearse(proved, 20, 3, tmp_path, manner=Manner(sandbox="docker"), mixture=mixture)
    assert told.differences == ()


def test_the_commands_together(proved, roadmark, command, tmp_path):
    command("demo-cohort", "6", "--seed", "2", "--out", "class", "--honest")
    trust = ("--sandbox", "process", "--trust-submissions")
    done = roadmark("batch", "--all", "class", "--gradebook", "g.db", *trust)
    assert "ignored expected.csv" in done.stderr
    with (tmp_path / "class" / "expected.csv").open() as file:
        expected = {line["learner"]: (line["outcome"], line["points"]) for line in csv.DictReader(file)}
    assert standing(tmp_path / "g.db") == expected
    assert "6 done already" in roadmark("batch", "small", "class", "--gradebook", "g.db", *trust).stderr


@pytest.mark.docker
def test_the_demo_grades_samples_and_a_cohort_and_writes_its_pages(proved, roadmark, tmp_path, no_leftovers):
    earlier = tmp_path / "out" / "cohort" / "cohort"
    earlier.mkdir(parents=True)
    (earlier / "expected.csv").write_text("of an earlier demo")
    told = roadmark("demo", "--out", "out", "--learners", "5").stdout
    assert told.count("✓ stage/small") == 2
    assert "Graded 5: " in told
    assert "; 0 otherwise than expected." in told
    site = tmp_path / "out" / "cohort" / "site"
    assert "Small" in (site / "index.html").read_text()
    assert len(list(site.rglob("*.html"))) > 5


def test_differences_are_found():
    expected = b"learner,exercise,outcome,points\nada,e,passed,3\nbob,e,failed,\neve,e,passed,3\n"
    rows = [
        GradeRow(learner="ada", exercise="e", points=2.0, possible=3.0, outcome="failed"),
        GradeRow(learner="bob", exercise="e", points=2.0, possible=3.0, outcome="passed"),
    ]
    assert [(one.learner, one.found) for one in compare(expected, rows)] == [
        ("ada", ("failed", "2")),
        ("eve", ("", "")),
    ]


def test_material_needs_a_solution(tiny):
    with pytest.raises(SpecError, match="no reference"):
        material(tiny, "small")
