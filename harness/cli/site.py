"""Where the results and everything else that a site shows come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from harness.cli.books import opened
from harness.errors import SpecError

if TYPE_CHECKING:
    from harness.catalog import Course
    from harness.records import Exercise, Result, Submission
    from reports.dossiers import Anchors, Dossier, Mutants
    from reports.roadmap import Stage
    from reports.site import Fault, Sources

VERIFY_SCHEMA: Final = 1


Earlier = dict[tuple[str, str], str]
"""The files that count, by learner and exercise, where a policy says that not the latest do."""
Found = tuple[Iterable["Result"], list["Fault"], Earlier]


@contextmanager
def results_of(folder: Path | None, gradebook: str | None) -> Iterator[Found]:
    """Give all results by learner, exercise and time, what has none by our fault, and what counts."""
    if folder is not None and gradebook is not None:
        raise click.UsageError("give a folder of results or --gradebook, not both")
    if gradebook is not None:
        with _from_gradebook(gradebook) as found:
            yield found
    elif folder is not None:
        yield _from_folder(folder), [], {}
    else:
        raise click.UsageError("give a folder of results, or --gradebook URL")


@contextmanager
def _from_gradebook(url: str) -> Iterator[Found]:
    from harness.gradebook import standing

    with opened(url) as book, book.reading() as session:
        stored = (replace(result, learner=learner) for learner, result in standing.results(session))
        yield stored, _faults(session), standing.earlier(session)


def _faults(session: Any) -> list[Fault]:
    """Return the attempts whose newest grading has no result at all."""
    from sqlalchemy import func, select

    from harness.gradebook.models import Attempt, Learner, StoredResult
    from reports.site import Fault

    newest = select(func.max(StoredResult.id)).where(~StoredResult.proposed).group_by(StoredResult.attempt_id)
    query = (
        select(Attempt.exercise, Learner.key, StoredResult.fault)
        .join(Attempt, Attempt.id == StoredResult.attempt_id)
        .join(Learner, Learner.id == Attempt.learner_id)
        .where(StoredResult.id.in_(newest), StoredResult.possible.is_(None))
        .order_by(Learner.key, Attempt.exercise)
    )
    return [
        Fault(exercise=exercise, learner=key, reason=reason)
        for exercise, key, reason in session.execute(query)
    ]


def _from_folder(folder: Path) -> Iterator[Result]:
    """Yield the results in a folder; two passes, so that one at a time is in memory."""
    from harness.store import load

    found = []
    for file in sorted(folder.rglob("*.json")):
        try:
            result = load(file)
        except SpecError as error:
            click.echo(f"ignored {error}", err=True)
            continue
        found.append((result.learner, result.exercise, result.provenance.finished, file))
    if not found:
        raise SpecError(
            f"{folder} holds no results", hint="roadmark grade EXERCISE PATH --json > result.json"
        )
    for *_, file in sorted(found):
        yield load(file)


def stages_of(course: Course) -> tuple[Stage, ...]:
    """Return the course as the roadmap shows it; an exercise that cannot be read is left out, and told."""
    from reports.roadmap import Stage

    exercises: dict[str, list[Exercise]] = {}
    for name in course.names():
        try:
            exercises.setdefault(name.partition("/")[0], []).append(course.find(name))
        except SpecError as error:
            click.echo(f"left out: {error}", err=True)
    return tuple(
        Stage(
            id=stage.id,
            title=stage.title,
            summary=stage.summary,
            covers=stage.covers,
            exercises=tuple(exercises.get(stage.id, ())),
        )
        for stage in course.stages()
    )


# ---- what authors know -----------------------------------------------------------------------


def dossiers_of(course: Course, verified: Path | None) -> dict[str, Dossier]:
    """Return for each exercise its wrong solutions, the anchors of its metrics, and its last proof.

    Args:
        course: has the wrong solutions and calibrations.
        verified: what `roadmark verify --json` printed, if it is at hand.
    """
    proofs = _proofs(verified) if verified else {}
    return {name: _dossier(course, name, proofs.get(name, {})) for name in course.names()}


def _proofs(file: Path) -> dict[str, dict[str, Any]]:
    hint = f"roadmark verify --json > {file}"
    try:
        tree = json.loads(file.read_bytes())
        found, version = {one["id"]: one for one in tree["exercises"]}, tree["schema_version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{file} is not a report of roadmark verify: {error!r}", hint=hint) from None
    if version != VERIFY_SCHEMA:
        raise SpecError(f"{file} is a report of version {version}, not {VERIFY_SCHEMA}", hint=hint)
    return found


def _dossier(course: Course, name: str, proof: dict[str, Any]) -> Dossier:
    from harness.expectations import read_expectation
    from reports.dossiers import Dossier, Wrong

    proved = {
        one["name"]: not any(problem["level"] == "error" for problem in one["problems"])
        for one in proof.get("proofs", ())
    }
    folders = sorted(one for one in (course.reference_folder(name) / "wrong").glob("*") if one.is_dir())
    wrong = []
    for folder in folders:
        said, _ = read_expectation(folder)
        known = proved.get(f"wrong/{folder.name}")
        wrong.append(Wrong(name=folder.name, mistake=said.mistake, checks=said.checks, proved=known))
    return Dossier(
        checks=tuple(proof.get("checks", ())),
        wrong=tuple(wrong),
        mutants=_mutants(proof.get("mutation")),
        anchors=_anchors(course, name),
        reference_seconds=proof.get("reference_seconds"),
        problems=tuple(_told(problem) for one in proof.get("proofs", ()) for problem in one["problems"]),
    )


def _told(problem: dict[str, Any]) -> str:
    place = f"{problem['file']}:{problem['line']}: " if problem["file"] else ""
    return f"{place}{problem['reason']}"


def _mutants(tree: dict[str, Any] | None) -> Mutants | None:
    from reports.dossiers import Mutants, Survivor

    if not tree:
        return None
    survivors = (
        Survivor(
            place=f"{one['file']}:{one['line']}", kind=one["kind"], before=one["before"], after=one["after"]
        )
        for one in tree["survivors"]
    )
    return Mutants(
        graded=tree["graded"], caught=tree["caught"], excused=tree["excused"], survivors=tuple(survivors)
    )


def _anchors(course: Course, name: str) -> dict[str, Anchors]:
    from harness.anchors import read_calibration
    from reports.dossiers import Anchors

    try:
        calibration = read_calibration(course, name)
    except SpecError:  # `roadmark lint` tells it
        return {}
    return {
        metric: Anchors(reference=one.reference, baselines=one.baseline)
        for metric, one in (calibration.metrics if calibration else {}).items()
    }


# ---- what was handed in ----------------------------------------------------------------------


@contextmanager
def sources_of(course: Course, path: Path | None, form: str) -> Iterator[Sources | None]:
    """Give the code that a source holds, read whenever it is asked for; None without a source."""
    if path is None:
        yield None
        return
    from harness.interchange.readers import read_source
    from reports.site import Sources

    with read_source(path, form, course.names()) as source:
        handed = _Handed(course, source.handed)
        yield Sources(of=handed.of, starter=handed.starter)


@dataclass(frozen=True, slots=True)
class _Handed:
    course: Course
    handed: tuple[Any, ...]

    def of(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield learner and code of each submission for an exercise; what intake refuses is left out."""
        try:
            exercise = self.course.find(name)
        except SpecError:
            return
        from harness.cohort.grading import read

        for one in self.handed:
            if one.exercise in ("", name):
                submission, _ = read(self.course, exercise, one, "")
                code = code_of(submission)
                yield from ((person.key, code) for person in one.people if code)

    def starter(self, name: str) -> str:
        """Return the starter's code."""
        file = self.course.exercise_folder(name) / "starter"
        return "\n".join(one.read_text("utf-8", "replace") for one in sorted(file.glob("*.py")))


def code_of(submission: Submission) -> str:
    """Return all Python of a submission as one text; of a notebook the code of its cells."""
    parts = [file.data.decode("utf-8", "replace") for file in submission.files if file.path.endswith(".py")]
    return "\n\n".join([cell.source for cell in submission.cells] + parts)
