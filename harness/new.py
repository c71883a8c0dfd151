"""A new exercise that works from its first minute: all of its files, and TODO where its author has to write.

The skeleton is a small exercise of its own. It is proved by `roadmark verify` as it
stands; whoever writes a real one changes it step by step and proves it after each.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from string import Template
from typing import Final

from harness.catalog import Course, load_exercise
from harness.errors import SpecError
from harness.starter import write_starters

TEMPLATES: Final = Path(__file__).with_name("templates") / "exercise"
NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
WRONG: Final = "variance-for-spread"


def new_exercise(course: Course, name: str, title: str = "") -> list[Path]:
    """Write the skeleton of an exercise and return its files.

    Args:
        course: Where it goes.
        name: `stage/exercise`, both in lower case with hyphens; the stage is one of roadmap.toml.
        title: What people read; by default made from the name.

    Raises:
        SpecError: the name will not do, its stage is unknown, or there is something already.
    """
    _require_name(course, name)
    exercise = name.rpartition("/")[2]
    entry = f"{exercise.replace('-', '_')}.py"
    words = {
        "id": name,
        "title": title or exercise.replace("-", " ").capitalize(),
        "entry": entry,
        "pass_mark": "70 %",
    }
    written = [_write(course.root / place, template, words) for place, template in _places(name, entry)]
    return [*written, *write_starters(course, load_exercise(course.exercise_folder(name)))]


def _places(name: str, entry: str) -> tuple[tuple[str, str], ...]:
    """Return each file's path in the course and its template."""
    wrong = f"reference/{name}/wrong/{WRONG}"
    return (
        (f"exercises/{name}/exercise.toml", "exercise.toml"),
        (f"exercises/{name}/README.md", "README.md"),
        (f"graders/{name}/public.py", "public.py"),
        (f"graders/{name}/hidden.py", "hidden.py"),
        (f"reference/{name}/solution/{entry}", "solution.py"),
        (f"{wrong}/{entry}", "wrong.py"),
        (f"{wrong}/expect.toml", "expect.toml"),
    )


def _require_name(course: Course, name: str) -> None:
    stage, slash, exercise = name.partition("/")
    if not (slash and NAME.fullmatch(stage) and NAME.fullmatch(exercise)):
        raise SpecError(
            f"'{name}' is no name for an exercise", hint="say stage/exercise, such as language/bigrams"
        )
    stages = [one.id for one in course.stages()]
    if stage not in stages:
        near = difflib.get_close_matches(stage, stages, n=1, cutoff=0.4)
        known = f"the stages are {', '.join(stages)}" if stages else "add it to exercises/roadmap.toml"
        raise SpecError(f"there is no stage '{stage}'", hint=f"Did you mean '{near[0]}'?" if near else known)
    for folder in (course.exercise_folder(name), course.grader_folder(name), course.reference_folder(name)):
        if folder.exists():
            raise SpecError(f"{folder} is there already", hint="choose another name, or remove it")


def _write(file: Path, template: str, words: dict[str, str]) -> Path:
    text = Template((TEMPLATES / f"{template}.tmpl").read_text(encoding="utf-8")).substitute(words)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file
