"""Every writer by its name: rows or results in, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import SpecError
from harness.interchange import canvas, classroom, gradescope, junit, moodle, nbgrader, plain
from harness.interchange.records import GradeRow
from harness.records import Result

TABLES: Final[Mapping[str, Callable[[Iterable[GradeRow]], bytes]]] = {
    "csv": plain.export,
    "canvas": canvas.export,
    "nbgrader": nbgrader.export,
}
"""Formats that need nothing but the rows."""
FILLED: Final[Mapping[str, Callable[[bytes, Iterable[GradeRow], str], tuple[bytes, list[str]]]]] = {
    "canvas": canvas.fill,
    "moodle": moodle.fill,
}
"""Formats that fill in what the other system exported."""
SINGLE: Final[Mapping[str, Callable[[Result], bytes]]] = {
    "gradescope": gradescope.results_json,
    "junit": lambda result: junit.export([(result.learner, result)]),
    "github": classroom.notices,
    "github-reporter": classroom.reporter,
}
"""Formats of one result."""


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes of a file, and what the instructor should know before it is uploaded."""

    data: bytes
    warnings: tuple[str, ...] = ()


def write(
    form: str,
    rows: Iterable[GradeRow],
    results: Iterable[tuple[str, Result]],
    *,
    fill: bytes | None = None,
    column: str = "",
) -> Written:
    """Return the gradebook as another system takes it.

    Args:
        form: The writer's name.
        rows: Who stands where.
        results: Learners and their whole results, for formats that name each check.
        fill: The file that the other system exported, to be filled in.
        column: Which of its columns takes the points.

    Raises:
        SpecError: the format needs a file to fill in, or that is not what it reads.
    """
    if fill is not None and form in FILLED:
        data, warnings = FILLED[form](fill, rows, column)
        return Written(data, tuple(warnings))
    if form == "junit":
        return Written(junit.export(results))
    if form not in TABLES:
        raise SpecError(f"{form} needs the file that was exported there", hint="--fill FILE")
    return Written(TABLES[form](rows))
