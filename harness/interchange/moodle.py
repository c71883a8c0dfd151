"""Moodle: the zip of submissions, and the grading worksheet that is downloaded, filled in and uploaded.

A participant's folder is `<full name>_<participant id>_assignsubmission_file_`; without
folders the same stands before each file's name. Names of the worksheet's columns are in the
site's language, so they are known by what stands in them and by their order.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.errors import SpecError
from harness.interchange.cells import safe
from harness.interchange.records import GradeRow, Handed, Ignored, Person, Source
from harness.interchange.sheets import cells_of

ENTRY: Final = re.compile(
    r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<rest>.*)$"
)
NUMBER: Final = re.compile(r"(\d+)\s*$")
GRADES: Final = ("grade", "bewertung", "note", "calificación", "nota", "cijfer", "valutazione", "ocena")
EMAILS: Final = ("email address", "e-mail-adresse", "adresse de courriel", "dirección de correo", "email")
FEEDBACK: Final = ("feedback comments", "feedback als kommentar", "feedback par commentaires")


def looks_like(names: Sequence[str]) -> bool:
    """Whether the names in a folder are Moodle's."""
    return any("_assignsubmission_" in name for name in names)


def read(folder: Path, _exercises: Sequence[str] = ()) -> Source:
    """Return the submissions in an unpacked download, with folders or without."""
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    loose: dict[tuple[str, str], list[tuple[str, Path]]] = defaultdict(list)
    for entry in sorted(folder.iterdir()):
        match = ENTRY.match(entry.name)
        if not match or entry.is_symlink():
            ignored.append(Ignored(entry.name, "not named as Moodle names submissions"))
        elif match["kind"] == "onlinetext":
            ignored.append(Ignored(entry.name, "text typed online, not a file"))
        elif entry.is_dir():
            handed.append(Handed(people=(_person(match["name"], match["id"]),), path=entry))
        else:
            loose[match["name"], match["id"]].append((match["rest"], entry))
    for (name, number), files in loose.items():
        handed.append(Handed(people=(_person(name, number),), path=files[0][1], files=tuple(files)))
    return Source(format="moodle", handed=_told_apart(handed), ignored=tuple(ignored))


def _person(name: str, number: str) -> Person:
    """Return a participant by name: the number is another one in each assignment."""
    return Person(key=name, name=name, ids={"moodle": number})


def _told_apart(handed: list[Handed]) -> tuple[Handed, ...]:
    """Return the submissions with namesakes known by their numbers."""
    names = [one.people[0].key for one in handed]
    return tuple(
        one if names.count(one.people[0].key) == 1 else replace(one, people=(_numbered(one.people[0]),))
        for one in handed
    )


def _numbered(person: Person) -> Person:
    return replace(person, key=f"{person.name} {person.ids['moodle']}")


def fill(exported: bytes, rows: Iterable[GradeRow], column: str = "") -> tuple[bytes, list[str]]:
    """Return the worksheet with grades and notes filled in, and who could not be placed.

    Args:
        exported: The grading worksheet of one assignment, as downloaded.
        rows: Where everybody stands in one exercise.
        column: The header of the column that takes the points; by default the one that says Grade.

    Raises:
        SpecError: this is no grading worksheet, or the rows are of several exercises.
    """
    sheet = cells_of(exported)
    if len(sheet) < 2 or not all(NUMBER.search(line[0]) for line in sheet[1:]):
        hint = "in the assignment: Grading action, Download grading worksheet"
        raise SpecError("this is not a grading worksheet of Moodle's", hint=hint)
    header = [title.strip().casefold() for title in sheet[0]]
    grade, feedback = _grade_column(header, column), _index(header, FEEDBACK)
    places = _places(sheet, header)
    warnings, exercises = [], set()
    for row in rows:
        exercises.add(row.exercise)
        line = next((places[name.casefold()] for name in _names(row) if name.casefold() in places), None)
        if line is None:
            warnings.append(f"{row.learner} is not in Moodle's worksheet")
        elif row.points is not None:
            sheet[line][grade] = f"{row.points:.2f}"
            if feedback is not None and not sheet[line][feedback].strip():
                sheet[line][feedback] = safe(row.note or row.outcome)
    if len(exercises) > 1:
        raise SpecError("a worksheet is of one assignment", hint="add --exercise NAME")
    return _written(sheet), warnings


def _grade_column(header: list[str], wanted: str) -> int:
    found = _index(header, (wanted.casefold(),) if wanted else GRADES)
    if found is None:
        raise SpecError(
            "no column of the worksheet takes the grade", hint=f"--column, one of: {', '.join(header)}"
        )
    return found


def _index(header: list[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _places(sheet: list[list[str]], header: list[str]) -> dict[str, int]:
    """Return the line of each participant by number, name and e-mail address; shared names are left out."""
    email = _index(header, EMAILS)
    places: dict[str, int] = {}
    shared: set[str] = set()
    for line, cells in enumerate(sheet[1:], start=1):
        cells.extend([""] * (len(header) - len(cells)))
        number = NUMBER.search(cells[0])
        names = {number[1] if number else "", cells[1].casefold(), cells[email].casefold() if email else ""}
        for name in names - {""}:
            shared |= {name} & places.keys()
            places[name] = line
    return {name: line for name, line in places.items() if name not in shared}


def _names(row: GradeRow) -> list[str]:
    return [name for name in (row.ids.get("moodle", ""), row.email, row.name, row.learner) if name]


def _written(sheet: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(sheet)
    return text.getvalue().encode()
