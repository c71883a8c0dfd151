"""A new exercise works from its first minute."""

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.lint import lint
from harness.new import new_exercise
from harness.problems import errors
from harness.starter import stale_starters
from tests.small_course import small_course


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course", "basics/sums")


def run(course, *arguments):
    return CliRunner().invoke(main, ["--course", str(course.root), "new", *arguments])


def test_writes_every_file_that_an_exercise_has(course):
    result = run(course, "models/tiny-net", "--title", "A tiny net")
    assert result.exit_code == 0, result.output
    written = {
        file.relative_to(course.root).as_posix() for file in course.root.rglob("*") if "tiny-net" in str(file)
    }
    assert written >= {
        "exercises/models/tiny-net/exercise.toml",
        "exercises/models/tiny-net/README.md",
        "exercises/models/tiny-net/starter/tiny_net.py",
        "graders/models/tiny-net/public.py",
        "graders/models/tiny-net/hidden.py",
        "reference/models/tiny-net/solution/tiny_net.py",
        "reference/models/tiny-net/wrong/variance-for-spread/expect.toml",
        "reference/models/tiny-net/wrong/variance-for-spread/tiny_net.py",
    }
    exercise = course.find("tiny-net")
    assert exercise.title == "A tiny net"
    assert stale_starters(course, exercise) == []
    assert errors(lint(course)) == ()
    assert "Next: roadmark verify models/tiny-net" in result.output


def test_the_starter_is_left_to_be_written(course):
    new_exercise(course, "models/x")
    starter = (course.exercise_folder("models/x") / "starter" / "x.py").read_text()
    assert "raise NotImplementedError" in starter
    assert "values.mean()" not in starter


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("sums", "no name for an exercise", id="no-stage"),
        pytest.param("basics/Sums", "no name for an exercise", id="capital"),
        pytest.param("basics/a b", "no name for an exercise", id="space"),
        pytest.param("basics/../x", "no name for an exercise", id="climbs"),
        pytest.param("basics/a/b", "no name for an exercise", id="three-parts"),
        pytest.param("basic/x", "Did you mean 'basics'?", id="unknown-stage"),
        pytest.param("basics/sums", "is there already", id="taken"),
    ],
)
def test_names_that_will_not_do(course, name, told):
    before = sorted(course.root.rglob("*"))
    result = run(course, name)
    assert result.exit_code == 2
    assert told in result.output
    assert sorted(course.root.rglob("*")) == before
