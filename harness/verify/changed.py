"""Which exercises a change touches: the files that git knows to differ from a revision."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from harness.catalog import Course
from harness.errors import SpecError

FOLDERS: Final = ("exercises", "graders", "reference")
EVERYTHING: Final = ("harness", "pyproject.toml")
"""A change to what grades can break any exercise."""


def changed_since(course: Course, revision: str) -> tuple[str, ...]:
    """Return the exercises that differ from a revision, in the roadmap's order; all if the harness does.

    Commits since the two parted count, and so does what was not committed yet.

    Raises:
        SpecError: git knows no such revision here, or there is no git.
    """
    files = [
        *_git(course, "diff", "--name-only", "--relative", f"{revision}..."),
        *_git(course, "diff", "--name-only", "--relative", "HEAD"),
        *_git(course, "ls-files", "--others", "--exclude-standard"),
    ]
    names = course.names()
    if any(PurePosixPath(file).parts[0] in EVERYTHING for file in files):
        return names
    touched = {_exercise(file) for file in files}
    return tuple(name for name in names if name in touched)


def _exercise(file: str) -> str:
    """Return the exercise that a file belongs to; empty for any other file."""
    parts = PurePosixPath(file).parts
    return "/".join(parts[1:3]) if parts[0] in FOLDERS and len(parts) > 3 else ""


def _git(course: Course, *arguments: str) -> Sequence[str]:
    command = ["git", "-C", str(course.root), *arguments, "-z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except FileNotFoundError:
        raise SpecError("git is not installed, so nobody knows what has changed") from None
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip().partition("\n")[0]
        raise SpecError(
            f"git cannot compare {course.root}: {told}", hint="fetch the revision, with its history"
        ) from None
    return [file for file in done.stdout.split("\0") if file]
