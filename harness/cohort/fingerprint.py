"""By what a grading is known: digests of the files as they came, and of all that decides a verdict.

The files are not unpacked or parsed for it. What is hostile in them is met later, in a
process of its own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from harness.catalog import Course, folder_digest
from harness.grade import package_version
from harness.intake.folder import BYTES_CAP, FILES_CAP, is_ignored
from harness.interchange.records import Handed
from harness.records import Exercise

CHUNK: Final = 1 << 20
KEY_VERSION: Final = 1
"""Raised when gradings of before no longer stand for those of now."""


def digest_of(handed: Handed) -> str:
    """Return the sha256 over names, kinds and bytes of what was handed in, in hex.

    Of what is larger than intake takes, size and beginning are enough.
    """
    total = hashlib.sha256()
    left = 2 * BYTES_CAP
    for count, (name, path) in enumerate(_files(handed)):
        shown = name.encode("utf-8", "surrogateescape")
        total.update(b"%d " % len(shown) + shown)
        left -= _add(total, path, left)
        if count > FILES_CAP or left <= 0:
            total.update(b"and more")
            break
    return total.hexdigest()


def _files(handed: Handed) -> Iterator[tuple[str, Path]]:
    if handed.files:
        yield from sorted(handed.files)
    elif handed.path.is_dir() and not handed.path.is_symlink():
        yield from _below(handed.path)
    else:
        yield handed.path.name, handed.path


def _below(root: Path) -> Iterator[tuple[str, Path]]:
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not is_ignored(name))
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in sorted([*(name for name in names if not is_ignored(name)), *links]):
            file = Path(place, name)
            yield file.relative_to(root).as_posix(), file


def _add(total: Any, path: Path, most: int) -> int:
    """Add a file to a digest and return how many bytes were read; links and devices are not followed."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        total.update(f"unreadable {error.errno} {path.readlink() if path.is_symlink() else ''}".encode())
        return 0
    with os.fdopen(number, "rb") as stream:
        found = os.fstat(number)
        total.update(b"%d %d " % (stat.S_IFMT(found.st_mode), found.st_size))
        done = 0
        while stat.S_ISREG(found.st_mode) and done < most and (chunk := stream.read(min(CHUNK, most - done))):
            total.update(chunk)
            done += len(chunk)
    return done


def grader_key(course: Course, exercise: Exercise, sandbox: Literal["docker", "process"]) -> str:
    """Return the digest over all but the submission: exercise, grader, image, and how it is run."""
    parts = (
        f"{KEY_VERSION} {exercise.id} {sandbox} {exercise.device}",
        folder_digest(course.exercise_folder(exercise.id)),
        folder_digest(course.grader_folder(exercise.id)),
        _image(exercise) if sandbox == "docker" else _interpreter(),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def result_key(submission: str, grader: str) -> str:
    """Return by what a result is known."""
    return hashlib.sha256(f"{submission} {grader}".encode()).hexdigest()


def _image(exercise: Exercise) -> str:
    from harness.sandbox.images import image_tag

    return image_tag(exercise.profile)


def _interpreter() -> str:
    return f"{package_version('roadmark')} {platform.python_version()} {package_version('torch')}"
