"""What an exercise's author has to mend: one record for each fault, with its file, the reason and the fix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.failures import plain

Level = Literal["error", "todo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of one exercise."""

    exercise: str
    reason: str
    file: str = ""
    """Relative to the course, so that it means the same on every machine."""
    line: int = 0
    """From 1; 0 where no line is to blame."""
    fix: str = ""
    level: Level = "error"
    """A `todo` is work that is left: counts that the standard asks for, and marks in the text."""

    @property
    def place(self) -> str:
        """Return `file:line`, as terminals and editors open it."""
        return f"{self.file}:{self.line}" if self.line else self.file


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems without repetition: errors first, then by exercise, file and line."""
    ranked = sorted(dict.fromkeys(problems), key=lambda one: (one.level, one.exercise, one.file, one.line))
    return tuple(ranked)


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return those that make an exercise unfit for use."""
    return tuple(one for one in problems if one.level == "error")


def problem_trees(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Return problems as JSON trees."""
    return [asdict(problem) for problem in problems]


def line(problem: Problem) -> str:
    """Return a problem in one line: place, reason, fix."""
    place = f"{problem.place}: " if problem.file else ""
    return f"{place}{problem.reason}" + (f" -> {problem.fix}" if problem.fix else "")


def github_lines(problems: Iterable[Problem], prefix: str = "") -> Iterator[str]:
    """Yield one workflow command for each problem.

    Args:
        problems: What is annotated; a `todo` becomes a notice.
        prefix: The course's folder relative to the repository.
    """
    for problem in problems:
        level = "error" if problem.level == "error" else "notice"
        place = Path(prefix, problem.file).as_posix()
        at = f",line={problem.line}" if problem.line else ""
        title = _property(problem.exercise)
        message = _data(problem.reason + (f" -> {problem.fix}" if problem.fix else ""))
        yield f"::{level} file={_property(place)}{at},title={title}::{message}"


def _data(text: str) -> str:
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
