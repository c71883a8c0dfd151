"""Every reader by its name, and which one a source looks like."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.errors import SpecError
from harness.interchange import canvas, classroom, gradescope, manifest, moodle, nbgrader
from harness.interchange.folders import read_folders, read_tree
from harness.interchange.records import Source
from harness.interchange.unpacking import unpack

Reader = Callable[[Path, Sequence[str]], Source]
READERS: Final[Mapping[str, Reader]] = {
    "folders": lambda folder, _: read_folders(folder),
    "tree": read_tree,
    "gradescope": gradescope.read,
    "canvas": canvas.read,
    "moodle": moodle.read,
    "nbgrader": nbgrader.read,
    "classroom": classroom.read,
    "manifest": manifest.read,
}
LOOKS: Final[Mapping[str, Callable[[Sequence[str]], bool]]] = {
    "gradescope": gradescope.looks_like,
    "moodle": moodle.looks_like,
    "canvas": canvas.looks_like,
    "nbgrader": nbgrader.looks_like,
}
"""Formats that names alone give away. Clones look like plain folders and have to be named."""


@contextmanager
def read_source(path: Path, form: str, exercises: Sequence[str]) -> Iterator[Source]:
    """Give what a reader finds in a source; an archive is unpacked for as long as the block lasts.

    Args:
        path: A folder, a zip or a CSV file.
        form: The reader's name, or `auto`.
        exercises: The ids that are known.

    Raises:
        SpecError: it is not what the reader reads.
    """
    if path.is_dir() or path.suffix.lower() == ".csv" or form == "manifest":
        yield _read(path, form, exercises)
        return
    if path.suffix.lower() != ".zip":
        raise SpecError(f"{path} is neither a folder nor a .zip nor a .csv", hint="roadmark import --help")
    with tempfile.TemporaryDirectory(prefix="roadmark-source-") as folder:
        left_out = unpack(path, Path(folder))
        source = _read(Path(folder), form, exercises)
        yield replace(source, ignored=(*left_out, *source.ignored))


def _read(path: Path, form: str, exercises: Sequence[str]) -> Source:
    if path.is_file():
        return manifest.read(path)
    folder = _unwrapped(path) if form in ("auto", "gradescope", "canvas", "moodle", "nbgrader") else path
    name = guess(folder) if form == "auto" else form
    if form == "auto" and name == "folders" and is_tree(path, exercises):
        name = "tree"
    return READERS[name](folder if name in LOOKS else path, exercises)


def guess(folder: Path) -> str:
    """Return which reader a folder is for."""
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    return next((name for name, fits in LOOKS.items() if fits(names)), "folders")


def is_tree(folder: Path, exercises: Sequence[str]) -> bool:
    """Whether every learner's folder holds a folder named after an exercise or a stage."""
    known = {name.rpartition("/")[2] for name in exercises} | {name.partition("/")[0] for name in exercises}
    learners = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
    named = (any(below.is_dir() and below.name in known for below in one.iterdir()) for one in learners)
    return bool(learners) and all(named)


def _unwrapped(folder: Path) -> Path:
    """Return a single folder that is around everything, if what is in it has a known look."""
    entries = [entry for entry in folder.iterdir() if entry.name != "__MACOSX"]
    if (
        len(entries) == 1
        and entries[0].is_dir()
        and not entries[0].is_symlink()
        and guess(entries[0]) != "folders"
    ):
        return entries[0]
    return folder
