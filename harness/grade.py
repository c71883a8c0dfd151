"""Grade one submission: a child process asks the checks, this one keeps manifest, clock and score.

The child holds the sandbox and the grader. It reports over a pipe, in JSON: the manifest,
then one result per check, then what is known about the run. Whatever it did not report is
`ungraded`; nothing that it says can earn more than the manifest allows.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import secrets
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from harness.asking import Job, ask_checks
from harness.catalog import Course, folder_digest, metric_marks
from harness.errors import GraderError, NotRecorded, RoadmarkError, SandboxError, SpecError
from harness.further import STAGES, settled
from harness.libraries import import_too
from harness.records import Check, CheckResult, Exercise, Gpu, Outcome, Provenance, Result, Submission
from harness.sandbox.protocol import Keeper
from harness.scoring import total

CHECKS: Final = TypeAdapter(tuple[Check, ...])
CHECK_RESULT: Final = TypeAdapter(CheckResult)
GRADER_SECONDS: Final = 300.0
"""What the grader's own work may take beside the submission's time."""
SEEDS: Final = STAGES[-1]
"""Runs at most for a grade that is recorded."""
ATTEMPTS: Final = 2
"""How often a grading is tried that a fault of ours left without a verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to grade."""

    sandbox: Literal["docker", "process"] = "docker"
    runtime: str = ""
    """What runs the container, such as `runsc`; empty for the engine's own."""
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    kind: Literal["grade", "check"] = "grade"
    cpus: tuple[int, ...] = ()
    slot: int = 0
    device: Gpu | None = None
    """The GPU that is lent to this grading."""
    candid: bool = False
    """Whether hidden checks say all that they saw: for an exercise's author, never for a learner."""
    stop_early: bool = False
    """Whether to ask nothing more after a check that does not earn all its points."""
    marks: Mapping[str, Mapping[str, float]] | None = None
    """Zero and full mark of each metric, in place of those in calibration.json."""
    seeds: int = 1
    """Runs at most, where the interval of a metric leaves open whether the exercise passes; see `further`."""
    keep: Path | None = None
    """Folder for a recording of what the submission answers, by the seed; none is kept by default."""
    keeper: Keeper | None = None
    """What starts containers for the gradings of this process."""
    replay: Path | None = None
    """Folder of recordings, which answer in place of the submission; it is not run."""
    more: bool = False
    """Whether this process will grade more: it then imports what a grading had to import, once for all."""


@dataclass(slots=True)
class _Heard:
    """What the child has said so far."""

    manifest: tuple[Check, ...] = ()
    results: dict[str, CheckResult] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    fault: Mapping[str, str] | None = None

    @property
    def complete(self) -> bool:
        """Whether every check has a verdict and the run ended in order."""
        graded = [check for check in self.results.values() if check.reason != "fault"]
        return bool(self.manifest and self.facts) and len(graded) == len(self.manifest)


Progress = Callable[[CheckResult], None]


def _silent(_: CheckResult) -> None:
    """Say nothing of a check: that of a further run has been told before."""


def grade(
    course: Course,
    exercise: Exercise,
    submission: Submission,
    options: Options | None = None,
    *,
    progress: Progress = _silent,
    refused: str = "",
) -> Result:
    """Return the result of one submission.

    Args:
        course: Where the grader lies.
        exercise: What is graded.
        submission: What was handed in.
        options: Sandbox, seed and place.
        progress: Called with each check's result as it comes.
        refused: Why intake refused the submission; then no code runs and every check says so.

    Raises:
        SpecError, GraderError: the exercise's author has to mend something.
        SandboxError: the sandbox cannot be used at all, or the exercise needs a GPU and none is lent.
    """
    options = options or Options()
    _require_device(exercise, options)

    def run(seed: bytes) -> Result:
        first = seed == options.seed
        again = replace(options, seed=seed)
        return _grade_once(course, exercise, submission, again, progress if first else _silent, refused)

    return settled(run, options.seed, options.seeds)


def _require_device(exercise: Exercise, options: Options) -> None:
    """Refuse an exercise whose device is not what is lent; there is no silent fallback."""
    if exercise.device == "gpu" and not (options.device or options.replay):
        hint = "roadmark doctor --profile gpu"
        raise SandboxError(f"{exercise.id} needs a GPU, and none is lent", hint=hint)
    if exercise.device != "gpu" and options.device:
        raise SandboxError(f"a GPU is lent to {exercise.id}, which is graded on the CPU")


def _grade_once(
    course: Course,
    exercise: Exercise,
    submission: Submission,
    options: Options,
    progress: Progress,
    refused: str,
) -> Result:
    """Return the result of one run."""
    started = datetime.now(UTC)
    clock = time.monotonic()
    for attempt in range(ATTEMPTS):
        heard = _hear(course, exercise, submission, options, progress, refused)
        if heard.complete:
            break
        _raise_fault(heard, last=attempt == ATTEMPTS - 1)
    checks = tuple(heard.results.get(c.name) or _unheard(c) for c in heard.manifest)
    checks = tuple(
        _within_manifest(result, check) for result, check in zip(checks, heard.manifest, strict=True)
    )
    return Result(
        exercise=exercise.id,
        exercise_title=exercise.title,
        learner=submission.learner,
        submission=submission.digest,
        origin=submission.origin,
        score=total(checks, exercise.pass_mark),
        checks=checks,
        pass_mark=exercise.pass_mark,
        kind=options.kind,
        notices=(*submission.notices, *heard.facts.get("notices", ())),
        notebook=str(heard.facts.get("notebook", "")),
        log=str(heard.facts.get("log", "")),
        provenance=_provenance(course, exercise, options, heard, started, time.monotonic() - clock),
    )


def _unheard(check: Check) -> CheckResult:
    """Return the result of a check that the grader did not come to."""
    from harness.verdict import ungraded  # with it comes NumPy, which only the child needs otherwise

    return ungraded(check, "the grader ended early")


def _within_manifest(result: CheckResult, check: Check) -> CheckResult:
    """Hold a result to what the manifest allows: its points and, without a pass, nothing for plain checks."""
    plain_miss = check.metric is None and result.outcome is not Outcome.PASSED
    earned = 0.0 if plain_miss else min(max(0.0, result.earned), check.points)
    return replace(result, points=check.points, earned=earned, visibility=check.visibility)


def _raise_fault(heard: _Heard, *, last: bool) -> None:
    """Raise a fault that no second try can mend, or that has come at the last."""
    fault = heard.fault
    if fault is None:
        if last and not heard.manifest:
            raise GraderError("the grader ended before it had a list of checks", hint="roadmark lint")
        return
    kinds: dict[str, type[RoadmarkError]] = {
        "SpecError": SpecError,
        "SandboxError": SandboxError,
        "NoEngine": SandboxError,
        "ImageMissing": SandboxError,
        "NotRecorded": NotRecorded,
    }
    kind = kinds.get(fault["kind"], GraderError)
    if kind is not SandboxError or (last and not heard.results):
        raise kind(fault["message"], hint=fault["hint"])


def _hear(
    course: Course,
    exercise: Exercise,
    submission: Submission,
    options: Options,
    progress: Progress,
    refused: str,
) -> _Heard:
    """Run the child once and return what it said before it ended or its time was up."""
    folder = course.grader_folder(exercise.id)
    keeper = options.keeper if options.sandbox == "docker" else None
    if keeper:
        keeper.before_fork()
    job = Job(
        exercise=exercise,
        submission=submission,
        files=_grader_files(folder, options),
        marks=_marks(course, exercise) if options.marks is None else options.marks,
        sandbox=options.sandbox,
        runtime=options.runtime,
        cpus=options.cpus,
        slot=options.slot,
        candid=options.candid,
        stop_early=options.stop_early,
        seed=options.seed,
        refused=refused,
        device=options.device.uuid if options.device else "",
        keep=options.keep,
        kept=keeper.sandbox(exercise) if keeper and not refused else None,
        replay=options.replay,
    )
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_child, args=(theirs, ours, job), daemon=True)
    child.start()
    theirs.close()
    if keeper:
        keeper.started()
    heard = _Heard()
    try:
        _listen(ours, heard, time.monotonic() + exercise.limits.total_seconds + GRADER_SECONDS, progress)
        child.join(10)
    finally:
        _end(child)
        ours.close()
        if keeper and job.kept:
            keeper.settle(heard.facts)
    if options.more:
        import_too(heard.facts.get("imported", ()))
    return heard


def _marks(course: Course, exercise: Exercise) -> Mapping[str, Mapping[str, float]]:
    """Return the marks that were measured on what the submission runs on."""
    return metric_marks(course, exercise.id, "gpu" if exercise.device == "gpu" else "cpu")


def _grader_files(folder: Path, options: Options) -> tuple[Path, ...]:
    names = ("public.py",) if options.kind == "check" else ("public.py", "hidden.py")
    files = tuple(folder / name for name in names if (folder / name).exists())
    if not files:
        raise SpecError(f"{folder} has no {' or '.join(names)}")
    return files


def _listen(pipe: Connection, heard: _Heard, deadline: float, progress: Progress) -> None:
    """Take the child's messages until it closes the pipe; those out of order or twice count for nothing."""
    while pipe.poll(max(0.0, deadline - time.monotonic())):
        try:
            message = json.loads(pipe.recv_bytes(64 << 20))
        except (EOFError, OSError):
            return
        match message:
            case {"manifest": checks} if not heard.manifest:
                heard.manifest = CHECKS.validate_python(checks)
            case {"result": fields}:
                _take_result(heard, fields, progress)
            case {"facts": facts}:
                heard.facts = facts
            case {"fault": fault}:
                heard.fault = fault


def _take_result(heard: _Heard, fields: object, progress: Progress) -> None:
    try:
        result = CHECK_RESULT.validate_python(fields)
    except ValidationError:
        return
    if result.name in {check.name for check in heard.manifest} and result.name not in heard.results:
        heard.results[result.name] = result
        progress(result)


def _end(child: Any) -> None:
    if child.is_alive():
        child.terminate()
        child.join(3)
    if child.is_alive():
        child.kill()
        child.join()


def _child(pipe: Connection, unused: Connection, job: Job) -> None:
    """Ask the checks and report; this is the child's whole life."""
    unused.close()
    _end_with_parent(pipe.fileno())
    os.dup2(2, 1)  # a grader that prints must not write into the result on stdout

    def say(kind: str, content: object) -> None:
        pipe.send_bytes(json.dumps({kind: content}).encode())

    try:
        facts = ask_checks(
            job,
            on_manifest=lambda checks: say("manifest", CHECKS.dump_python(checks, mode="json")),
            on_result=lambda result: say("result", CHECK_RESULT.dump_python(result, mode="json")),
        )
        say("facts", facts)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to know
        hint = getattr(error, "hint", "")
        say("fault", {"kind": type(error).__name__, "message": str(error) or repr(error), "hint": hint})
    finally:
        pipe.close()
        sys.stdout.flush()
        os._exit(0)


def _end_with_parent(pipe: int) -> None:
    """Unwind, so that the sandbox is ended, once the parent says so or has gone."""

    def unwind(*_: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)  # once: cleaning up is not to be disturbed
        raise KeyboardInterrupt  # pytest takes SystemExit for a failed test, and goes on

    def watch() -> None:
        reader_gone = select.poll()
        reader_gone.register(pipe, 0)
        reader_gone.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal's goes to the parent too, which decides
    threading.Thread(target=watch, daemon=True).start()


def _provenance(
    course: Course, exercise: Exercise, options: Options, heard: _Heard, started: datetime, seconds: float
) -> Provenance:
    facts = heard.facts
    return Provenance(
        roadmark=package_version("roadmark"),
        python=platform.python_version(),
        torch=package_version("torch"),
        exercise_digest=folder_digest(course.exercise_folder(exercise.id)),
        grader_digest=folder_digest(course.grader_folder(exercise.id)),
        sandbox=options.sandbox,
        tier=str(facts.get("tier", "")),
        image=str(facts.get("image", "")),
        device=f"cuda:{options.device.index}" if options.device else "cpu",
        gpu=replace(options.device, **facts.get("gpu", {})) if options.device else None,
        seed=options.seed.hex(),
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        worker_starts=int(facts.get("starts", 0)),
        closest_call=facts.get("closest_call"),
        peak_memory_mb=facts.get("peak_memory_mb"),
    )


def package_version(name: str) -> str:
    """Return the version of an installed package, or an empty text."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
