"""The files of a folder: regular ones, opened without following links and read under caps."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from harness.errors import SubmissionError
from harness.intake.names import DEPTH_CAP
from harness.records import SourceFile

FILES_CAP: Final = 2000
BYTES_CAP: Final = 64 << 20
IGNORED: Final = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        ".tox",
        "site-packages",
        "node_modules",
        "__pycache__",
        "__MACOSX",
    }
    | {".DS_Store", ".cache", ".idea", ".vscode", ".ipynb_checkpoints", "roadmark-bundle.json"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
ENVIRONMENT: Final = ("pyvenv.cfg", "conda-meta/history")
"""Files by which a folder of installed packages is known, whatever it is called."""
PARTS: Final = frozenset({"bin", "conda-meta", "include", "lib", "lib64", "Include", "Lib", "Scripts"})
"""What an environment puts into its folder; where it was made amid somebody's work, only this goes."""
CODE: Final = (".py", ".ipynb")


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is never part of anybody's work."""
    return name in IGNORED or name.endswith((".pyc", ".egg-info"))


def files_of(root: Path) -> tuple[list[SourceFile], set[str]]:
    """Return all regular files below a folder, and the names that were ignored; raises `SubmissionError`."""
    files: list[SourceFile] = []
    ignored: set[str] = set()
    size = 0
    for place, folders, names in os.walk(root, onerror=_refuse_unreadable):
        if len(Path(place).relative_to(root).parts) > DEPTH_CAP:
            raise SubmissionError(f"{root} is deeper than {DEPTH_CAP} folders", hint="move the files up")
        unread = left_out(Path(place), folders)
        ignored |= unread | {name for name in names if is_ignored(name)}
        folders[:] = sorted(set(folders) - unread)
        _refuse_links(Path(place), folders)
        for name in sorted(name for name in names if not is_ignored(name)):
            file = Path(place, name)
            data = bytes_of(file)
            files.append(SourceFile(path=file.relative_to(root).as_posix(), data=data))
            size += len(data)
            require_room(root, len(files), size)
    return files, ignored


def left_out(place: Path, folders: Iterable[str]) -> set[str]:
    """Return which folders in a place are nobody's work: caches, and environments of installed packages."""
    found = {name for name in folders if is_ignored(name) or _is_environment(place / name)}
    return found | PARTS.intersection(folders) if _is_marked(place) else found


def _is_marked(folder: Path) -> bool:
    return any((folder / one).is_file() for one in ENVIRONMENT)


def _is_environment(folder: Path) -> bool:
    """Whether a folder holds installed packages, and no work of somebody who made them beside it."""
    return _is_marked(folder) and not any(file.suffix in CODE for file in folder.iterdir())


def without_environments(files: list[SourceFile]) -> tuple[list[SourceFile], set[str]]:
    """Return the files that are in no environment, and the folders that were left out."""
    marks = [(f"/{file.path}", f"/{one}") for file in files for one in ENVIRONMENT]
    marked = {path.removesuffix(mark) for path, mark in marks if path.endswith(mark)}
    at_work = {f"/{file.path}".rpartition("/")[0] for file in files if file.path.endswith(CODE)}
    amid = {f"{folder}/{part}" for folder in marked & {"", *at_work} for part in PARTS}
    folders = {folder[1:] for folder in amid | (marked - {"", *at_work})}
    kept = [file for file in files if not any(file.path.startswith(f"{folder}/") for folder in folders)]
    return kept, folders


def require_room(where: object, count: int, size: int) -> None:
    """Refuse what holds too many files or bytes; raises `SubmissionError`."""
    if count > FILES_CAP or size > BYTES_CAP:
        raise SubmissionError(
            f"{where} holds more than {FILES_CAP} files or {BYTES_CAP >> 20} MiB",
            hint="leave out data, caches and environments",
        )


def bytes_of(file: Path) -> bytes:
    """Return a regular file's bytes; raises `SubmissionError` for links, devices and what is too large."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        what = "is a symbolic link" if file.is_symlink() else f"cannot be read: {error.strerror}"
        raise SubmissionError(f"{file} {what}", hint="hand in the file itself") from None
    with os.fdopen(number, "rb") as stream:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise SubmissionError(f"{file} is not a regular file")
        data = stream.read(BYTES_CAP + 1)
    if len(data) > BYTES_CAP:
        raise SubmissionError(f"{file} is larger than {BYTES_CAP >> 20} MiB")
    return data


def _refuse_unreadable(error: OSError) -> None:
    raise SubmissionError(f"{error.filename} cannot be read: {error.strerror}") from None


def _refuse_links(place: Path, folders: Sequence[str]) -> None:
    for name in folders:
        if (place / name).is_symlink():
            raise SubmissionError(f"{place / name} is a symbolic link", hint="hand in the folder itself")
