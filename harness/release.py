"""The learners' course: tasks, starters and public checks, and nothing that a learner must not have.

Standard library only, because building a wheel runs it before anything is installed.
What goes in is listed here; whatever is not listed stays out.
"""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Final

CALIBRATIONS: Final = ("calibration.json", "calibration.gpu.json")
MARKS: Final = ("zero", "full")


def release_course(source: Path, target: Path) -> list[Path]:
    """Write the learners' course of `source` into `target` and return the files written.

    Tasks, starters and the roadmap are copied whole. Of a grader go public.py, conftest.py
    and the marks of public metrics; not hidden.py, data/, calibration runs or references.

    Raises:
        FileExistsError: `target` holds something already.
        ValueError: `source` is not a course.
    """
    if not (source / "exercises").is_dir():
        raise ValueError(f"{source} is not a course: it has no exercises/")
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    written = _copied(source / "exercises" / "roadmap.toml", target / "exercises" / "roadmap.toml")
    for spec in sorted((source / "exercises").glob("*/*/exercise.toml")):
        name = spec.parent.relative_to(source / "exercises")
        written += _tree(spec.parent, target / "exercises" / name)
        written += _grader(source / "graders" / name, target / "graders" / name)
    return written


def _grader(source: Path, target: Path) -> list[Path]:
    public = source / "public.py"
    if not public.exists():
        return []
    written = _copied(public, target / "public.py") + _copied(source / "conftest.py", target / "conftest.py")
    for called in CALIBRATIONS:
        calibration = source / called
        if not calibration.exists():
            continue
        names = {name.removeprefix("test_") for name in _functions(public)}
        metrics = json.loads(calibration.read_text(encoding="utf-8"))["metrics"]
        kept = {key: {mark: metrics[key][mark] for mark in MARKS} for key in sorted(names & metrics.keys())}
        file = target / called
        file.write_text(json.dumps({"version": 1, "metrics": kept}, indent=2) + "\n", encoding="utf-8")
        written.append(file)
    return written


def _functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _tree(source: Path, target: Path) -> list[Path]:
    files = (file for file in sorted(source.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
    return [made for file in files for made in _copied(file, target / file.relative_to(source))]


def _copied(source: Path, target: Path) -> list[Path]:
    if not source.exists():
        return []
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return [target]
