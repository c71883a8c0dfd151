"""What a submission leaves behind, read as data: declared files, a command's output, an executed notebook.

Paths and kinds come from exercise.toml, never from the submission. Everything is parsed on
our side under caps: text, JSON, CSV tables of text, and plain NumPy arrays.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, Final

from harness.failures import LearnerFailure, plain
from harness.records import Artefact
from harness.session import Session

ROWS_CAP: Final = 1_000_000
NOTEBOOK_CAP_MB: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of a command.

    Attributes:
        status: Its exit status; None if it did not end in time.
        output: The end of what it printed.
    """

    status: int | None
    output: str


def read_artefact(session: Session, name: str, seconds: float | None) -> Any:
    """Return a declared artefact: str for text, any JSON value, a list of rows for csv, an array for npy.

    Raises:
        LearnerFailure: not there, too large, or not of its kind.
        KeyError: the exercise declares no such artefact.
    """
    wanted = next((one for one in session.exercise.artefacts if one.path == name), None)
    if wanted is None:
        raise KeyError(f"{session.exercise.id} declares no artefact {name!r}")
    data = session.ask("read_file", seconds, name=name, cap=wanted.max_kb << 10)
    if not isinstance(data, bytes):
        raise LearnerFailure("missing", f"The file {name} was not written.")
    try:
        return _parsed(data, wanted)
    except (ValueError, RecursionError, csv.Error, EOFError) as error:
        raise LearnerFailure("unsendable", f"{name} is not {wanted.kind}: {plain(error, 200)}") from None


def _parsed(data: bytes, artefact: Artefact) -> Any:
    if artefact.kind == "npy":
        import numpy as np

        return np.load(io.BytesIO(data), allow_pickle=False)
    text = data.decode("utf-8-sig")
    if artefact.kind == "json":
        return json.loads(text)
    if artefact.kind == "csv":
        return [row for _, row in zip(range(ROWS_CAP), csv.reader(io.StringIO(text)), strict=False)]
    return text


def run_command(session: Session, arguments: tuple[str, ...], seconds: float | None) -> Ran:
    """Run the exercise's command with further arguments inside the sandbox."""
    limit = seconds or session.exercise.limits.call_seconds
    command = [*session.exercise.command, *arguments]
    answer = session.ask("run_command", limit + 1.0, command=command, seconds=limit)
    match answer:
        case {"status": int() | None as status, "output": str() as output}:
            return Ran(status=status, output=plain(output))
    raise LearnerFailure("protocol", "Its process described a command that none ran.")


def executed_notebook(session: Session, seconds: float | None) -> Any:
    """Return the submission's notebook with the outputs of a fresh run, as nbformat's version 4.

    Raises:
        LearnerFailure: no notebook was handed in, or its run gave none back.
    """
    import nbformat

    submission = session.submission
    source = next((file.data for file in submission.files if file.path == submission.entry), b"")
    if not submission.cells:
        raise LearnerFailure("missing", "This exercise asks for a notebook; a module was handed in.")
    limit = seconds or session.exercise.limits.call_seconds
    data = session.ask("execute_notebook", limit, data=source, seconds=limit)
    if not isinstance(data, bytes) or len(data) > NOTEBOOK_CAP_MB << 20:
        raise LearnerFailure("output", f"The notebook's outputs are over {NOTEBOOK_CAP_MB} MiB.")
    try:
        notebook = nbformat.reads(data.decode(), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # noqa: BLE001 - nbformat lets whatever it meets escape
        raise LearnerFailure("unsendable", f"The run gave no notebook back: {plain(error, 200)}") from None
    session.executed = data.decode()
    return notebook
