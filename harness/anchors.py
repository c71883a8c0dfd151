"""calibration.json: where each metric's zero and full mark come from, and of which code they were measured.

What was measured on a GPU stands beside it, in calibration.gpu.json.

A calibration is stale once the reference, a baseline, the grader or what it imports of the
harness's metrics and sources is other code or has other data than what was measured;
comments and blank lines do not count.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from harness.catalog import MARKS_FILES, Course
from harness.errors import SpecError

FILE: Final = MARKS_FILES["cpu"]
GPU_FILE: Final = MARKS_FILES["gpu"]
HARNESS: Final = Path(__file__).parent
IMPORT: Final = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+(harness\.(?:metrics|sources|gpu)[\w.]*)"
    r"(?:[ \t]+import[ \t]+(\([\w\s,]*|[\w ,]*))?",
    re.MULTILINE,
)
"""An import of the packages whose code makes the numbers, and what is taken from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The marks of one metric with the runs that they follow from."""

    zero: float
    """The baseline to beat: it earns nothing."""
    full: float
    """What an honest run reaches with probability `confidence`: it earns everything."""
    better: Literal["lower", "higher"]
    scale: Literal["linear", "log"] = "linear"
    reference: tuple[float, ...]
    """One value per seed."""
    baseline: Mapping[str, tuple[float, ...]]
    discrimination: float | None = None
    """Distance from baseline to reference in standard deviations of the reference; None where that is 0."""
    confidence: float
    false_fail: float
    """Share of honest runs that miss full marks, 0 to 1, estimated from all honest runs."""
    reruns: tuple[float, ...] = ()
    """Further honest runs, fresh seeds and alternatives; full marks allow for them where they differ more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All metrics of one exercise."""

    version: Literal[1] = 1
    metrics: Mapping[str, Anchor]
    digest: str = ""
    """Of the code and data that were measured; see `measured_digest`."""
    environment: Mapping[str, str] = field(default_factory=dict)


for _record in (Anchor, Calibration):
    with_config(ConfigDict(extra="forbid"))(_record)
_CALIBRATION: Final = TypeAdapter(Calibration)


def read_calibration(course: Course, name: str, called: str = FILE) -> Calibration | None:
    """Return the calibration of an exercise, None without one; raises `SpecError` listing all faults."""
    file = course.grader_folder(name) / called
    if not file.exists():
        return None
    try:
        return _CALIBRATION.validate_json(file.read_bytes())
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg'].lower()}" for one in error.errors()]
        text = "\n".join([f"{file}:", *(f"  {line}" for line in lines)])
        raise SpecError(text, hint=f"roadmark calibrate {name}") from None


def write_calibration(course: Course, name: str, calibration: Calibration, called: str = FILE) -> Path:
    """Write a calibration so that a reader sees all of it or nothing."""
    file = course.grader_folder(name) / called
    tree = _CALIBRATION.dump_python(calibration, mode="json")
    partial = file.with_suffix(f".{os.getpid()}.part")
    partial.write_text(json.dumps(tree, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(file)
    return file


def measured_digest(course: Course, name: str) -> str:
    """Return the sha256, in hex, over the code and data that a calibration of the exercise depends on.

    That is the reference, the baselines, the grader with its data, and what the grader
    imports of `harness.metrics` and `harness.sources`, with the weights of encoders.
    """
    reference, grader = course.reference_folder(name), course.grader_folder(name)
    folders = (reference / "solution", reference / "baseline", grader)
    files = {
        f"{folder.name}/{file.relative_to(folder).as_posix()}": file
        for folder in folders
        for file in sorted(_files(folder))
    }
    used = sorted(_measuring(_files(grader)))
    files |= {f"harness/{file.relative_to(HARNESS).as_posix()}": file for file in used}
    digest = hashlib.sha256()
    for label, file in files.items():
        data = _code(file, file.stat().st_mtime_ns)
        digest.update(b"%d %d " % (len(label.encode()), len(data)) + label.encode() + data)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and file.name not in MARKS_FILES.values() and "__pycache__" not in file.parts:
            yield file


def _measuring(readers: Iterable[Path]) -> set[Path]:
    """Return the files of the harness's metrics and sources that some files import, directly or not."""
    found: set[Path] = set()
    waiting = [file for file in readers if file.suffix == ".py"]
    while waiting:
        new = set(_imported(waiting.pop())) - found
        found |= new
        waiting += new
    if HARNESS / "sources" / "encoder.py" in found:
        found |= set((HARNESS / "sources" / "weights").iterdir())
    return found


def _imported(reader: Path) -> Iterator[Path]:
    """Yield the files of the harness's metrics and sources that a file imports."""
    for module, names in IMPORT.findall(reader.read_text(encoding="utf-8", errors="replace")):
        package = HARNESS.joinpath(*module.split(".")[1:])
        for one in (package, *(package / name for name in re.findall(r"\w+", names))):
            if one.with_suffix(".py").is_file():
                yield one.with_suffix(".py")


@lru_cache(maxsize=256)
def _code(file: Path, _changed: int) -> bytes:
    """Return a Python file without comments and blank lines; any other as it is."""
    data = file.read_bytes()
    if file.suffix != ".py":
        return data
    lines = data.decode("utf-8", "replace").split("\n")
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError, IndexError):
        return data
    return "\n".join(line.rstrip() for line in lines if line.strip()).encode()
