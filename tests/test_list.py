"""The map shows stages in order, their exercises, and what scores each."""

import json

import pytest
from click.testing import CliRunner

from harness.atlas import atlas, in_words
from harness.cli import main
from tests.small_course import NAME, add_check, replace, small_course, spec_of


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def run(course, *arguments):
    return CliRunner().invoke(main, ["--course", str(course.root), *arguments])


def test_shows_stages_in_order_with_their_exercises(course):
    output = run(course, "list").output
    assert output.index("1  Basics") < output.index(NAME) < output.index("2  Models")
    assert "2 checks, 1 of them hidden, 4 points" in output
    assert "1 exercise." in output


def test_a_stage_without_exercises_says_what_will_come(course):
    (course.root / "exercises" / "roadmap.toml").write_text(
        '[[stage]]\nid = "later"\ntitle = "Later"\nsummary = ""\ncovers = ["rockets"]\n'
    )
    assert "to come: rockets" in run(course, "list").output


def test_metrics_are_named_with_their_direction(course):
    add_check(course, NAME, "return 1.0", mark="@metric(points=3, better='lower', unit='bits')")
    scored = atlas(course)[0].exercises[0].scored_by
    assert scored.metrics == ("bits (lower is better)",)
    assert in_words(scored) == "3 checks, 1 of them hidden, 7 points; measured: bits (lower is better)"


def test_one_stage_alone_and_near_names(course):
    assert "Models" not in run(course, "list", "basics").output
    result = run(course, "list", "basic")
    assert (result.exit_code, "Did you mean 'basics'?" in result.output) == (2, True)


def test_json_has_the_whole_map(course):
    tree = json.loads(run(course, "list", "--json").output)
    assert [stage["id"] for stage in tree["stages"]] == ["basics", "models"]
    exercise = tree["stages"][0]["exercises"][0]
    assert exercise["id"] == NAME
    assert exercise["scored_by"] == {"points": 4.0, "public": 1, "hidden": 1, "metrics": []}


def test_an_exercise_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    course = small_course(tmp_path / "course", "basics/one", "basics/two")
    replace(spec_of(course, "basics/one"), "minutes = 30", "minuts = 30")
    output = run(course, "list").output
    assert "cannot be read" in output
    assert "basics/two  Two" in output


def test_prerequisites_are_shown(tmp_path):
    course = small_course(tmp_path / "course", "basics/one", "basics/two")
    replace(spec_of(course, "basics/two"), "minutes = 30", 'requires = ["basics/one"]')
    assert "after basics/one" in run(course, "list").output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('[[stage]]\nid = "a"\ntitle = "A"\n', "summary", id="missing-key"),
        pytest.param(
            '[[stage]]\nid="a"\ntitle=""\nsummary=""\n' * 2, "several stages have the id a", id="twice"
        ),
        pytest.param("[[stage", "roadmap.toml", id="not-toml"),
    ],
)
def test_a_roadmap_that_is_wrong_says_so(course, text, told):
    (course.root / "exercises" / "roadmap.toml").write_text(text)
    result = run(course, "list")
    assert (result.exit_code, told in result.output) == (2, True)


def test_show_tells_what_an_exercise_asks(course):
    output = run(course, "show", "standard-scores").output
    assert "Standard scores (basics/standard-scores)" in output
    assert "standardise(values) has mean 0 and standard deviation 1" in output
    assert "(hidden)" in output
    assert "Why it matters" in output


def test_show_speaks_json(course):
    tree = json.loads(run(course, "show", NAME, "--json").output)
    assert tree["id"] == NAME
    assert [check["visibility"] for check in tree["checks"]] == ["public", "hidden"]
    assert tree["task"].startswith("# Standard scores")


def test_show_of_an_unknown_exercise_gets_near_names(course):
    result = run(course, "show", "standard-score")
    assert (result.exit_code, "Did you mean 'standard-scores'?" in result.output) == (2, True)


def test_show_tells_what_a_person_scores(course):
    level = '[[rubric.levels]]\npoints = {}\nwords = "{}"\nexample = "e"\n'
    item = '\n[[rubric]]\nid = "style"\ntitle = "Style"\npoints = 2\n'
    with spec_of(course).open("a") as spec:
        spec.write(item + level.format(2, "Reads well.") + level.format(0, "Does not."))
    output = run(course, "show", "standard-scores").output
    assert "Scored by a person, up to 2 points beside these:" in output
    assert output.index("Style (style)") < output.index("2  Reads well.") < output.index("0  Does not.")
    tree = json.loads(run(course, "show", NAME, "--json").output)
    assert tree["rubric"][0]["levels"][1] == {"points": 0.0, "words": "Does not.", "example": "e"}
