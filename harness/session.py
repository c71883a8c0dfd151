"""One submission's conversation through the wall: questions, deadlines, deaths and fresh starts.

A session starts a worker, brings the files in, and asks. A worker that dies, hangs or
floods costs the check that met it; the next check gets a fresh one, a bounded number of
times. A fault of the sandbox itself is a `SandboxError`, never the learner's.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Final

from harness import wire
from harness.callbacks import Callbacks, refuse
from harness.errors import SandboxError
from harness.failures import LearnerFailure, described, died, missing, plain, raised_cells, unsendable
from harness.records import Exercise, Submission
from harness.sandbox.protocol import Ending, Metered, Process, Sandbox, Shared, Stopped

MODULE: Final = 0
LOAD_SECONDS: Final = 60.0
LEAVE_SECONDS: Final = 10.0
DROPS_CAP: Final = 10_000
"""A worker keeps a thousand objects; handles beyond that are made up, and need not be dropped."""
ASKS_CAP: Final = 20_000


class Session:
    """Questions to one submission, in one sandbox after another.

    Args:
        sandbox: Where workers run.
        exercise: Gives limits, entry and what to import beforehand.
        submission: The files; they enter the sandbox at the first question.
        seed: Secret of this run; each call seeds the submission's global generators from it.
    """

    def __init__(self, sandbox: Sandbox, exercise: Exercise, submission: Submission, seed: bytes) -> None:
        self.exercise, self.submission = exercise, submission
        self.remote: Callable[[wire.Handle], object] = lambda handle: handle
        self.starts = 0
        self.peak_memory_mb: float | None = None
        self.raised: tuple[str, ...] = ()
        """What a notebook's cells raised, in words, cell by cell."""
        self.environment: dict[str, str] = {}
        """Variables that the submission finds in its environment, such as a key to a service."""
        self.gpu: dict[str, str] = {}
        """Versions of torch and CUDA on the GPU that is lent, told before the submission came in."""
        self.executed = ""
        """The notebook with the outputs of its last run, as JSON."""
        self.addresses: dict[str, str] = {}
        """Where the submission's web apps listen, in the worker that runs now."""
        self.closest_call = 0.0
        """The largest share of its own time limit that a call has used."""
        self.left = False
        """Whether the last worker has left its place to others in order."""
        self._sandbox, self._seed = sandbox, seed
        self._stack = ExitStack()
        self._process: Process | None = None
        self._loaded = self._brought = False
        self._broken: LearnerFailure | None = None
        self._import_failure: LearnerFailure | None = None
        self._dropped: list[int] = []
        self._callbacks = Callbacks(self.require_alive)
        self._calls = 0
        self._warming, self._warm = "", False
        self._log = bytearray()
        self._end = float("inf")

    # ---- life --------------------------------------------------------------------------------

    def warm(self) -> None:
        """Start a worker and have it import libraries, without the submission.

        It is not waited for, unless a GPU is lent: what cannot be used is said before anything is asked.
        """
        if self._process is None:
            self._process = self._stack.enter_context(self._sandbox.launch(self.exercise))
            self.starts += 1
            self._warm = False
            gpu = {"gpu": True} if self.exercise.device == "gpu" else {}
            try:
                self._warming = self._post("preload", {"modules": list(self.exercise.preload), **gpu})
                if gpu:
                    self._await_warm(time.monotonic() + LOAD_SECONDS)
            except (Stopped, LearnerFailure, wire.ProtocolError) as problem:
                raise self._unusable(problem) from problem

    def refuse(self, failure: LearnerFailure) -> None:
        """Answer every question with this failure; nothing is started."""
        self._import_failure = failure

    def next_check(self) -> bool:
        """Begin a check: if the worker died in the last one, the next question starts afresh.

        Returns:
            Whether it died, so that objects left inside have to be made again.
        """
        lost = self._broken is not None
        self._broken = None
        return lost

    def close(self) -> None:
        """End the worker."""
        self._leave()
        self._end_process()
        self._stack.close()

    def take_log(self) -> str:
        """Return and forget what was printed, as text."""
        text = self.printed()
        self._log.clear()
        return text

    def printed(self) -> str:
        """Return what was printed since it was last taken, as text."""
        if self._process is not None:
            self._log += self._process.take_log()
        return self._log.decode("utf-8", "replace")

    def cpu_seconds(self) -> float | None:
        """Return the processor time that the worker has used since it started; None where it is not known."""
        return self._process.cpu_seconds() if isinstance(self._process, Metered) else None

    def set_environment(self, variables: Mapping[str, str]) -> None:
        """Set variables of the submission's environment, for its import and for what comes after."""
        self.environment.update(variables)
        if self._loaded:
            self.ask("set_environment", None, variables=dict(variables))

    def require_alive(self, start: int) -> None:
        """Refuse an object of a worker that has ended; raises `LearnerFailure`."""
        if start != self.starts or self._process is None:
            raise self._broken or LearnerFailure(
                "lost", "The object was lost when the submission was started again."
            )

    def drop(self, handle: int, start: int) -> None:
        """Forget an object inside, with the next question."""
        if start == self.starts and self._process is not None:
            self._dropped.append(handle)

    # ---- questions ---------------------------------------------------------------------------

    def ask(self, operation: str, seconds: float | None, /, **arguments: Any) -> Any:
        """Ask one question and return its answer; raises `LearnerFailure` or `SandboxError`."""
        if self._broken:
            raise self._broken
        self._require_loaded()
        self._calls += 1
        return self._exchange(operation, arguments, seconds or self.exercise.limits.call_seconds)

    def _require_loaded(self) -> None:
        if self._import_failure:
            raise self._import_failure
        if self._loaded:
            return
        if time.monotonic() >= self._end:
            total = f"{self.exercise.limits.total_seconds:g} s"
            raise LearnerFailure("timeout", f"The {total} for the whole submission are over.")
        if self.starts > self.exercise.limits.restarts:
            raise LearnerFailure("restarts", f"It ended {self.starts} times, and was not started again.")
        if self._end == float("inf"):
            self._end = time.monotonic() + self.exercise.limits.total_seconds
        self._bring_in()
        self._import()
        self._loaded = True

    def _bring_in(self) -> None:
        """Do what runs no learner code; whatever fails here is a fault of ours."""
        deadline = time.monotonic() + LOAD_SECONDS
        files = [(file.path, file.data) for file in self.submission.files]
        try:
            self.warm()
            self._await_warm(deadline)
            self._brought = True
            self._read(self._post("load", {"files": files, "environment": self.environment}), deadline)
        except (Stopped, LearnerFailure, wire.ProtocolError) as problem:
            raise self._unusable(problem) from problem

    def _await_warm(self, deadline: float) -> None:
        if not self._warm:
            self._take_gpu(self._read(self._warming, deadline))
            self._warm = True

    def _take_gpu(self, told: object) -> None:
        """Note what runs on the GPU; raises `SandboxError` if nothing does."""
        if self.exercise.device != "gpu":
            return
        pairs = told.items() if isinstance(told, dict) else ()
        facts = {str(key): plain(str(value), 200) for key, value in pairs}
        if set(facts) != {"torch", "cuda"}:
            self._end_process()
            trouble = facts.get("trouble", "it told nothing")
            message = f"the GPU that is lent cannot be used in the sandbox: {trouble}"
            raise SandboxError(message, hint="roadmark doctor --profile gpu")
        self.gpu = facts

    def _unusable(self, problem: Exception) -> SandboxError:
        self._end_process()
        log = plain(self.take_log()[-500:])
        return SandboxError(f"the sandbox did not take the files: {problem} {log}".strip())

    def _import(self) -> None:
        seconds = self.exercise.limits.import_seconds
        entry, cells = self.submission.entry, self.submission.cells
        try:
            if cells:
                given = {"entry": entry, "cells": [(cell.number, cell.source) for cell in cells]}
                self.raised = raised_cells(self._exchange("start_cells", given, seconds))
            else:
                self._exchange("start", {"entry": entry, "module": self.exercise.entry}, seconds)
        except LearnerFailure as failure:
            self._import_failure = failure.at_import(self.submission.entry)
            raise self._import_failure from None

    def _exchange(self, operation: str, arguments: dict[str, Any], seconds: float) -> Any:
        """Send a question and wait; a worker that cannot go on is ended here."""
        asked = time.monotonic()
        deadline = min(asked + seconds, self._end)
        try:
            answer = self._read(self._post(operation, arguments, deadline), deadline)
        except Stopped as stopped:
            raise self._died(stopped, seconds) from None
        except wire.ProtocolError as error:
            raise self._died(Stopped("protocol", str(error)), seconds) from None
        self.closest_call = max(self.closest_call, (time.monotonic() - asked) / seconds)
        return answer

    def _post(self, operation: str, arguments: dict[str, Any], deadline: float | None = None) -> str:
        process = self._running()
        if not process.quiet():
            raise Stopped("protocol", "it wrote into the harness's stream")
        self._callbacks.begin()
        identity = os.urandom(16).hex()
        encoder = wire.Encoder(refuse)
        try:
            header = {
                "id": identity,
                "op": operation,
                "arguments": encoder.encode(self._callbacks.lowered(arguments)),
                "drop": self._dropped[:DROPS_CAP],
                "cap": self.exercise.limits.reply_mb << 20,
                "seed": self._call_seed(),
            }
            chunks = wire.frame(header, encoder.body)
        except wire.Unsendable as error:  # an answer of the submission's goes back in, deeper by the question
            raise unsendable(str(error)) from None
        self._dropped = []
        process.send(chunks, deadline or time.monotonic() + LOAD_SECONDS)
        return identity

    def _read(self, identity: str, deadline: float) -> Any:
        """Return the answer to a question; meanwhile answer what the submission asks back."""
        for _ in range(ASKS_CAP):
            header, body = self._frame(deadline)
            if header.get("id") != identity:
                raise wire.ProtocolError("an answer came to a question that was not asked")
            if "ask" not in header:
                return self._settled(header, body)
            given = wire.Decoder(body, self.remote).decode(header.get("given"))
            told, buffers = self._callbacks.answer(header["ask"], given)
            self._running().send(wire.frame({"id": identity, **told}, buffers), deadline)
        raise wire.ProtocolError(f"it called the grader's functions more than {ASKS_CAP:,} times in one call")

    def _settled(self, header: dict[str, Any], body: bytearray) -> Any:
        try:
            self._callbacks.settle()
        except wire.Unsendable as error:
            raise unsendable(str(error)) from None
        return self._answer(header, body)

    def _frame(self, deadline: float) -> tuple[dict[str, Any], bytearray]:
        process = self._running()
        cap = self.exercise.limits.reply_mb << 20
        header_size, body_size = wire.lengths(process.receive(wire.PREFIX.size, deadline), cap)
        header = wire.parse(process.receive(header_size, deadline))
        return header, process.receive(body_size, deadline)

    def _answer(self, header: dict[str, Any], body: bytearray) -> Any:
        if "value" in header:
            return wire.Decoder(body, self.remote).decode(header["value"])
        if "unsendable" in header:
            raise unsendable(header["unsendable"])
        if "missing" in header:
            raise missing(header, self.submission.entry, self.raised)
        if "error" in header:
            raise described(header["error"], {file.path for file in self.submission.files})
        raise wire.ProtocolError("an answer has no content")

    def _call_seed(self) -> int:
        message = f"call {self._calls}".encode()
        return int.from_bytes(hmac.digest(self._seed, message, "sha256")[:7])

    # ---- endings -----------------------------------------------------------------------------

    def _running(self) -> Process:
        if self._process is None:
            raise SandboxError("the sandbox is not running")
        return self._process

    def _died(self, stopped: Stopped, seconds: float) -> LearnerFailure:
        out_of_time = time.monotonic() >= self._end
        ending = self._end_process()
        limits = self.exercise.limits
        self._broken = died(stopped, ending, limits, limits.total_seconds if out_of_time else seconds)
        return self._broken

    def _leave(self) -> None:
        """Have a worker whose place others will take leave in order, if it still can."""
        process: object = self._process
        if not isinstance(process, Shared):
            return
        deadline = time.monotonic() + LEAVE_SECONDS
        try:
            self._read(self._post("leave", {}) if self._brought else self._warming, deadline)
        except (Stopped, LearnerFailure, wire.ProtocolError):
            return
        process.has_left()
        self.left = True

    def _end_process(self) -> Ending:
        """End the worker; whatever comes of that, it is asked nothing more."""
        process, self._process = self._process, None
        if process is None:
            return Ending()
        self._loaded, self._brought, self._dropped = False, False, []
        self.addresses.clear()
        with self._stack:
            ending = process.end()
            self._log += process.take_log()
        self.peak_memory_mb = max(ending.peak_memory_mb or 0, self.peak_memory_mb or 0) or None
        return ending
