"""Read every exercise and say all that is wrong with it, without running any of it.

This is the static part of `roadmark verify`: specifications, files, the grader's outline,
what wrong solutions promise, calibrations and starters. What only running can tell is not
guessed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.anchors import FILE, GPU_FILE, Anchor, Calibration, measured_digest, read_calibration
from harness.catalog import Course, load_exercise, read_exercise, requirement_faults
from harness.errors import SpecError
from harness.expectations import FILE as EXPECT
from harness.expectations import Expectation, read_expectation
from harness.outline import Outline, Outlined, outline
from harness.problems import Level, Problem, in_order
from harness.records import Exercise
from harness.starter import stale_starters

HEADINGS: Final = (
    "Why it matters",
    "What to hand in",
    "Rules",
    "How it is scored",
    "Check it yourself",
    "Further reading",
)
README_LINES: Final = (60, 150)
FEWEST_CHECKS: Final = 8
FEWEST_WRONG: Final = 5
FEWEST_ALTERNATIVES: Final = 2
MARKER: Final = re.compile(r"\bTODO\b:?\s*(.{0,100})")
SCORED: Final = re.compile(r"^## How it is scored$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
TOTAL: Final = re.compile(r"\b(\d+(?:\.\d+)?) points in all\b")


@dataclass(frozen=True, slots=True)
class Case:
    """One exercise as it lies in its course."""

    course: Course
    name: str
    exercise: Exercise
    outline: Outline

    @property
    def spec(self) -> Path:
        """Return the specification's file."""
        return self.course.exercise_folder(self.name) / "exercise.toml"

    @property
    def reference(self) -> Path:
        """Return the folder of solutions."""
        return self.course.reference_folder(self.name)

    def problem(
        self, file: Path, reason: str, fix: str = "", *, line: int = 0, level: Level = "error"
    ) -> Problem:
        """Return a problem of this exercise, its file told relative to the course."""
        place = _relative(self.course, file)
        return Problem(exercise=self.name, reason=reason, file=place, line=line, fix=fix, level=level)

    def solutions(self, kind: str) -> tuple[Path, ...]:
        """Return the folders below reference/<exercise>/<kind>, by name."""
        folder = self.reference / kind
        return tuple(sorted(path for path in folder.glob("*") if path.is_dir()))


def read_case(course: Course, name: str) -> Case:
    """Return an exercise with its grader's outline; raises `SpecError` if its specification is wrong."""
    exercise = load_exercise(course.exercise_folder(name))
    return Case(course, name, exercise, outline(course.grader_folder(name)))


def lint(course: Course, names: Iterable[str] | None = None) -> tuple[Problem, ...]:
    """Return all that is wrong with some exercises, by default with all; raises `SpecError` on no course."""
    every = course.names()
    wanted = set(every if names is None else names)
    problems: list[Problem] = []
    read: dict[str, Exercise] = {}
    for name in every:
        exercise, faults = _specified(course, name)
        problems += [fault for fault in faults if name in wanted]
        if exercise is not None:
            read[name] = exercise
    stages = {stage.id for stage in course.stages()}
    for name, told in requirement_faults(read).items():
        problems += [_spec_problem(course, name, text) for text in told if name in wanted]
    for name in wanted & read.keys():
        problems += _unplaced(course, name, stages)
        problems += lint_exercise(Case(course, name, read[name], outline(course.grader_folder(name))))
    return in_order(problems)


def _specified(course: Course, name: str) -> tuple[Exercise | None, list[Problem]]:
    try:
        exercise, faults = read_exercise(course.exercise_folder(name))
    except SpecError as error:
        file = _relative(course, course.exercise_folder(name) / "exercise.toml")
        return None, [Problem(exercise=name, reason=_told(course, error), file=file)]
    return exercise, [_spec_problem(course, name, fault) for fault in faults]


def _spec_problem(course: Course, name: str, fault: str) -> Problem:
    file = course.exercise_folder(name) / "exercise.toml"
    key = fault.partition(":")[0].rpartition(".")[2]
    line = _line_of(file, rf"\s*{re.escape(key)}\s*=")
    return Problem(exercise=name, reason=fault, file=_relative(course, file), line=line)


def _unplaced(course: Course, name: str, stages: set[str]) -> Iterator[Problem]:
    stage = name.partition("/")[0]
    if stage not in stages:
        file = _relative(course, course.root / "exercises" / "roadmap.toml")
        yield Problem(exercise=name, reason=f"no stage has the id '{stage}'", file=file, fix="add it there")


def lint_exercise(case: Case) -> Iterator[Problem]:
    """Yield what is wrong with one exercise whose specification could be read."""
    for rule in RULES:
        yield from rule(case)


# ---- rules -----------------------------------------------------------------------------------


def _files(case: Case) -> Iterator[Problem]:
    entry = case.exercise.entry
    solutions = [case.reference / "solution"]
    for kind in ("alternative", "wrong", "baseline"):
        solutions += case.solutions(kind)
    for folder in solutions:
        file = folder / entry
        if not file.is_file() and not file.with_suffix(".ipynb").is_file():
            yield case.problem(folder / entry, "the entry file is missing", f"exercise.toml names {entry}")


def _readme(case: Case) -> Iterator[Problem]:
    file = case.course.exercise_folder(case.name) / "README.md"
    if not file.is_file():
        yield case.problem(file, "there is no README", f"write it with the headings {', '.join(HEADINGS)}")
        return
    text = file.read_text(encoding="utf-8")
    found = re.findall(r"^## (.+?)\s*$", text, re.MULTILINE)
    for heading in HEADINGS:
        if heading not in found:
            yield case.problem(file, f"the heading '## {heading}' is missing", "every exercise has it")
    fewest, most = README_LINES
    lines = text.count("\n") + 1
    if not fewest <= lines <= most:
        fix = f"{fewest} to {most} lines: precise enough that two people write compatible code"
        yield case.problem(file, f"{lines} lines", fix, level="todo")
    yield from _points_told(case, file, text)


def _points_told(case: Case, file: Path, text: str) -> Iterator[Problem]:
    """Yield a total in the README that is not what the checks add up to."""
    section = SCORED.search(text)
    told = TOTAL.search(section[1]) if section else None
    known = all(check.points is not None for check in case.outline.checks)
    if told and known and float(told[1]) != case.outline.points:
        reason = f"the points do not add up: {told[1]} are told, the checks have {case.outline.points:g}"
        line = _line_of(file, rf".*{re.escape(told[0])}")
        yield case.problem(file, reason, "change one of them", line=line)


def _grader(case: Case) -> Iterator[Problem]:
    for fault in case.outline.faults:
        yield case.problem(fault.file, fault.reason, fault.fix, line=fault.line)
    count = len(case.outline.checks)
    if 0 < count < FEWEST_CHECKS:
        folder = case.course.grader_folder(case.name)
        yield case.problem(folder, f"{count} of at least {FEWEST_CHECKS} checks", level="todo")
    for check in case.outline.checks:
        if not check.hint:
            yield _of(case, check, f"'{check.name}' has no hint", "say what to try next", level="todo")


def _wrong_solutions(case: Case) -> Iterator[Problem]:
    promises = {folder: read_expectation(folder) for folder in case.solutions("wrong")}
    names = {check.name for check in case.outline.checks}
    for folder, (expectation, faults) in promises.items():
        file = folder / EXPECT
        for fault in faults:
            yield case.problem(file, fault, "see docs/authoring.md")
        for name in expectation.checks.keys() - names if names else ():
            line = _line_of(file, rf"\s*{re.escape(name)}\s*=")
            yield case.problem(file, f"names '{name}', which is no check", line=line)
    yield from _uncaught(case, [expectation for expectation, _ in promises.values()])
    if len(promises) < FEWEST_WRONG:
        fix = "the usual mistakes, and at least one cheat"
        reason = f"{len(promises)} of at least {FEWEST_WRONG} wrong solutions"
        yield case.problem(case.reference / "wrong", reason, fix, level="todo")


def _uncaught(case: Case, expectations: Sequence[Expectation]) -> Iterator[Problem]:
    caught = frozenset().union(*(expectation.caught_by for expectation in expectations))
    for check in case.outline.checks:
        if check.name not in caught:
            fix = "write a wrong solution that it catches: a check that nothing fails proves nothing"
            yield _of(case, check, f"no wrong solution is promised to fail '{check.name}'", fix)


def _alternatives(case: Case) -> Iterator[Problem]:
    count = len(case.solutions("alternative"))
    if count < FEWEST_ALTERNATIVES:
        fix = "a right solution by another way shows that the grader judges answers, not style"
        reason = f"{count} of at least {FEWEST_ALTERNATIVES} alternative solutions"
        yield case.problem(case.reference / "alternative", reason, fix, level="todo")


def _calibrations(case: Case) -> Iterator[Problem]:
    """Yield what is wrong with the marks for each device that the exercise can be graded on."""
    fix, device = f"roadmark calibrate {case.name}", case.exercise.device
    on_gpu = f"{fix} --device cuda"
    if device != "gpu":
        yield from _calibration(case, FILE, fix)
    there = (case.course.grader_folder(case.name) / GPU_FILE).exists()
    if device == "gpu" or there:
        yield from _calibration(case, GPU_FILE, on_gpu)
    elif device == "gpu-optional" and case.outline.metrics:
        reason = "its metrics have no marks that were measured on a GPU: it is graded on the CPU alone"
        yield case.problem(case.spec, reason, on_gpu, level="todo")


def _calibration(case: Case, called: str, fix: str) -> Iterator[Problem]:
    file = case.course.grader_folder(case.name) / called
    try:
        calibration = read_calibration(case.course, case.name, called)
    except SpecError as error:
        for line in _told(case.course, error).split("\n")[1:]:
            yield case.problem(file, line.strip(), fix)
        return
    if case.outline.metrics and not case.solutions("baseline"):
        yield case.problem(case.reference / "baseline", "a metric needs a baseline that must be beaten", fix)
    yield from _metrics(case, file, calibration or Calibration(metrics={}), fix)
    if calibration and case.outline.metrics and calibration.digest != measured_digest(case.course, case.name):
        reason = "the calibration is stale: reference, baseline, grader or data have changed since"
        yield case.problem(file, reason, fix)


def _metrics(case: Case, file: Path, calibration: Calibration, fix: str) -> Iterator[Problem]:
    """Yield the metrics that were not measured as they are now, and what was measured of none."""
    metrics = {check.name: check for check in case.outline.metrics}
    for name, check in metrics.items():
        anchor = calibration.metrics.get(name)
        if anchor is None:
            yield _of(case, check, f"metric '{name}' was never calibrated", fix)
        elif check.better and (anchor.better, anchor.scale) != (check.better, check.scale):
            reason = f"metric '{name}' was calibrated as {anchor.better}, {anchor.scale}"
            yield _of(case, check, reason, fix)
        else:
            yield from (case.problem(file, f"metric '{name}' {said}", fix) for said in _unfit(anchor))
    for name in calibration.metrics.keys() - metrics.keys():
        yield case.problem(file, f"'{name}' is no metric", fix)


def _unfit(anchor: Anchor) -> Iterator[str]:
    """Yield why marks may not be used: they do not follow from the runs beside them, or pay for luck."""
    from harness.marks import altered, refusals_of  # SciPy: only where there is something to calibrate

    changed = altered(anchor)
    if changed:
        yield f"has other marks than follow from its runs: {', '.join(changed)} was changed by hand"
    else:
        yield from refusals_of(anchor)


def _starter(case: Case) -> Iterator[Problem]:
    solution = case.reference / "solution" / case.exercise.entry
    if not solution.is_file():
        return
    try:
        stale = stale_starters(case.course, case.exercise)
    except SpecError as error:
        yield case.problem(solution, _told(case.course, error), error.hint)
        return
    for file in stale:
        reason = "is not what the reference generates" if file.is_file() else "there is no starter"
        yield case.problem(file, reason, f"roadmark starter {case.name}")


def _marks(case: Case) -> Iterator[Problem]:
    """Yield each TODO that an author has left."""
    folders = (case.course.exercise_folder(case.name), case.course.grader_folder(case.name), case.reference)
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix not in (".md", ".toml", ".py"):
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
                left = MARKER.search(line)
                if left:
                    yield case.problem(file, f"TODO: {left[1]}".strip(), line=number, level="todo")


RULES: Final[Sequence[Callable[[Case], Iterator[Problem]]]] = (
    _files,
    _readme,
    _grader,
    _wrong_solutions,
    _alternatives,
    _calibrations,
    _starter,
    _marks,
)


# ---- places ----------------------------------------------------------------------------------


def _of(case: Case, check: Outlined, reason: str, fix: str, *, level: Level = "error") -> Problem:
    return case.problem(check.file, reason, fix, line=check.line, level=level)


def _told(course: Course, error: SpecError) -> str:
    return str(error).replace(f"{course.root}/", "")


def _relative(course: Course, file: Path) -> str:
    return file.relative_to(course.root).as_posix() if file.is_relative_to(course.root) else str(file)


def _line_of(file: Path, pattern: str) -> int:
    """Return the number of the first line that a pattern matches, 0 if none does."""
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else []
    return next((number for number, line in enumerate(lines, 1) if re.match(pattern, line)), 0)
