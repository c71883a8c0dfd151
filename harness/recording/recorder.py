"""A sandbox around a sandbox that writes down what goes in and what comes out."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from harness import wire
from harness.recording.records import (
    CAP,
    Event,
    Frame,
    Halt,
    Noise,
    Printed,
    Question,
    Raw,
    Recording,
    Spent,
    Told,
    Worker,
    conditions,
    digest,
    packed,
)
from harness.records import Exercise, Submission
from harness.sandbox.protocol import Ending, Metered, Process, Sandbox, Stopped

TYPED: Final = wire.ARRAY_DTYPES - {"complex128", "bool"}
"""What safetensors holds and NumPy reads byte for byte; other buffers are kept as bytes."""


class Recorder:
    """Runs each worker in another sandbox and keeps what it says.

    Args:
        sandbox: Where workers run.
        cap: Most bytes that are kept; of a submission that says more nothing is.
    """

    def __init__(self, sandbox: Sandbox, cap: int = CAP) -> None:
        self.name: Literal["docker", "process"] = sandbox.name
        self.tensors: dict[str, npt.NDArray[Any]] = {}
        self._sandbox, self._cap, self._left = sandbox, cap, cap
        self._workers: list[Worker] = []

    def tier(self) -> str:
        """Say how strong the wall is."""
        return self._sandbox.tier()

    def image(self) -> str:
        """Return the id of the image that runs, or an empty text."""
        return self._sandbox.image()

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Process]:
        """Run a worker for as long as the block lasts."""
        worker = Worker(questions=[Question(asked="", digest="")])
        self._workers.append(worker)
        with self._sandbox.launch(exercise) as process:
            yield _Heard(self, worker, process)

    def recording(self, exercise: Exercise, submission: Submission, seed: bytes, refused: str) -> Recording:
        """Return all that was kept so far."""
        dropped = f"it answered more than {self._cap >> 20} MiB" if self.full else ""
        return Recording(
            seed=seed.hex(),
            exercise=exercise.id,
            conditions=conditions(exercise, self.name),
            sandbox=self.name,
            tier=self.tier(),
            image=self.image(),
            refused=refused,
            submission=packed(submission),
            workers=() if dropped else tuple(self._workers),
            dropped=dropped,
        )

    @property
    def full(self) -> bool:
        """Whether more was said than is kept."""
        return self._left < 0

    def take(self, worker: Worker, event: Event, size: int) -> None:
        """Keep what happened after a worker's last question; once there is no room, keep nothing at all."""
        self._left -= size
        if self.full:
            self.tensors.clear()
            for one in self._workers:
                one.questions.clear()
        else:
            worker.questions[-1].events.append(event)

    def new_name(self, number: int) -> str:
        """Return a name for a tensor: worker, question, and a number that no other has."""
        question = len(self._workers[-1].questions) - 1
        return f"worker{len(self._workers)}.question{question}.{len(self.tensors) + number}"


class _Heard:
    """A worker's process, listened to."""

    def __init__(self, recorder: Recorder, worker: Worker, process: Process) -> None:
        self._recorder, self._worker, self._process = recorder, worker, process
        self._parts: list[bytearray] = []
        self._identity = ""
        self._sent = time.monotonic()

    def send(self, chunks: Sequence[wire.Buffer], deadline: float) -> None:
        """Write a question, or an answer to the submission's."""
        self._parts.clear()
        if not self._recorder.full:
            header, body = wire.parse(chunks[1]), chunks[2:]
            if "op" in header:
                self._identity = header["id"]
                self._worker.questions.append(asked(header, body))
            else:
                self._recorder.take(self._worker, Told(digest=told(header, body)), 0)
        self._sent = time.monotonic()
        try:
            self._process.send(chunks, deadline)
        except Stopped as stopped:
            self._halted(stopped)
            raise

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read a part of a frame: its prefix, its header, its body."""
        try:
            part = self._process.receive(size, deadline)
        except Stopped as stopped:
            self._halted(stopped)
            raise
        if not self._recorder.full:
            self._parts.append(bytearray(part))  # a copy: what a grader does to a tensor is done to the other
        if len(self._parts) == 3:
            self._take_frame(self._parts[1], self._parts[2])
        return part

    def quiet(self) -> bool:
        """Whether no byte of an answer is waiting."""
        quiet = self._process.quiet()
        if not quiet:
            self._recorder.take(self._worker, Noise(), 0)
        return quiet

    def cpu_seconds(self) -> float | None:
        """Return the processor time so far, as the sandbox knows it."""
        spent = self._process.cpu_seconds() if isinstance(self._process, Metered) else None
        self._recorder.take(self._worker, Spent(seconds=spent), 0)
        return spent

    def take_log(self) -> bytes:
        """Return what was printed since the last call."""
        printed = self._process.take_log()
        if printed:
            event = Printed(data=base64.b64encode(printed).decode())
            self._recorder.take(self._worker, event, len(printed))
        return printed

    def end(self) -> Ending:
        """End the worker, and keep what of a frame has come, and how it ended."""
        self._take_rest()
        ending = self._process.end()
        self._worker.exit_code, self._worker.out_of_memory = ending.exit_code, ending.out_of_memory
        self._worker.peak_memory_mb = ending.peak_memory_mb
        return ending

    def _seconds(self) -> float:
        return round(time.monotonic() - self._sent, 4)

    def _halted(self, stopped: Stopped) -> None:
        self._take_rest()
        event = Halt(seconds=self._seconds(), reason=stopped.reason, message=str(stopped))
        self._recorder.take(self._worker, event, len(event.message))

    def _take_frame(self, text: bytearray, body: bytearray) -> None:
        header = _header(text, self._identity)
        texts: dict[str, str] = {}
        tensors: dict[str, npt.NDArray[Any]] = {}
        if header is None or not _fill(header, body, texts, tensors):
            self._take_rest()
            return
        names = {start: self._recorder.new_name(number) for number, start in enumerate(tensors)}
        self._recorder.tensors.update((names[start], tensor) for start, tensor in tensors.items())
        event = Frame(seconds=self._seconds(), header=header, size=len(body), texts=texts, tensors=names)
        self._recorder.take(self._worker, event, len(text) + len(body))
        self._parts.clear()

    def _take_rest(self) -> None:
        """Keep bytes that are no frame, or not a whole one."""
        data = b"".join(self._parts)
        self._parts.clear()
        if data:
            shown = base64.b64encode(data).decode()
            event = Raw(seconds=self._seconds(), data=shown, identity=self._identity)
            self._recorder.take(self._worker, event, len(data))


def asked(header: dict[str, Any], body: Sequence[wire.Buffer]) -> Question:
    """Return a question as it is kept."""
    operation, arguments = header["op"], header["arguments"]
    found = arguments.get("v") if isinstance(arguments, dict) else None
    named = dict(pair for pair in found or [] if isinstance(pair[0], str)).get("name")
    words = f"{operation} {named}" if isinstance(named, str) else str(operation)
    return Question(asked=words[:100], digest=digest([operation, arguments], body))


def told(header: dict[str, Any], body: Sequence[wire.Buffer]) -> str:
    """Return the digest of what the grader told the submission."""
    return digest({name: value for name, value in header.items() if name != "id"}, body)


def _header(text: bytearray, identity: str) -> dict[str, Any] | None:
    """Return an answer's header without the question's number; None if it is none to this question."""
    try:
        header = wire.parse(text)
        json.dumps(header, allow_nan=False)  # 1e999 can be read and not be written
    except (wire.ProtocolError, ValueError, RecursionError):
        return None
    return header if header.pop("id", None) == identity else None


def _fill(
    header: dict[str, Any], body: bytearray, texts: dict[str, str], tensors: dict[str, npt.NDArray[Any]]
) -> bool:
    """Take the body apart by where its buffers begin; False if they overlap or lie outside."""
    unread = len(body)
    for node in _buffers(header):
        start, size = node["at"], node["size"]
        if type(start) is not int or type(size) is not int or not 0 <= start <= start + size <= len(body):
            return False
        if not size:
            continue
        unread -= size
        if unread < 0 or str(start) in texts or str(start) in tensors:
            return False
        data = memoryview(body)[start : start + size]
        tensor = _tensor(node, data)
        if tensor is None:
            texts[str(start)] = base64.b64encode(data).decode()
        else:
            tensors[str(start)] = tensor
    return True


def _buffers(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes that stand for buffers; without recursion, since the tree is the submission's."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left += node
        elif isinstance(node, dict):
            left += node.values()
            if "at" in node and "size" in node:
                yield node


def _tensor(node: dict[str, Any], data: memoryview) -> npt.NDArray[Any] | None:
    """Return a buffer as an array of its dtype and shape; None if it is none, or not one of ours."""
    kind, name, shape = node.get("t"), node.get("dtype"), node.get("shape")
    if kind not in ("array", "tensor") or not isinstance(name, str) or name not in TYPED:
        return None
    if not isinstance(shape, list) or len(shape) > 16 or not data.nbytes:
        return None
    if not all(type(side) is int and 0 <= side < 1 << 48 for side in shape):
        return None
    if math.prod(shape) * np.dtype(name).itemsize != data.nbytes:
        return None
    return np.frombuffer(data, dtype=name).reshape(shape)
