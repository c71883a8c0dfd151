"""What the grader's child process does: start a sandbox, collect the checks, ask them, end the sandbox."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.failures import LearnerFailure
from harness.libraries import imported_since
from harness.records import Check, CheckResult, Exercise, Submission
from harness.sandbox.protocol import Sandbox, Slot
from harness.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that the child needs to know."""

    exercise: Exercise
    submission: Submission
    files: tuple[Path, ...]
    marks: Mapping[str, Mapping[str, float]]
    sandbox: Literal["docker", "process"]
    cpus: tuple[int, ...]
    slot: int
    candid: bool
    stop_early: bool
    seed: bytes
    refused: str
    device: str = ""
    """Uuid of the GPU that is lent; empty for none."""
    runtime: str = ""
    """What runs the container; empty for the engine's own."""
    keep: Path | None = None
    """Folder for a recording of what the submission answers."""
    kept: Sandbox | None = None
    """Where the submission runs, if that is kept from one grading to the next."""
    replay: Path | None = None
    """Folder of recordings, one of which answers in place of the submission."""


def ask_checks(
    job: Job, *, on_manifest: Callable[[tuple[Check, ...]], None], on_result: Callable[[CheckResult], None]
) -> dict[str, Any]:
    """Ask every check and return what is known about the run; raises what went wrong on our side."""
    had = frozenset(sys.modules)
    cpus = job.cpus or own_cpus(job.exercise.limits.cpus)
    sandbox = _sandbox(job, Slot(index=job.slot, cpus=cpus, device=job.device))
    session = Session(sandbox, job.exercise, job.submission, job.seed)
    if job.refused:
        session.refuse(LearnerFailure("invalid", job.refused))
        warming = None
    else:
        warming = _Warming(session)  # the container starts and imports while we do

    def manifest_is_fixed(checks: tuple[Check, ...]) -> None:
        on_manifest(checks)
        if warming:
            warming.finish()

    try:
        run = _run(job, session, manifest_is_fixed, on_result)
    finally:
        if warming:
            warming.join()
        session.close()
    if job.keep or job.replay:
        _close_recording(job, sandbox)
    return {
        "log": run.public_log,
        "tier": sandbox.tier(),
        "image": sandbox.image(),
        "starts": session.starts,
        "left": session.left,
        "closest_call": session.closest_call,
        "peak_memory_mb": session.peak_memory_mb,
        "notices": list(session.raised),
        "notebook": session.executed,
        "gpu": session.gpu,
        "imported": imported_since(had),
    }


def _sandbox(job: Job, slot: Slot) -> Sandbox:
    """Return where the submission runs, or a recording that stands for it."""
    if job.replay:
        from harness.recording import Replay, file_of, load, looks_at_the_clock

        kept = load(file_of(job.replay, job.seed.hex()))
        return Replay(*kept, real_time=looks_at_the_clock(job.files))
    sandbox = job.kept or open_sandbox(job.sandbox, slot, job.runtime)
    if job.keep:
        from harness.recording import Recorder

        return Recorder(sandbox)
    return sandbox


def _close_recording(job: Job, sandbox: Sandbox) -> None:
    """Write what was recorded, if there is room; raises `NotRecorded` if a replay lacked an answer."""
    from harness.recording import Recorder, Replay, file_of, save

    if isinstance(sandbox, Replay) and sandbox.missing:
        raise sandbox.missing
    if isinstance(sandbox, Recorder) and job.keep:
        made = sandbox.recording(job.exercise, job.submission, job.seed, job.refused)
        with suppress(OSError, ValueError, RecursionError):  # without it there is a verdict all the same
            save(made, sandbox.tensors, file_of(job.keep, made.seed))


def _run(
    job: Job,
    session: Session,
    on_manifest: Callable[[tuple[Check, ...]], None],
    on_result: Callable[[CheckResult], None],
) -> Any:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from harness.plugin import Run, run_checks  # pytest and NumPy: imported while the container starts

    threads = max(1, len(job.cpus))  # many places on one machine would fight over its processors
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for libraries that are loaded later, such as SciPy's
    os.environ["CUDA_VISIBLE_DEVICES"] = job.device  # the grader's own work uses what is lent, no other
    for name in job.exercise.preload:
        importlib.import_module(name)
    threadpool_limits(threads)
    run = Run(
        session=session,
        seed=job.seed,
        marks=job.marks,
        on_manifest=on_manifest,
        on_result=on_result,
        candid=job.candid,
        stop_early=job.stop_early,
    )
    run_checks(run, job.files)
    return run


class _Warming(threading.Thread):
    """Starts the sandbox beside our own imports; what it raises is raised where it is awaited."""

    def __init__(self, session: Session) -> None:
        super().__init__(daemon=True)
        self._session = session
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Start the worker and have it import libraries."""
        try:
            self._session.warm()
        except Exception as error:  # noqa: BLE001 - raised again in `finish`
            self._error = error

    def finish(self) -> None:
        """Wait for the start; raises what it raised."""
        self.join()
        if self._error:
            raise self._error


def own_cpus(count: int) -> tuple[int, ...]:
    """Return that many processors of ours; none where they cannot be told or the engine is elsewhere."""
    if "DOCKER_HOST" in os.environ or not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0))[:count])


def open_sandbox(name: Literal["docker", "process"], slot: Slot, runtime: str = "") -> Sandbox:
    """Return the sandbox of that name; the engine's library is imported only for Docker."""
    if name == "process":
        from harness.sandbox.process import ProcessSandbox

        return ProcessSandbox(slot)
    from harness.sandbox.docker import DockerSandbox

    return DockerSandbox(slot=slot, runtime=runtime)
