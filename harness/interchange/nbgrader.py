"""nbgrader: the tree of submitted work, and the CSV that its own export writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from harness.errors import SpecError
from harness.interchange.cells import table
from harness.interchange.records import GradeRow, Handed, Ignored, Person, Source

STEP: Final = "submitted"
STAMP: Final = "timestamp.txt"
STAMP_CAP: Final = 200
COLUMNS: Final = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def looks_like(names: Sequence[str]) -> bool:
    """Whether the names in a folder are those of an nbgrader course."""
    return STEP in names


def read(folder: Path, exercises: Sequence[str]) -> Source:
    """Return what lies at `submitted/<student>/<assignment>`; assignments are exercises by their last part.

    Raises:
        SpecError: there is no such folder.
    """
    root = folder / STEP if (folder / STEP).is_dir() else folder
    if not root.is_dir():
        raise SpecError(f"{folder} is no course of nbgrader: it has no {STEP}/")
    short = {name.rpartition("/")[2]: name for name in exercises}
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    for student in sorted(root.iterdir()):
        if not student.is_dir() or student.is_symlink() or student.name.startswith("."):
            ignored.append(Ignored(student.name, "not a student's folder"))
            continue
        for assignment in sorted(student.iterdir()):
            name = assignment.name
            if not assignment.is_dir() or assignment.is_symlink():
                ignored.append(Ignored(f"{student.name}/{name}", "not an assignment's folder"))
                continue
            person = Person(key=student.name, ids={"nbgrader": student.name})
            handed.append(_handed(person, assignment, short.get(name, "")))
    return Source(format="nbgrader", handed=tuple(handed), ignored=tuple(ignored))


def _handed(person: Person, folder: Path, exercise: str) -> Handed:
    """Return the work without the time stamp, which is not part of it."""
    files = tuple(
        (file.name, file)
        for file in sorted(folder.iterdir())
        if file.is_file() and not file.is_symlink() and file.name != STAMP
    )
    flat = not any(entry.is_dir() for entry in folder.iterdir())
    return Handed(
        people=(person,),
        path=folder,
        files=files if flat else (),
        exercise=exercise,
        handed_in=_stamp(folder / STAMP),
    )


def _stamp(file: Path) -> str:
    """Return the time in a time stamp, in UTC, or nothing: `2026-03-01 18:00:00.123 Europe/Berlin`."""
    try:
        with file.open(encoding="utf-8") as stream:
            text = stream.read(STAMP_CAP).strip()
        moment, _, zone = text.rpartition(" ")
        found = datetime.fromisoformat(moment if moment.count(":") else text)
        aware = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone) if moment.count(":") else UTC)
    except (OSError, ValueError, KeyError):
        return ""
    return aware.astimezone(UTC).isoformat(timespec="seconds")


def export(rows: Iterable[GradeRow]) -> bytes:
    """Return the CSV of `nbgrader export`; what was not handed in has a score of 0, as there."""
    return table(COLUMNS, (_cells(row) for row in rows if row.outcome not in ("ungraded", "excused")))


def _cells(row: GradeRow) -> list[str | float | None]:
    first, _, last = row.name.rpartition(" ")
    return [
        row.exercise.rpartition("/")[2],
        row.due,
        row.handed_in,
        row.learner,
        last,
        first,
        row.email,
        row.raw or 0.0,
        row.penalty,
        row.points or 0.0,
        row.possible,
    ]
