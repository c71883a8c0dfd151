"""The arena: hostile submissions are graded in real containers, several at a time, an honest one beside them.

Each place is a process of its own (`python -m tests.hostile.arena`) that is told in a line
of JSON what to grade and answers in one. The honest neighbour is graded again and again for
as long as anybody hostile is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final

from harness.catalog import Course, load_exercise
from harness.errors import SubmissionError
from harness.grade import Options, grade
from harness.intake import read_submission
from harness.proxy import SubmissionProxy
from harness.records import CheckResult, Exercise, Result, Submission
from harness.sandbox.docker import DockerSandbox
from harness.sandbox.protocol import Slot
from harness.session import Session
from harness.store import dump
from tests.hostile.catalogue import HERE, Attack
from tests.hostile.together import course_of_all

COURSE: Final = Course(HERE / "course")
HONEST: Final = COURSE.reference_folder("arena/small") / "solution"
UNTOUCHED: Final = {"squares": "passed", "one": "passed", "cubes": "passed"}
LEARNER: Final = "mallory"
PLACES: Final = 3
HONEST_SEAT: Final = PLACES
PAIR_SEAT: Final = PLACES + 1


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of one grading; times are of the machine's monotonic clock."""

    began: float
    ended: float
    verdicts: dict[str, str]
    messages: dict[str, str]
    earned: float
    learner: str
    text: str
    """The whole result as JSON."""


def verdict(check: CheckResult) -> str:
    """Return one check's outcome and reason, such as `crashed: timeout`."""
    return f"{check.outcome}: {check.reason}" if check.reason else str(check.outcome)


def grade_path(path: Path, exercise: str = "small", *, seat: int = 0, course: Course = COURSE) -> Graded:
    """Grade what lies at `path` as `roadmark grade` does: what intake refuses is refused in words."""
    began = time.monotonic()
    spec = load_exercise(course.exercise_folder(f"arena/{exercise}"))
    submission, refused = _read(path, spec)
    cpus = sorted(os.sched_getaffinity(0))
    options = Options(slot=seat, cpus=(cpus[seat % len(cpus)],))
    return _graded(began, grade(course, spec, submission, options, refused=refused))


def _read(path: Path, spec: Exercise) -> tuple[Submission, str]:
    try:
        return read_submission(path, spec, learner=LEARNER), ""
    except SubmissionError as error:
        nothing = Submission(files=(), entry=spec.entry, digest="", learner=LEARNER)
        return nothing, f"{error}. {error.hint}".strip()


def _graded(began: float, result: Result) -> Graded:
    return Graded(
        began=began,
        ended=time.monotonic(),
        verdicts={check.name: verdict(check) for check in result.checks},
        messages={check.name: check.message for check in result.checks},
        earned=result.score.earned,
        learner=result.learner,
        text=dump(result).decode(),
    )


def grade_attack(attack: Attack, seat: int = 0) -> Graded:
    """Grade a submission of the catalogue as its row asks for."""
    with ExitStack() as stack:
        if attack.pair:
            stack.enter_context(_first_of_a_pair(attack))
        for _ in range(attack.times):
            graded = grade_path(attack.path, attack.exercise, seat=seat)
    return graded


@contextmanager
def _first_of_a_pair(attack: Attack) -> Iterator[None]:
    """Have the submission leave something in a container of its own that lives as long as the block."""
    spec = load_exercise(COURSE.exercise_folder(f"arena/{attack.exercise}"))
    session = Session(DockerSandbox(slot=Slot(index=PAIR_SEAT)), spec, _read(attack.path, spec)[0], b"pair")
    try:
        assert SubmissionProxy(session).leave() > 0
        yield
    finally:
        session.close()


def grade_together(attacks: Sequence[Attack], seat: int = 0) -> Graded:
    """Grade submissions in one container, one check for each; the checks have the names of the attacks."""
    with tempfile.TemporaryDirectory() as folder:
        course, submission = course_of_all(Path(folder), attacks)
        return grade_path(submission, "together", seat=seat, course=course)


# ---- places -----------------------------------------------------------------------------------


class Place:
    """A process that grades what it is told, one submission at a time."""

    def __init__(self, seat: int) -> None:
        self._seat = seat
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.arena"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parents[1],
        )

    def grade(self, job: dict[str, Any]) -> Graded:
        """Return what came of it; raises `RuntimeError` with what went wrong there."""
        self._process.stdin.write(json.dumps(job | {"seat": self._seat}) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline() or '{"fault": "the place ended"}')
        if "fault" in told:
            raise RuntimeError(told["fault"])
        return Graded(**told)

    def close(self) -> None:
        """Let it end."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


class Arena:
    """Grades submissions of the catalogue ahead of the tests that ask what came of them."""

    def __init__(self, jobs: dict[str, dict[str, Any]]) -> None:
        self._waiting: SimpleQueue[str] = SimpleQueue()
        self._jobs = jobs
        self._said: dict[str, Graded | Exception] = {}
        self._ready = {name: threading.Event() for name in jobs}
        self._honest: list[Graded] = []
        self._honest_ready = threading.Condition()
        self._over = threading.Event()
        for name in jobs:
            self._waiting.put(name)
        self._threads = [threading.Thread(target=self._grade_all, args=(seat,)) for seat in range(PLACES)]
        self._threads.append(threading.Thread(target=self._grade_the_honest_one))
        for thread in self._threads:
            thread.start()

    def graded(self, name: str) -> Graded:
        """Wait for what came of a submission."""
        assert self._ready[name].wait(600)
        said = self._said[name]
        if isinstance(said, Exception):
            raise said
        return said

    def beside(self, graded: Graded) -> list[Graded]:
        """Return the gradings of the honest neighbour that overlap with one, waiting for the last of them."""
        with self._honest_ready:
            self._honest_ready.wait_for(lambda: any(one.began >= graded.began for one in self._honest), 120)
            return [one for one in self._honest if one.ended > graded.began and one.began < graded.ended]

    def close(self) -> None:
        """End all places; what waits is not graded any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _grade_all(self, seat: int) -> None:
        place = Place(seat)
        while not self._over.is_set():
            try:
                name = self._waiting.get_nowait()
            except Empty:
                break
            try:
                self._said[name] = place.grade(self._jobs[name])
            except (RuntimeError, OSError, ValueError) as error:
                self._said[name] = error
            self._ready[name].set()
        place.close()

    def _grade_the_honest_one(self) -> None:
        place = Place(HONEST_SEAT)
        while not self._over.is_set():
            began = time.monotonic()
            try:
                graded = place.grade({"path": str(HONEST), "exercise": "small"})
            except (RuntimeError, OSError, ValueError) as error:
                self._over.wait(1)
                graded = Graded(began, time.monotonic(), {"fault": repr(error)}, {}, 0.0, "", "")
            with self._honest_ready:
                self._honest.append(graded)
                self._honest_ready.notify_all()
        place.close()


def job_of(*attacks: Attack) -> dict[str, Any]:
    """Return the line that asks for an attack, or for several in one container."""
    return {"attacks": [asdict(attack) for attack in attacks]}


def _done(job: dict[str, Any]) -> Graded:
    attacks = [Attack(**fields) for fields in job.get("attacks", ())]
    if not attacks:
        return grade_path(Path(job["path"]), job["exercise"], seat=job["seat"])
    if len(attacks) == 1:
        return grade_attack(attacks[0], job["seat"])
    return grade_together(attacks, job["seat"])


def main() -> None:
    """Grade what each line of stdin says and answer with a line."""
    for line in sys.stdin:
        try:
            said = asdict(_done(json.loads(line)))
        except Exception as error:
            said = {"fault": repr(error)}
        print(json.dumps(said), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
