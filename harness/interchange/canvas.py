"""Canvas: the zip of submissions, and the gradebook that is exported, filled in and imported again.

Files lie flat, as `<user>[_LATE]_<user id>_<attachment id>_<name>`; a resubmission has `-1`,
`-2` before the ending. Of several files of one user each counts.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from harness.errors import SpecError
from harness.interchange.cells import safe
from harness.interchange.records import GradeRow, Handed, Ignored, Person, Source
from harness.interchange.sheets import cells_of

FILE: Final = re.compile(
    r"^(?:(?P<user>.+?)_)??(?:(?P<late>LATE)_)?(?P<uid>\d+|anon_[A-Za-z0-9]+)_"
    r"(?:(?P<aid>\d+)_(?P<name>.+)|(?P<kind>text|link)\.html)$"
)
RESUBMITTED: Final = re.compile(r"-\d{1,3}(?=\.[A-Za-z0-9.]+$)")
POSSIBLE: Final = "points possible"
IDS: Final = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
KEPT: Final = ("EX", "N/A")
"""Cells that say something else than points: excused, not assigned."""
COMPUTED: Final = re.compile(
    r"\b(current|final|override|unposted)\b.*\b(score|points|grade)\b", re.IGNORECASE
)


def looks_like(names: Sequence[str]) -> bool:
    """Whether the names in a folder are Canvas': nearly all of them fit."""
    fits = sum(bool(FILE.match(name)) for name in names)
    return fits > 0 and fits >= 0.9 * len(names)


def read(folder: Path, _exercises: Sequence[str] = ()) -> Source:
    """Return the submissions in an unpacked download."""
    found: dict[str, list[tuple[re.Match[str], Path]]] = defaultdict(list)
    ignored: list[Ignored] = []
    for file in sorted(folder.iterdir()):
        match = FILE.match(file.name)
        if not match or not file.is_file() or file.is_symlink():
            ignored.append(Ignored(file.name, "not named as Canvas names submissions"))
        elif match["kind"]:
            ignored.append(Ignored(file.name, f"a {match['kind']} entry, not a file"))
        else:
            found[match["uid"]].append((match, file))
    return Source(
        format="canvas",
        handed=tuple(_handed(uid, files) for uid, files in found.items()),
        ignored=tuple(ignored),
    )


def _handed(uid: str, files: list[tuple[re.Match[str], Path]]) -> Handed:
    user = next((match["user"] for match, _ in files if match["user"]), "") or ""
    newest: dict[str, Path] = {}
    for match, file in sorted(files, key=lambda one: int(one[0]["aid"])):
        newest[RESUBMITTED.sub("", match["name"])] = file
    named = tuple(newest.items())
    return Handed(
        people=(Person(key=user or uid, name=user, ids={"canvas": uid}),),
        path=named[0][1],
        files=named,
        late=any(match["late"] for match, _ in files),
    )


# ---- the gradebook ---------------------------------------------------------------------------


def fill(exported: bytes, rows: Iterable[GradeRow], column: str = "") -> tuple[bytes, list[str]]:
    """Return the instructor's exported gradebook with points filled in, and what could not be placed.

    Learners are found by Canvas' id, then SIS user id, login id, e-mail address, and last by
    name; columns by the number or title in `column`, else by each exercise's title, name or id.
    Cells that say `EX` or `N/A`, and those of whom nothing is known, stay as they are.

    Raises:
        SpecError: this is no gradebook of Canvas', or no column takes the points.
    """
    sheet = cells_of(exported)
    header = sheet[0] if sheet else []
    if "ID" not in header or "Section" not in header:
        raise SpecError(
            "this is not a gradebook that Canvas exported", hint="Grades, Export, Export Entire Gradebook"
        )
    places = _places(sheet, header)
    warnings: list[str] = []
    missing: set[str] = set()
    for row in rows:
        target = _column(header, row, column)
        if target is None:
            missing.add(row.exercise)
            continue
        line = next((places[name] for name in _names(row) if name in places), None)
        if line is None:
            warnings.append(f"{row.learner} is not in Canvas' gradebook")
        elif row.points is not None and sheet[line][target].strip() not in KEPT:
            sheet[line][target] = f"{row.points:.2f}"
    warnings += [
        f"no column for {exercise}: add it in Canvas, or say --column" for exercise in sorted(missing)
    ]
    return _written(sheet), warnings


def _places(sheet: list[list[str]], header: list[str]) -> dict[tuple[str, str], int]:
    """Return the line of each student by each of their names, those that two share left out."""
    places: dict[tuple[str, str], int] = {}
    shared: set[tuple[str, str]] = set()
    for line, cells in enumerate(sheet):
        cells.extend([""] * (len(header) - len(cells)))
        if line == 0 or not cells[header.index("ID")].strip() or POSSIBLE in cells[0].lower():
            continue
        names = {
            (column, cells[header.index(column)].strip().casefold()) for column in IDS if column in header
        }
        for name in {*names, ("name", _plain(_student(cells, header)))}:
            if name[1]:
                shared |= {name} & places.keys()
                places[name] = line
    return {name: line for name, line in places.items() if name not in shared}


def _student(cells: list[str], header: list[str]) -> str:
    if "Student" in header:
        return cells[header.index("Student")]
    return (
        f"{cells[header.index('LastName')]}, {cells[header.index('FirstName')]}"
        if "LastName" in header
        else ""
    )


def _plain(name: str) -> str:
    """Return a name as Canvas puts it in file names: lower case, word characters only, last name first."""
    first, comma, last = name.partition(",")
    if not comma and " " in name.strip():
        given, _, family = name.strip().rpartition(" ")
        first, last = family, given
    return re.sub(r"\W", "", f"{first}{last}".casefold())


def _names(row: GradeRow) -> list[tuple[str, str]]:
    keys = [row.ids.get("canvas", ""), row.ids.get("sis", row.ids.get("sid", "")), row.ids.get("login", "")]
    known = [*zip(IDS, keys, strict=False), *((column, row.learner) for column in IDS)]
    known += [("SIS Login ID", row.email), ("name", _plain(row.name)), ("name", _plain(row.learner))]
    return [(column, name.casefold()) for column, name in known if name]


def _column(header: list[str], row: GradeRow, wanted: str) -> int | None:
    names = [wanted] if wanted else [row.title, row.exercise, row.exercise.rpartition("/")[2]]
    for index, title in enumerate(header):
        found = re.fullmatch(r"(?P<title>.*?)\s*\((?P<id>\d+)\)", title.strip())
        if not found or COMPUTED.search(title):
            continue
        said = {found["title"].casefold(), found["id"], title.strip().casefold()}
        if any(name.casefold() in said for name in names):
            return index
    return None


def _written(sheet: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_guarded(cell) for cell in row] for row in sheet)
    return text.getvalue().encode()


def _guarded(cell: str) -> str:
    """Guard what could be a formula; a number below zero is none."""
    return cell if re.fullmatch(r"\s*-?[\d.,]+\s*", cell) else safe(cell) if cell.strip() else cell


def export(rows: Iterable[GradeRow]) -> bytes:
    """Return the least that Canvas imports, where there is no exported file: one column for each exercise."""
    people: dict[str, GradeRow] = {}
    points: dict[str, dict[str, str]] = defaultdict(dict)
    possible: dict[str, str] = {}
    for row in rows:
        people.setdefault(row.learner, row)
        possible.setdefault(row.title, "" if row.possible is None else f"{row.possible:.2f}")
        if row.points is not None:
            points[row.learner][row.title] = f"{row.points:.2f}"
    sheet = [["Student", "ID", "SIS Login ID", "Section", *possible]]
    sheet.append(["    Points Possible", "", "", "", *possible.values()])
    for key, one in people.items():
        login = one.ids.get("login", one.email or one.learner)
        cells = [points[key].get(title, "") for title in possible]
        sheet.append([one.name or key, one.ids.get("canvas", ""), login, one.section, *cells])
    return _written(sheet)
