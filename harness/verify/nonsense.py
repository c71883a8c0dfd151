"""Nonsense in place of a submission: whatever is answered, nothing may be earned and no grader may fall over.

No sandbox runs. A session that answers every question with the same nonsense stands where
the real one does, so that hundreds of them cost seconds, and the plugin asks its checks as
ever. Answers take the shape they would have had behind the wall: arrays, tensors, plain
data, objects that stay inside, and failures of the learner's code.
"""

from __future__ import annotations

import io
import json
import math
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from harness import wire
from harness.catalog import Course, metric_marks
from harness.failures import LearnerFailure
from harness.plugin import Run, run_checks
from harness.records import CheckResult, Exercise, Outcome, SourceFile, Submission
from harness.sandbox.process import ProcessSandbox
from harness.session import MODULE, Session

SECONDS: Final = 30.0
"""What one answer may cost in all checks together."""
Answer = Callable[[Sequence[Any]], Any]
"""From the arguments of a call to what is answered."""


@dataclass(frozen=True, slots=True)
class Nonsense:
    """One way to answer everything."""

    name: str
    answer: Answer
    deep: bool = False
    """Whether functions give objects, and only these answer with the nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A check that nonsense got the better of."""

    check: str
    nonsense: str
    told: str
    earned: bool
    """Whether it earned points; otherwise the grader fell over."""


# ---- answers ---------------------------------------------------------------------------------


def _first_array(arguments: Sequence[Any]) -> Any:
    """Return the first array or tensor among the arguments, else a small array."""
    return next((value for value in arguments if hasattr(value, "shape")), np.ones((2, 3)))


def _like(fill: float) -> Answer:
    def answer(arguments: Sequence[Any]) -> Any:
        return _filled(_first_array(arguments), fill)

    return answer


def _filled(array: Any, fill: float) -> Any:
    """Return an array or tensor of the same shape and kind, every value `fill`; integers become floats."""
    if isinstance(array, np.ndarray):
        return np.full(array.shape, fill, dtype=array.dtype if array.dtype.kind == "f" else np.float64)
    torch: Any = sys.modules["torch"]
    dtype = array.dtype if array.dtype.is_floating_point else torch.get_default_dtype()
    return torch.full(array.shape, fill, dtype=dtype)


def _identity(arguments: Sequence[Any]) -> Any:
    return arguments[0] if arguments else None


def _raised(_arguments: Sequence[Any]) -> Any:
    raise LearnerFailure("exception", "ValueError: nonsense")


def _hung(_arguments: Sequence[Any]) -> Any:
    raise LearnerFailure("timeout", "No answer within 30 s.")


def _of_first(change: Callable[[Any], Any]) -> Answer:
    return lambda arguments: change(_first_array(arguments))


def _tensors(arguments: Sequence[Any]) -> bool:
    return any(type(value).__module__ == "torch" for value in arguments)


def _complex(arguments: Sequence[Any]) -> Any:
    shape = tuple(_first_array(arguments).shape)
    if _tensors(arguments):
        torch: Any = sys.modules["torch"]
        return torch.ones(shape, dtype=torch.complex64)
    return np.ones(shape, dtype=np.complex64)


def _nothing(arguments: Sequence[Any]) -> Any:
    return sys.modules["torch"].zeros(0) if _tensors(arguments) else np.zeros(0)


def _always(value: Any) -> Answer:
    return lambda _arguments: value


ANSWERS: Final[Sequence[tuple[str, Answer]]] = (
    ("None", _always(None)),
    ("True", _always(True)),  # noqa: FBT003 - the value is the point
    ("0", _always(0)),
    ("1.0", _always(1.0)),
    ("-1", _always(-1)),
    ("nan", _always(math.nan)),
    ("1e400", _always(math.inf)),
    ("10**300", _always(10**300)),
    ("3+4j", _always(3 + 4j)),
    ("empty text", _always("")),
    ("text", _always("text")),
    ("a million letters", _always("a" * 1_000_000)),
    ("bytes", _always(b"\x00\xff")),
    ("[]", _always([])),
    ("{}", _always({})),
    ("()", _always(())),
    ("[None]", _always([None])),
    ("a ragged list", _always([[1], [2, 3]])),
    ("a dict of text", _always({"text": "text"})),
    ("a pair of None", _always((None, None))),
    ("an array of no size", _nothing),
    ("complex numbers", _complex),
    ("the first argument", _identity),
    ("zeros like the first", _like(0.0)),
    ("ones like the first", _like(1.0)),
    ("NaN like the first", _like(math.nan)),
    ("infinity like the first", _like(math.inf)),
    ("the first, one axis more", _of_first(lambda array: array[None])),
    ("the first as a list", _of_first(lambda array: array.tolist())),
    ("the first, twice", lambda arguments: (_first_array(arguments),) * 2),
    ("an object", lambda _arguments: wire.Handle(2, "Nonsense")),
    ("ValueError raised", _raised),
    ("an endless loop", _hung),
)
NONSENSE: Final = tuple(Nonsense(name, answer, deep) for deep in (False, True) for name, answer in ANSWERS)


class NonsenseSession(Session):
    """Stands where a session stands, and has the same answer to every question."""

    def __init__(self, exercise: Exercise, nonsense: Nonsense) -> None:
        file = SourceFile(path=exercise.entry, data=b"answer = None\n")
        submission = Submission(files=(file,), entry=exercise.entry, digest="")
        super().__init__(ProcessSandbox(), exercise, submission, b"")
        self._nonsense = nonsense
        self._given: dict[int, int] = {}

    def require_alive(self, start: int) -> None:
        """Let every object live: none is anywhere."""

    def ask(self, operation: str, seconds: float | None, /, **arguments: Any) -> Any:
        """Answer as a worker might; `seconds` are not waited for."""
        del seconds
        target = arguments.get("target")
        given = (*arguments.get("args", ()), *arguments.get("kwargs", {}).values())
        match operation:
            case "get":
                return self._object(1 if target == MODULE else 3, callable_=True)
            case "iterate":
                return self._object(3)
            case "take":
                return self._taken(arguments["target"])
            case "vjp":
                return self._gradients(given)
            case "call" if self._nonsense.deep and target == 1:
                return self._object(2)
            case "call":
                return self._value(given)
        return self._of_a_program(operation, arguments)

    def _of_a_program(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Return what a web app, a command or a file says that holds the nonsense."""
        match operation:
            case "serve_app" | "open_door":
                return "http://127.0.0.1:9"
            case "request":
                return {"status": 200, "headers": [], "chunks": [(0.0, self._bytes())]}
            case "run_command":
                return {"status": 0, "output": self._bytes().decode()}
            case "read_file":
                return self._file(arguments["name"])
            case "execute_notebook":
                return b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
            case "set_environment":
                return None
        raise LearnerFailure("protocol", "nonsense does nothing of this kind")

    def _bytes(self) -> bytes:
        return json.dumps(self._value(()), default=str).encode()

    def _file(self, name: str) -> bytes:
        kinds = {artefact.path: artefact.kind for artefact in self.exercise.artefacts}
        if kinds.get(name) != "npy":
            return self._bytes()
        value = self._value(())
        file = io.BytesIO()
        np.save(file, value if isinstance(value, np.ndarray) else np.zeros(3))
        return file.getvalue()

    def _object(self, number: int, *, callable_: bool = False) -> Any:
        return self.remote(wire.Handle(number, "Nonsense", callable=callable_))

    def _value(self, given: Sequence[Any]) -> Any:
        value = self._nonsense.answer(given)
        return self._object(value.id) if isinstance(value, wire.Handle) else value

    def _taken(self, target: int) -> list[Any]:
        """Return three items of an iterable, once."""
        self._given[target] = self._given.get(target, 0) + 1
        return [self._value(())] * 3 if self._given[target] % 2 else []

    def _gradients(self, given: Sequence[Any]) -> dict[str, Any]:
        """Return what differentiating the nonsense gives: the worker itself insists on tensors."""
        output = self._value(given)
        if not _tensors([output]) or not output.dtype.is_floating_point:
            raise LearnerFailure("exception", "TypeError: expected a tensor to differentiate")
        inputs = [_filled(value, 0.0) if _tensors([value]) else None for value in given]
        return {"output": output, "inputs": inputs, "parameters": {}}


# ---- asking ----------------------------------------------------------------------------------


def ask_nonsense(
    course: Course, exercise: Exercise, answers: Iterable[Nonsense], seed: bytes = b""
) -> tuple[Slip, ...]:
    """Return where nonsense earned something or made the grader fall over; the checks run in a child.

    Args:
        course: Where the grader lies.
        exercise: Whose grader is asked.
        answers: What stands for a submission.
        seed: From which the grader's follow.

    Raises:
        GraderError, SpecError: the grader cannot be read at all.
    """
    todo = list(answers)
    slips: list[Slip] = []
    while todo:
        told = _in_a_child(course, exercise, todo, seed)
        for done in told:
            slips += done
        if len(told) == len(todo):
            return tuple(slips)
        lost = todo[len(told)]
        slips.append(Slip(check="", nonsense=lost.name, told="it hangs or dies", earned=False))
        todo = todo[len(told) + 1 :]
    return tuple(slips)


def _in_a_child(
    course: Course, exercise: Exercise, answers: Sequence[Nonsense], seed: bytes
) -> list[list[Slip]]:
    """Return the slips of each answer, in order, up to one that the child did not survive."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(
        target=_child, args=(theirs, course, exercise, answers, seed), daemon=True
    )
    child.start()
    theirs.close()
    told: list[list[Slip]] = []
    try:
        while len(told) < len(answers) and ours.poll(SECONDS):
            message = ours.recv()
            if isinstance(message, Exception):
                raise message
            told.append(message)
    except EOFError:
        pass
    finally:
        child.kill()
        child.join()
        ours.close()
    return told


def _child(
    pipe: Connection, course: Course, exercise: Exercise, answers: Sequence[Nonsense], seed: bytes
) -> None:
    os.dup2(2, 1)  # a grader that prints must not write into what is read from stdout
    try:
        for nonsense in answers:
            pipe.send(list(_slips(course, exercise, nonsense, seed)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to know
        pipe.send(error)
    finally:
        pipe.close()
        os._exit(0)


def _slips(course: Course, exercise: Exercise, nonsense: Nonsense, seed: bytes) -> Iterator[Slip]:
    name = f"{nonsense.name} (from objects)" if nonsense.deep else nonsense.name
    for result in _asked(course, exercise, nonsense, seed):
        if result.earned > 0 or result.outcome is Outcome.PASSED:
            told = f"earns {result.earned:g} of {result.points:g}"
            yield Slip(check=result.name, nonsense=name, told=told, earned=True)
        elif result.reason == "fault":
            yield Slip(check=result.name, nonsense=name, told=result.message, earned=False)


def _asked(course: Course, exercise: Exercise, nonsense: Nonsense, seed: bytes) -> tuple[CheckResult, ...]:
    folder = course.grader_folder(exercise.id)
    files: list[Path] = [file for name in ("public.py", "hidden.py") if (file := folder / name).exists()]
    run = Run(
        session=NonsenseSession(exercise, nonsense),
        seed=seed + nonsense.name.encode(),
        marks=metric_marks(course, exercise.id, "gpu" if exercise.device == "gpu" else "cpu"),
        on_manifest=lambda _checks: None,
        on_result=lambda _result: None,
        candid=True,
    )
    run_checks(run, files)
    return tuple(run.results.values())
