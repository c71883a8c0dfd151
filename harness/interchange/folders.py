"""Readers of folders as they lie: one learner after the other, or learners by exercises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from harness.errors import SpecError
from harness.interchange.records import Handed, Ignored, Person, Source

SUFFIXES: Final = (".py", ".ipynb", ".zip", ".tar.gz", ".tgz", ".tar")
"""Files that can be a submission."""


def read_folders(folder: Path) -> Source:
    """Return each entry of a folder as the submission of the learner it is named after."""
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    for entry in _entries(folder):
        reason = _unfit(entry)
        if reason:
            ignored.append(Ignored(entry.name, reason))
        else:
            handed.append(Handed(people=(Person(key=_stem(entry)),), path=entry))
    return Source(format="folders", handed=tuple(handed), ignored=tuple(ignored))


def read_tree(folder: Path, exercises: Iterable[str]) -> Source:
    """Return what lies at `<learner>/<exercise>`, the exercise by its id or by its last part.

    Args:
        folder: Holds a folder for each learner.
        exercises: The ids that are known; what else lies there is ignored and told.
    """
    known = _by_name(exercises)
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    for learner in _entries(folder):
        if not learner.is_dir() or learner.is_symlink() or learner.name.startswith("."):
            ignored.append(Ignored(learner.name, "not a learner's folder"))
            continue
        person = Person(key=learner.name)
        for entry, name in _exercises_in(learner, known):
            if name in known:
                handed.append(Handed(people=(person,), path=entry, exercise=known[name]))
            else:
                ignored.append(Ignored(f"{learner.name}/{name}", "no exercise of that name"))
    return Source(format="tree", handed=tuple(handed), ignored=tuple(ignored))


def _exercises_in(learner: Path, known: Mapping[str, str]) -> Iterable[tuple[Path, str]]:
    """Yield entries of a learner's folder with the exercise's name; a stage's folder is looked into."""
    stages = {name.partition("/")[0] for name in known if "/" in name}
    for entry in _entries(learner):
        name = _stem(entry)
        if name in stages and name not in known and entry.is_dir() and not entry.is_symlink():
            for below in _entries(entry):
                yield below, f"{name}/{_stem(below)}"
        else:
            yield entry, name


def _by_name(exercises: Iterable[str]) -> dict[str, str]:
    """Return ids by themselves and by their last parts; one that several share is no name."""
    ids = list(exercises)
    last = [name.rpartition("/")[2] for name in ids]
    return {name: name for name in ids} | {
        short: name for short, name in zip(last, ids, strict=True) if last.count(short) == 1
    }


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise SpecError(f"{folder} cannot be read: {error.strerror}") from None


def _unfit(entry: Path) -> str:
    """Return why an entry is no submission, or nothing."""
    if entry.name.startswith((".", "_")):
        return "hidden"
    if entry.is_symlink():
        return "a symbolic link"
    if entry.is_dir() or entry.name.lower().endswith(SUFFIXES):
        return ""
    return "not a submission: no folder, .py, .ipynb, .zip or .tar.gz"


def _stem(entry: Path) -> str:
    """Return the name without what says of which kind it is."""
    suffix = next((end for end in SUFFIXES if entry.name.lower().endswith(end)), "")
    return entry.name if entry.is_dir() or not suffix else entry.name[: -len(suffix)]
