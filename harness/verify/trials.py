"""What is graded to prove one exercise: its solutions, right and wrong, and its starter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from harness.errors import SubmissionError
from harness.expectations import FILE as EXPECT
from harness.grade import Options
from harness.gradings import Trial
from harness.intake import read_submission
from harness.intake.read import digest
from harness.lint import Case
from harness.records import Submission

Kind = Literal["solution", "alternative", "starter", "wrong", "baseline", "mutant"]
HONEST: Final = ("solution", "alternative")
"""What has to earn every point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One thing that is graded in proof of an exercise."""

    case: Case
    kind: Kind
    folder: Path
    trial: Trial
    turn: int = 0
    """Which of several gradings with fresh seeds this is, from 0."""

    @property
    def name(self) -> str:
        """Return what it is called in the course: `solution`, `starter` or `wrong/<name>`."""
        return self.kind if self.kind in ("solution", "starter") else f"{self.kind}/{self.folder.name}"

    @property
    def key(self) -> tuple[str, str]:
        """Return what all gradings of it have in common."""
        return self.case.name, self.name

    @property
    def entry(self) -> Path:
        """Return its entry file, which problems point to."""
        return self.folder / self.case.exercise.entry

    def again(self, turn: int) -> Candidate:
        """Return the same with a fresh seed, which follows from its own and the turn."""
        path = "/".join((*self.key, str(turn)))
        seed = hashlib.sha256(self.trial.options.seed + path.encode()).digest()[:16]
        options = replace(self.trial.options, seed=seed)
        return replace(self, trial=replace(self.trial, options=options), turn=turn)


def candidates(case: Case, options: Options, repeat: int = 1) -> Iterator[Candidate]:
    """Yield all that proves an exercise, what takes longest first.

    Args:
        case: The exercise.
        options: The sandbox to use.
        repeat: How many fresh seeds each solution is graded with.
    """
    solutions: list[tuple[Kind, Path]] = [("solution", case.reference / "solution")]
    solutions += [("alternative", folder) for folder in case.solutions("alternative")]
    solutions += [("wrong", folder) for folder in case.solutions("wrong")]
    for turn in range(repeat):
        for kind, folder in solutions:
            yield candidate(case, kind, folder, options).again(turn)
    yield candidate(case, "starter", case.course.exercise_folder(case.name) / "starter", options)


def candidate(case: Case, kind: Kind, folder: Path, options: Options) -> Candidate:
    """Return one folder as something to grade."""
    submission, refused = _read(case, folder)
    trial = Trial(exercise=case.exercise, submission=submission, options=options, refused=refused)
    return Candidate(case=case, kind=kind, folder=folder, trial=trial)


def _read(case: Case, folder: Path) -> tuple[Submission, str]:
    """Return a folder's files without what it promises, and why intake refuses them, if it does."""
    try:
        read = read_submission(folder, case.exercise)
    except SubmissionError as error:
        return Submission(files=(), entry=case.exercise.entry, digest="", origin=str(folder)), str(error)
    files = tuple(file for file in read.files if file.path != EXPECT)
    return replace(read, files=files, digest=digest(files)), ""
