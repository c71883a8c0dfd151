"""Small courses for tests: the skeleton of an exercise in a folder of its own, to be broken on purpose."""

from __future__ import annotations

import re

from harness.catalog import Course
from harness.new import new_exercise

NAME = "basics/standard-scores"
ROADMAP = """
[[stage]]
id = "basics"
title = "Basics"
summary = "What everything stands on."
covers = ["numbers"]

[[stage]]
id = "models"
title = "Models"
summary = "What everything leads to."
"""


def small_course(root, *names):
    """Return a course with a skeleton for each name."""
    (root / "exercises").mkdir(parents=True)
    (root / "exercises" / "roadmap.toml").write_text(ROADMAP)
    course = Course(root)
    for name in names or (NAME,):
        new_exercise(course, name)
    return course


def spec_of(course, name=NAME):
    return course.exercise_folder(name) / "exercise.toml"


def public_of(course, name=NAME):
    return course.grader_folder(name) / "public.py"


def solution_of(course, name=NAME):
    return next((course.reference_folder(name) / "solution").glob("*.py"))


def wrong_of(course, name=NAME):
    return course.reference_folder(name) / "wrong" / "variance-for-spread"


def replace(file, old, new):
    """Put `new` in the one place of `old` in a file."""
    text = file.read_text()
    assert text.count(old) == 1, (file, old)
    file.write_text(text.replace(old, new))


def add_check(course, name, body, *, mark="@check(points=1, hint='think')", file="public.py"):
    """Add a check to a grader."""
    grader = course.grader_folder(name) / file
    function = re.sub(r"^", "    ", body, flags=re.MULTILINE)
    title = body.partition("(")[0].strip() or "a check"
    grader.write_text(
        grader.read_text() + f'\n\n{mark}\ndef test_added(submission, rng):\n    """{title}"""\n{function}\n'
    )
