"""One submission of many: read, graded, and told as a result or as a fault; nothing escapes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from harness.catalog import Course
from harness.cohort.fingerprint import digest_of
from harness.errors import NothingThere, RoadmarkError, SubmissionError
from harness.grade import SEEDS, Options, grade
from harness.gradebook.outcome import outcome_of
from harness.gradings import Place
from harness.intake import read_submission
from harness.intake.folder import bytes_of, is_ignored
from harness.interchange.records import Handed
from harness.recording import file_of
from harness.records import Exercise, Gpu, Result, Submission
from harness.sandbox.ahead import Ahead
from harness.sandbox.protocol import Slot

CHANGED: Final = "the files changed while they waited to be graded; run the command again"
ARCHIVES: Final = (".zip", ".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One submission to grade."""

    learner: str
    handed: Handed
    exercise: Exercise
    digest: str
    """Of the files as they came."""
    key: str
    """By which the result is known."""
    attempts: tuple[int, ...]
    """The gradebook's numbers of the attempts that it answers: one for each member of a group."""


class Assigned(NamedTuple):
    """What a place is given."""

    work: Work
    device: Gpu | None = None
    """The GPU that is lent for it."""
    following: Exercise | None = None
    """What the place will grade next, where that is sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it: a result, or a fault of ours in words."""

    result: Result | None = None
    fault: str = ""
    unkept: str = ""
    """Why there is no recording, if one was asked for."""
    again: bool = False
    """Whether the place failed, not the grading: it is given again, and no try is counted."""
    log: str = ""
    """The last of what the grading process printed, where that was in another machine's log."""

    @property
    def graded(self) -> bool:
        """Whether there is a verdict."""
        return self.result is not None and outcome_of(self.result) != "ungraded"


def grade_one(
    course: Course,
    sandbox: Literal["docker", "process"],
    keep: Path | None,
    seat: Place,
    assigned: Assigned,
    *,
    runtime: str = "",
) -> Report:
    """Return what came of one submission; whatever is raised becomes a fault."""
    work, device = assigned.work, assigned.device
    try:
        if digest_of(work.handed) != work.digest:
            return Report(fault=CHANGED)
        submission, refused = read(course, work.exercise, work.handed, work.learner)
        options = Options(
            sandbox=sandbox,
            runtime=runtime,
            cpus=seat.cpus,
            slot=seat.index,
            device=device,
            seeds=SEEDS,
            keep=keep,
            keeper=_ahead(seat, assigned) if sandbox == "docker" and not runtime else None,
            more=True,
        )
        result = grade(course, work.exercise, submission, options, refused=refused)
    except RoadmarkError as error:
        return Report(fault=_told(error))
    except Exception as error:  # noqa: BLE001 - one submission must not stop the others
        return Report(fault=f"{type(error).__name__}: {error}")
    try:
        unkept = "" if keep is None else _unkept(result, keep)
    except OSError as error:  # the verdict stands
        unkept = str(error)
    return Report(result=result, fault=_why(result), unkept=unkept)


_AHEAD: Final[list[Ahead]] = []
"""What starts this place's next container, once something has been graded here."""


def _ahead(seat: Place, assigned: Assigned) -> Ahead | None:
    """Return what starts containers ahead in this process; a GPU is lent to one container alone."""
    if assigned.device:
        end_waiting()
        return None
    if not _AHEAD:
        _AHEAD[:] = [Ahead(Slot(index=seat.index, cpus=seat.cpus))]
    _AHEAD[0].following = assigned.following
    return _AHEAD[0]


def end_waiting() -> None:
    """End the container that waits in this process, if one does."""
    while _AHEAD:
        _AHEAD.pop().close()


def _told(error: RoadmarkError) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)


def _why(result: Result) -> str:
    """Return why checks were left ungraded, or nothing."""
    return next((check.message for check in result.checks if check.reason == "fault"), "")


def _unkept(result: Result, folder: Path) -> str:
    """Return why a grading was not recorded, if so; of one without a verdict nothing stays."""
    file = file_of(folder, result.provenance.seed)
    if not result.score.ungraded:
        return "" if file.is_file() else "is there room on the disk?"
    for written in (file, file.with_suffix(".safetensors")):
        written.unlink(missing_ok=True)
    return ""


def read(course: Course, exercise: Exercise, handed: Handed, learner: str) -> tuple[Submission, str]:
    """Return a submission, and why intake refuses it if it does."""
    starter = course.exercise_folder(exercise.id) / "starter" / exercise.entry
    known = starter.read_bytes() if starter.exists() else None
    try:
        with _gathered(handed) as path:
            return read_submission(path, exercise, starter=known, learner=learner), ""
    except NothingThere:
        raise
    except SubmissionError as error:
        return _refused(exercise, handed, learner), f"{error}. {error.hint}".strip()


def _refused(exercise: Exercise, handed: Handed, learner: str) -> Submission:
    origin = str(handed.path)
    return Submission(
        files=(), entry=exercise.entry, digest=digest_of(handed), origin=origin, learner=learner
    )


def _sole_archive(path: Path) -> Path | None:
    """Return the archive that is all that a folder holds: platforms put each upload into a folder."""
    if not path.is_dir() or path.is_symlink():
        return None
    entries = [entry for entry in path.iterdir() if not is_ignored(entry.name)]
    only = entries[0] if len(entries) == 1 else None
    return only if only and only.is_file() and only.name.lower().endswith(ARCHIVES) else None


@contextmanager
def _gathered(handed: Handed) -> Iterator[Path]:
    """Give the path of what was handed in; scattered files are brought together while it is read."""
    if not handed.files:
        yield _sole_archive(handed.path) or handed.path
        return
    folder = Path(tempfile.mkdtemp(prefix="roadmark-gather-"))
    try:
        for name, file in handed.files:
            (folder / Path(name).name).write_bytes(bytes_of(file))
        only = len(handed.files) == 1
        yield folder / Path(handed.files[0][0]).name if only else folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
