"""A CSV that says who handed in what: `learner` and `path`, and perhaps `exercise` and `handed_in`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import SpecError
from harness.interchange.records import Handed, Ignored, Person, Source
from harness.interchange.sheets import KEYS, first_of, records_of
from harness.interchange.times import moment, written

PATHS = ("path", "file", "submission", "folder")
TIMES = ("handed_in", "handed in", "submitted", "time", "timestamp", "created_at")


def read(file: Path, _exercises: Sequence[str] = ()) -> Source:
    """Return the submissions that a table names; paths are relative to it.

    Raises:
        SpecError: a line lacks learner or path, or its time cannot be read.
    """
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    for number, record in enumerate(records_of(file.read_bytes()), start=2):
        key, place = first_of(record, KEYS), first_of(record, PATHS)
        if not key or not place:
            raise SpecError(f"{file}, line {number}: it needs a learner and a path")
        path = file.parent / place
        if not path.exists():
            ignored.append(Ignored(place, f"line {number}: {path} does not exist"))
            continue
        person = Person(key=key, name=record.get("name", ""), email=record.get("email", ""))
        time = _time(first_of(record, TIMES), f"{file}, line {number}")
        handed.append(
            Handed(people=(person,), path=path, exercise=record.get("exercise", ""), handed_in=time)
        )
    return Source(format="manifest", handed=tuple(handed), ignored=tuple(ignored))


def _time(text: str, where: str) -> str:
    try:
        return written(moment(text)) if text else ""
    except SpecError as error:
        raise SpecError(f"{where}: {error}", hint=error.hint) from None
