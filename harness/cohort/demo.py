"""A made-up cohort whose scores are known: for trying Roadmark out, and for its own tests.

Every submission is made from something proved: a reference, an alternative or a wrong
solution of the course. What is expected of it follows from that, by arithmetic; where
chance decides, no points are promised. Only exercises without metrics take part unless
others are named: those train models, and their points are measured.
"""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.catalog import Course
from harness.errors import SpecError
from harness.expectations import FILE as EXPECT
from harness.expectations import Expectation, read_expectation
from harness.interchange.cells import number
from harness.lint import Case, read_case
from harness.records import Outcome

Files = dict[str, bytes]
NAMES: Final = """
ada alan amal ana arjun astrid bao bela carla chidi dana dmitri edsger elif emeka eva fatima finn
grace hana hedy hugo ines ivan jia joao kamala katya kenji lars leila lin luca maja mei mina
mohammed naomi nils noor olga omar paulo priya quentin radia ravi rosa samir sofia sven tariq thea
tomas ula vera wei xenia yara yusuf zoe
"""
HANG: Final = "\nwhile True:\n    pass\n"
CRASH: Final = "\nraise RuntimeError('the data is not where I left it')\n"
HOSTILE: Final[Mapping[str, str]] = {
    "exits-at-once": "import os\nos._exit(0)\n",
    "claims-full-marks": "import json, sys\nprint(json.dumps({'score': 100, 'passed': True}))\nsys.exit(0)\n",
    "kills-its-judge": "import os\nos.kill(os.getppid(), 19)\nos.kill(os.getpid(), 9)\n",
    "floods-its-output": "while True:\n    print('x' * 100_000)\n",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One submission, and what is expected of it."""

    kind: str
    """What it is made as, such as `reference`, `wrong/<name>` or `odd/notebook`."""
    files: Mapping[str, bytes]
    outcome: str
    points: float | None
    """None where chance decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """How often each kind is dealt; relative weights."""

    right: float = 30
    odd: float = 20
    wrong: float = 25
    starter: float = 5
    crashing: float = 7
    hanging: float = 3
    hostile: float = 10

    def weights(self) -> dict[str, float]:
        """Return the weights by kind."""
        return {name: float(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What submissions for one exercise are made from."""

    case: Case
    right: tuple[tuple[str, Files], ...]
    wrong: tuple[tuple[str, Files, Expectation], ...]
    starter: Files = field(default_factory=dict)

    @property
    def entry(self) -> str:
        """Return the name of the file that is handed in."""
        return self.case.exercise.entry


def demo_cohort(
    course: Course,
    count: int,
    seed: int,
    folder: Path,
    names: Sequence[str] = (),
    mixture: Mixture | None = None,
) -> list[tuple[str, str, Made]]:
    """Write a cohort below a folder, with expected.csv, and return learner, exercise and submission of each.

    Args:
        course: Gives references and wrong solutions.
        count: How many learners there are; each hands in every exercise.
        seed: The same seed makes the same cohort.
        folder: Where `<learner>/<exercise>/…` is written; it must be empty or not exist.
        names: Which exercises; by default all whose points chance does not touch.
        mixture: How often each kind of submission is dealt.

    Raises:
        SpecError: the folder holds something, or no exercise fits.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SpecError(f"{folder} is not empty", hint="choose another folder")
    materials = [material(course, name) for name in names or cheap(course)]
    if not materials:
        raise SpecError(
            "this course has no exercise whose scores are known beforehand", hint="--exercise NAME"
        )
    deal = random.Random(seed)  # noqa: S311 - a cohort to look at, not a secret
    made = [
        (learner, one.case.name, _dealt(one, deal, mixture or Mixture()))
        for learner in _people(count, deal)
        for one in materials
    ]
    for learner, name, submission in made:
        _write(folder / learner / name.rpartition("/")[2], submission.files)
    (folder / "expected.csv").write_bytes(_expected(made))
    return made


def cheap(course: Course) -> list[str]:
    """Return the exercises with a solution and no metric."""
    found = []
    for name in course.names():
        try:
            case = read_case(course, name)
        except SpecError:
            continue
        whole = (case.reference / "solution" / case.exercise.entry).is_file() and case.outline.checks
        if whole and not case.outline.metrics and not case.outline.faults and case.exercise.device != "gpu":
            found.append(name)
    return found


def material(course: Course, name: str) -> Material:
    """Return what submissions for an exercise are made from; raises `SpecError` without a solution."""
    case = read_case(course, course.find(name).id)
    right = [("reference", _read(case.reference / "solution"))]
    right += [(f"alternative/{one.name}", _read(one)) for one in case.solutions("alternative")]
    wrong = [
        (f"wrong/{one.name}", _read(one), expectation)
        for one in case.solutions("wrong")
        for expectation, faults in [read_expectation(one)]
        if not faults
    ]
    if not right[0][1]:
        raise SpecError(f"{name} has no reference solution", hint="choose another exercise")
    starter = _read(course.exercise_folder(case.name) / "starter")
    return Material(case=case, right=tuple(right), wrong=tuple(wrong), starter=starter)


def _read(folder: Path) -> Files:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file() and "__pycache__" not in file.parts)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files if file.name != EXPECT}


def _people(count: int, deal: random.Random) -> list[str]:
    """Return so many names, none twice."""
    people = NAMES.split()
    names = deal.sample(people, min(count, len(people)))
    return names + [f"{deal.choice(people)}{index}" for index in range(len(names), count)]


# ---- what is handed in -----------------------------------------------------------------------


def _dealt(one: Material, deal: random.Random, mixture: Mixture) -> Made:
    weights = mixture.weights()
    if not one.wrong:
        weights.pop("wrong")
    kind = deal.choices(list(weights), list(weights.values()))[0]
    made = MAKERS[kind](one, deal)
    if kind == "starter" and not one.starter:
        return MAKERS["crashing"](one, deal)
    return made


def _right(one: Material, deal: random.Random) -> Made:
    kind, files = deal.choice(one.right)
    return Made(kind=kind, files=_signed(one, files, deal), outcome="passed", points=_possible(one))


def _wrong(one: Material, deal: random.Random) -> Made:
    kind, files, expectation = deal.choice(one.wrong)
    outcome, points = expected_of(one.case, expectation)
    return Made(kind=kind, files=_signed(one, files, deal), outcome=outcome, points=points)


def _starter(one: Material, deal: random.Random) -> Made:
    """The starter as it was given out: intake refuses it."""
    del deal
    return Made(kind="starter", files=one.starter, outcome="invalid", points=0.0)


def _crashing(one: Material, deal: random.Random) -> Made:
    _, files = deal.choice(one.right)
    broken = files[one.entry] + CRASH.encode()
    return Made(
        kind="crashing", files=_signed(one, {**files, one.entry: broken}, deal), outcome="crashed", points=0.0
    )


def _hanging(one: Material, deal: random.Random) -> Made:
    _, files = deal.choice(one.right)
    stuck = files[one.entry] + HANG.encode()
    return Made(
        kind="hanging", files=_signed(one, {**files, one.entry: stuck}, deal), outcome="crashed", points=0.0
    )


def _hostile(one: Material, deal: random.Random) -> Made:
    kind = deal.choice(sorted(HOSTILE))
    files = {one.entry: HOSTILE[kind].encode()}
    return Made(kind=f"hostile/{kind}", files=_signed(one, files, deal), outcome="crashed", points=0.0)


def _odd(one: Material, deal: random.Random) -> Made:
    """Honest work in an odd dress: it earns what the same work earns in an ordinary one."""
    kind = deal.choice(sorted(DRESSES))
    files = DRESSES[kind](one, _signed(one, one.right[0][1], deal))
    return Made(kind=f"odd/{kind}", files=files, outcome="passed", points=_possible(one))


MAKERS: Final[Mapping[str, Callable[[Material, random.Random], Made]]] = {
    "right": _right,
    "odd": _odd,
    "wrong": _wrong,
    "starter": _starter,
    "crashing": _crashing,
    "hanging": _hanging,
    "hostile": _hostile,
}


def _signed(one: Material, files: Mapping[str, bytes], deal: random.Random) -> Files:
    """Return the files with a line that makes them somebody's own: no two submissions are the same."""
    mark = f"\n# {deal.getrandbits(64):016x}\n".encode()
    return {**files, one.entry: files[one.entry] + mark}


def _with_mark(one: Material, files: Files) -> Files:
    return {**files, one.entry: b"\xef\xbb\xbf" + files[one.entry]}


def _with_windows_lines(one: Material, files: Files) -> Files:
    return {**files, one.entry: files[one.entry].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")}


def _nested(_: Material, files: Files) -> Files:
    junk = {"my work/.DS_Store": b"\x00\x01", "my work/notes.txt": "naïve ideas\n".encode()}
    return {**{f"my work/{name}": data for name, data in files.items()}, **junk}


def _zipped(one: Material, files: Files) -> Files:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{Path(one.entry).stem}/{name}"), data)
    return {"SUBMISSION.zip": packed.getvalue()}


def _notebook(one: Material, files: Files) -> Files:
    import nbformat

    text = files[one.entry].decode("utf-8-sig")
    cells: list[Any] = [nbformat.v4.new_markdown_cell("# My solution"), nbformat.v4.new_code_cell(text)]
    for number_, cell in enumerate(cells):
        cell["id"] = f"cell{number_}"  # chosen at random otherwise
    book = nbformat.v4.new_notebook(cells=cells)
    rest = {name: data for name, data in files.items() if name != one.entry}
    return {**rest, f"{Path(one.entry).stem}.ipynb": nbformat.writes(book).encode()}


DRESSES: Final[Mapping[str, Callable[[Material, Files], Files]]] = {
    "byte-order-mark": _with_mark,
    "windows-lines": _with_windows_lines,
    "folder-in-folder": _nested,
    "notebook": _notebook,
    "zip": _zipped,
}


# ---- what is expected ------------------------------------------------------------------------


def _possible(one: Material) -> float | None:
    return None if one.case.outline.metrics else one.case.outline.points


def expected_of(case: Case, expectation: Expectation) -> tuple[str, float | None]:
    """Return outcome and points that follow from which checks do not pass; None where metrics decide."""
    points = {check.name: check.points or 0.0 for check in case.outline.checks}
    earned = sum(value for name, value in points.items() if name not in expectation.checks)
    asked = [outcome for outcome in expectation.checks.values() if outcome is not Outcome.SKIPPED]
    if not case.outline.metrics and earned >= case.exercise.pass_mark * sum(points.values()) - 1e-9:
        return "passed", earned
    all_crash = len(expectation.checks) == len(points) and all(one is Outcome.CRASHED for one in asked)
    return ("crashed" if all_crash else "failed"), None if case.outline.metrics else earned


def _expected(made: Iterable[tuple[str, str, Made]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["learner", "exercise", "outcome", "points"])
    writer.writerows([learner, name, one.outcome, number(one.points)] for learner, name, one in made)
    return text.getvalue().encode()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
