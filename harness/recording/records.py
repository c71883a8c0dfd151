"""A recording as records, and as two files: JSON, and safetensors for tensors and arrays."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from harness.errors import NotRecorded
from harness.records import Cell, Exercise, SourceFile, Submission
from harness.sandbox.images import image_tag

SCHEMA: Final = 1
CAP: Final = 64 << 20
"""Most bytes of answers and prints that are kept of one submission."""
Bytes = npt.NDArray[np.uint8]
Tensors = Mapping[str, npt.NDArray[Any]]
Reason = Literal["timeout", "output", "protocol", "died"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An answer, or a question of the submission's to a function of the grader's."""

    kind: Literal["frame"] = "frame"
    seconds: float
    """How long it was waited for."""
    header: dict[str, Any]
    """As it came, without the question's number."""
    size: int
    """Of the body, in bytes."""
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    """Buffers that are neither tensors nor arrays, in base64, by where they begin."""
    tensors: dict[str, str] = dataclasses.field(default_factory=dict)
    """Names in the file of tensors, by where their buffers begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """Bytes that are no frame of the protocol's, in base64."""

    kind: Literal["raw"] = "raw"
    seconds: float
    data: str
    identity: str
    """The number of the question that was open; another takes its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """The worker could not go on."""

    kind: Literal["halt"] = "halt"
    seconds: float
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The grader answered the submission's question; the digest is that of what it said."""

    kind: Literal["told"] = "told"
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What the submission had printed, in base64."""

    kind: Literal["printed"] = "printed"
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Bytes came that nobody had asked for."""

    kind: Literal["noise"] = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The grader asked for the processor time that the worker had used by then."""

    kind: Literal["spent"] = "spent"
    seconds: float | None


Event = Frame | Raw | Halt | Told | Printed | Noise | Spent


@dataclass(slots=True, kw_only=True)
class Question:
    """A question and all that followed it."""

    asked: str
    """What it was, for people."""
    digest: str
    events: list[Event] = dataclasses.field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Worker:
    """The life of one worker."""

    questions: list[Question]
    """The first stands for what came before any question."""
    exit_code: int | None = None
    out_of_memory: bool = False
    peak_memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All that a submission answered in one grading, and what it was."""

    schema_version: int = SCHEMA
    seed: str
    """Of the grading, in hex, so that a grader asks the same again."""
    exercise: str
    conditions: str
    sandbox: Literal["docker", "process"]
    tier: str
    image: str
    refused: str
    """Why intake refused it, if it did."""
    submission: dict[str, Any]
    workers: tuple[Worker, ...]
    dropped: str = ""
    """Why answers are missing, if they are."""
    tensors_digest: str = ""


RECORDING: Final = TypeAdapter(Recording)


def file_of(folder: Path, seed: str) -> Path:
    """Return where the recording of the grading with this seed lies; of its two files the JSON."""
    return folder / f"{seed}.json"


def conditions(exercise: Exercise, sandbox: Literal["docker", "process"]) -> str:
    """Return a digest over what the answers depend on beside the submission and the questions."""
    shown = {"title", "summary", "topics", "difficulty", "minutes", "pass_mark", "requires"}
    shown |= {"gpu_memory_mb", "gpu_limits"}  # what it ran with stands in `limits`
    fields = {name: value for name, value in dataclasses.asdict(exercise).items() if name not in shown}
    image = image_tag(exercise.profile) if sandbox == "docker" else sandbox
    return hashlib.sha256(json.dumps([fields, image], sort_keys=True).encode()).hexdigest()


# ---- files -----------------------------------------------------------------------------------


def save(recording: Recording, tensors: Tensors, file: Path) -> None:
    """Write a recording; the JSON comes last, so that a reader sees all or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    data = save_tensors(dict(tensors))
    recording = dataclasses.replace(recording, tensors_digest=hashlib.sha256(data).hexdigest())
    text = json.dumps(recording, separators=(",", ":"), default=_fields)
    for target, content in ((file.with_suffix(".safetensors"), data), (file, text.encode())):
        partial = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def _fields(record: Any) -> dict[str, Any]:
    """Return a record's fields as they are: what the submission nested deeply is left to JSON's own limit."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def load(file: Path) -> tuple[Recording, Tensors]:
    """Return a recording and its tensors; raises `NotRecorded` if it is not there, not whole or not one."""
    try:
        recording = RECORDING.validate_python(json.loads(file.read_bytes()))
        data = file.with_suffix(".safetensors").read_bytes()
        if recording.schema_version != SCHEMA:
            raise NotRecorded(f"{file} was written by another version of Roadmark")
        if hashlib.sha256(data).hexdigest() != recording.tensors_digest:
            raise NotRecorded(f"{file.with_suffix('.safetensors')} is not what {file.name} was written with")
        return recording, load_tensors(data)
    except FileNotFoundError:
        raise NotRecorded("nothing was kept of its grading") from None
    except OSError as error:
        raise NotRecorded(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError, ValidationError, SafetensorError) as error:
        raise NotRecorded(f"{file} is not a recording: {type(error).__name__}") from None


def packed(submission: Submission) -> dict[str, Any]:
    """Return a submission as JSON."""
    tree = dataclasses.asdict(submission)
    return {
        **tree,
        "files": [[file.path, base64.b64encode(file.data).decode()] for file in submission.files],
    }


def unpacked(tree: Mapping[str, Any]) -> Submission:
    """Return the submission that was packed; raises `NotRecorded` if it is none."""
    try:
        files = tuple(SourceFile(path=path, data=base64.b64decode(data)) for path, data in tree["files"])
        cells = tuple(Cell(**cell) for cell in tree["cells"])
        return Submission(**{**tree, "files": files, "cells": cells, "notices": tuple(tree["notices"])})
    except (KeyError, TypeError, ValueError) as error:
        raise NotRecorded(f"a recording's submission cannot be read: {error!r}") from None


# ---- questions -------------------------------------------------------------------------------


def digest(content: object, body: Iterable[Any]) -> str:
    """Return the digest of what was sent in: a tree and its buffers. The order in a set does not count."""
    total = hashlib.sha256(json.dumps(_ordered(content), sort_keys=True).encode())
    for part in body:
        total.update(part)
    return total.hexdigest()


def _ordered(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_ordered(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    found = {key: _ordered(value) for key, value in tree.items()}
    if found.get("t") in ("set", "frozenset"):
        found["v"] = sorted(found["v"], key=json.dumps)
    return found
