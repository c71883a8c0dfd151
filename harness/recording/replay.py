"""A sandbox in which nothing runs: the same questions get the answers that were given before."""

from __future__ import annotations

import ast
import base64
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from harness import wire
from harness.errors import NotRecorded
from harness.recording.recorder import asked, told
from harness.recording.records import (
    Event,
    Frame,
    Halt,
    Noise,
    Printed,
    Raw,
    Recording,
    Spent,
    Tensors,
    Told,
    Worker,
)
from harness.records import Exercise
from harness.sandbox.protocol import Ending, Process, Stopped

CLOCKS: Final = frozenset({"time", "timeit", "datetime"})


class Replay:
    """Gives recorded answers; workers are those of the recording, one after the other.

    Questions that a mended grader asks no more are passed over. One that was not asked
    before, or only earlier, has no answer: it ends in `NotRecorded`, which `missing` keeps.

    Args:
        recording: What was kept.
        tensors: Its tensors by name.
        real_time: Whether each answer takes as long as it did, for graders that look at the clock.
    """

    def __init__(self, recording: Recording, tensors: Tensors, *, real_time: bool = False) -> None:
        self.name: Literal["docker", "process"] = recording.sandbox
        self.tensors, self.real_time = tensors, real_time
        self.missing: NotRecorded | None = None
        self._recording = recording
        self._workers = iter(recording.workers)

    def tier(self) -> str:
        """Say how strong the wall was."""
        return self._recording.tier

    def image(self) -> str:
        """Return the id of the image that ran."""
        return self._recording.image

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Bring back the next worker."""
        del exercise
        worker = next(self._workers, None)
        if worker is None:
            raise self.refusal("a fresh start after it had ended")
        yield _Recalled(self, worker)

    def refusal(self, what: str) -> NotRecorded:
        """Return the error for something that was not recorded; the first one is kept."""
        error = NotRecorded(f"the grader asks something that was not recorded: {what}")
        self.missing = self.missing or error
        return error


class _Recalled:
    """A worker as it was."""

    def __init__(self, replay: Replay, worker: Worker) -> None:
        self._replay, self._worker = replay, worker
        self._position = 0
        self._events: list[Event] = list(worker.questions[0].events)
        self._printed = bytearray()
        self._waiting = bytearray()
        self._identity = ""

    def send(self, chunks: Sequence[wire.Buffer], deadline: float) -> None:
        """Find the question among those that follow, or require that the grader tells the same as before."""
        del deadline
        header, body = wire.parse(chunks[1]), chunks[2:]
        if "op" in header:
            self._identity = header["id"]
            question = asked(header, body)
            self._find(question.digest, question.asked)
        elif self._next() != Told(digest=told(header, body)):
            raise self._replay.refusal("what a function of the grader's tells it has changed")

    def _find(self, digest: str, words: str) -> None:
        questions = self._worker.questions
        for position in range(self._position + 1, len(questions)):
            if questions[position].digest == digest:
                break
        else:
            raise self._replay.refusal(words)
        self._position = position
        for event in self._events:  # printed before anybody looked
            self._remember(event)
        self._events = list(questions[position].events)
        self._waiting.clear()

    def receive(self, size: int, deadline: float) -> bytearray:
        """Give a part of the recorded frame."""
        del deadline
        while len(self._waiting) < size:
            event = self._next()
            match event:
                case Frame() | Raw():
                    self._waiting += self._bytes(event)
                case Halt():
                    self._wait(event.seconds)
                    raise Stopped(event.reason, event.message)
                case _:
                    raise self._replay.refusal("an answer to what was broken off")
        part = self._waiting[:size]
        del self._waiting[:size]
        return part

    def _next(self) -> Event | None:
        """Return what happened next, what stands beside the conversation apart."""
        while self._events:
            event = self._events.pop(0)
            if isinstance(event, (Printed, Noise, Spent)):
                self._remember(event)
            else:
                return event
        return None

    def _bytes(self, event: Frame | Raw) -> bytes:
        self._wait(event.seconds)
        if isinstance(event, Raw):
            return base64.b64decode(event.data).replace(event.identity.encode(), self._identity.encode())
        body = bytearray(event.size)
        for start, text in event.texts.items():
            _put(body, int(start), base64.b64decode(text))
        for start, name in event.tensors.items():
            _put(body, int(start), self._replay.tensors[name].tobytes())
        return b"".join(wire.frame({"id": self._identity, **event.header}, [body]))

    def _wait(self, seconds: float) -> None:
        if self._replay.real_time:
            time.sleep(seconds)

    def _remember(self, event: Event) -> None:
        if isinstance(event, Printed):
            self._printed += base64.b64decode(event.data)

    def quiet(self) -> bool:
        """Whether nothing had come that nobody asked for."""
        return not any(isinstance(event, Noise) for event in self._events)

    def cpu_seconds(self) -> float | None:
        """Return the processor time that was told at this point."""
        for place, event in enumerate(self._events):
            if isinstance(event, Spent):
                del self._events[place]
                return event.seconds
        raise self._replay.refusal("processor time, where it was not measured")

    def take_log(self) -> bytes:
        """Return what had been printed by now."""
        while self._events and isinstance(self._events[0], Printed):
            self._remember(self._events.pop(0))
        printed = bytes(self._printed)
        self._printed.clear()
        return printed

    def end(self) -> Ending:
        """Say how it had ended."""
        worker = self._worker
        return Ending(
            exit_code=worker.exit_code,
            out_of_memory=worker.out_of_memory,
            peak_memory_mb=worker.peak_memory_mb,
        )


def _put(body: bytearray, start: int, data: bytes) -> None:
    """Put a buffer where it was; one that does not fit is left out, and the answer will be refused."""
    if 0 <= start <= start + len(data) <= len(body):
        body[start : start + len(data)] = data


def looks_at_the_clock(files: Iterable[Path]) -> bool:
    """Whether a grader's files, or others in their folders, import a clock."""
    for path in sorted({path for file in files for path in file.parent.glob("*.py")}):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if CLOCKS & {name.partition(".")[0] for name in names}:
                return True
    return False
