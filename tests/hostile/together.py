"""Several submissions as one: each a module of a project, each asked by a check of its own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.catalog import Course
from tests.hostile.catalogue import HERE, Attack

SMALL = HERE / "course" / "exercises" / "arena" / "small" / "exercise.toml"
ENTRY = '''
import importlib.util


def square(name, x):
    """Ask the submission of that name, imported when it is asked."""
    spec = importlib.util.spec_from_file_location(name, f"/submission/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.square(x)
'''
HEADER = "from harness.grading import assert_close, check\n"
CHECK = '''

@check(points=3)
def test_{identifier}(submission, rng):
    """{name}"""
    for _ in range(2):
        x = rng.normal(size=4)
        answer = submission.square({name!r}, x)
        assert_close(answer, x**2, rtol=1e-9, atol=0, dtype="float64", what="square(x)")
'''


def identifier(attack: Attack) -> str:
    """Return the name of its check."""
    return attack.name.replace("-", "_")


def course_of_all(folder: Path, attacks: Sequence[Attack]) -> tuple[Course, Path]:
    """Write a course with a check for each submission, and the project that holds them all."""
    course, project = Course(folder / "course"), folder / "project"
    for place in (course.exercise_folder("arena/together"), course.grader_folder("arena/together"), project):
        place.mkdir(parents=True)
    shutil.copy(HERE / "course" / "exercises" / "roadmap.toml", course.root / "exercises")
    spec = SMALL.read_text().replace("[limits]", "[limits]\nrestarts = 60")
    (course.exercise_folder("arena/together") / "exercise.toml").write_text(spec)
    checks = "".join(CHECK.format(identifier=identifier(attack), name=attack.name) for attack in attacks)
    (course.grader_folder("arena/together") / "public.py").write_text(HEADER + checks)
    (project / "small.py").write_text(ENTRY)
    for attack in attacks:
        shutil.copy(attack.path, project / f"{attack.name}.py")
    return course, project
