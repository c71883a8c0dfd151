"""What a change touches is what has to be proved again."""

import subprocess

import pytest

from harness.catalog import Course
from harness.errors import SpecError
from harness.verify.changed import changed_since
from tests.small_course import (
    public_of,
    small_course,
)


@pytest.fixture
def repository(tmp_path):
    """A course in git, with one commit."""
    course = small_course(tmp_path / "course", "basics/one", "basics/two")
    (course.root / "pyproject.toml").write_text("")
    git(course, "init", "--quiet")
    git(course, "add", ".")
    git(course, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "first")
    return course


def git(course, *arguments):
    subprocess.run(["git", "-C", str(course.root), *arguments], check=True, capture_output=True)


def commit(course):
    git(course, "add", ".")
    git(course, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "more")


CHANGES = [
    pytest.param("graders/basics/two/public.py", ("basics/two",), id="grader"),
    pytest.param("reference/basics/one/wrong/new/x.py", ("basics/one",), id="new-wrong-solution"),
    pytest.param("exercises/basics/one/README.md", ("basics/one",), id="readme"),
    pytest.param("docs/a.md", (), id="elsewhere"),
    pytest.param("exercises/roadmap.toml", (), id="the-map"),
    pytest.param("harness/grade.py", ("basics/one", "basics/two"), id="the-harness"),
    pytest.param("pyproject.toml", ("basics/one", "basics/two"), id="dependencies"),
]


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not-committed"])
@pytest.mark.parametrize(("file", "want"), CHANGES)
def test_what_a_change_touches(repository, file, want, committed):
    path = repository.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + "\n# changed\n")
    git(repository, "tag", "before")
    if committed:
        commit(repository)
    assert changed_since(repository, "before") == want


def test_an_unknown_revision_is_told(repository):
    with pytest.raises(SpecError, match="git cannot compare"):
        changed_since(repository, "no-such-thing")


def test_a_course_below_the_repository_is_compared_by_its_own_paths(tmp_path):
    course = small_course(tmp_path / "repo" / "course", "basics/one")
    outer = Course(tmp_path / "repo")
    git(outer, "init", "--quiet")
    commit(outer)
    git(outer, "tag", "before")
    public_of(course, "basics/one").write_text("# changed\n")
    commit(outer)
    assert changed_since(course, "before") == ("basics/one",)
