"""What was handed in, as it travels: packed where the files lie, unpacked where they are read.

Nothing is parsed here. What intake looks at arrives as it is, links and oversized files
included, so that a node refuses what this machine would refuse, in the same words.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from harness.intake.folder import BYTES_CAP, ENVIRONMENT, FILES_CAP, is_ignored, left_out
from harness.intake.names import shown
from harness.interchange.records import Handed

Kind = Literal["file", "folder", "link", "other"]
PREFIX: Final = "roadmark-parcel-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file, folder or link."""

    name: str
    """Relative to what was handed in; empty for that itself."""
    kind: Kind
    data: bytes = b""
    """A file's bytes, up to what intake reads; a link's target."""
    size: int = 0
    """A file's, in bytes, whatever of it is carried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A submission's files, and where they come from."""

    handed: Handed
    items: tuple[Item, ...]
    """What lies at its path, or one item for each of its scattered files."""


def pack(handed: Handed) -> Parcel:
    """Return what a grading reads of a submission; raises `OSError` where it cannot be read."""
    if handed.files:
        items = [_item(path, str(place)) for place, (_, path) in enumerate(handed.files)]
    elif handed.path.is_dir() and not handed.path.is_symlink():
        items = [Item(name="", kind="folder"), *_below(handed.path)]
    else:
        items = [_item(handed.path, "")]
    return Parcel(handed=handed, items=tuple(items))


def _below(root: Path) -> Iterator[Item]:
    """Yield what is below a folder; of what intake leaves out only the name, and nothing beyond its caps."""
    count = size = 0
    for place, folders, names in os.walk(root, onerror=_raise):
        unread = left_out(Path(place), folders)
        for name in sorted(unread):
            yield from _marked(root, place, name)
        folders[:] = sorted(set(folders) - unread)
        for name in folders:
            yield _item(Path(place, name), _relative(root, place, name))
        for name in sorted(names):
            item = _item(Path(place, name), _relative(root, place, name), empty=is_ignored(name))
            yield item
            count, size = count + 1, size + len(item.data)
        if count > FILES_CAP or size > BYTES_CAP:
            return


def _marked(root: Path, place: str, name: str) -> Iterator[Item]:
    """Yield a folder that is left out, and the files by which it is known, empty."""
    yield Item(name=_relative(root, place, name), kind="folder")
    for one in (*(f"{name}/{one}" for one in ENVIRONMENT), *ENVIRONMENT):
        if one.startswith(f"{name}/") and Path(place, one).is_file():
            for above in Path(one).parents[:-1][::-1]:
                yield Item(name=_relative(root, place, str(above)), kind="folder")
            yield Item(name=_relative(root, place, one), kind="file")


def _relative(root: Path, place: str, name: str) -> str:
    return Path(place, name).relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error


def _item(path: Path, name: str, *, empty: bool = False) -> Item:
    """Return one file, folder or link; raises `OSError`."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return Item(name=name, kind="link", data=os.fsencode(path.readlink()))
    if stat.S_ISDIR(found.st_mode):
        return Item(name=name, kind="folder")
    if not stat.S_ISREG(found.st_mode):
        return Item(name=name, kind="other")
    if empty:
        return Item(name=name, kind="file")
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(number, "rb") as stream:
        data = stream.read(BYTES_CAP + 1)
    return Item(name=name, kind="file", data=data, size=max(len(data), found.st_size))


@contextmanager
def unpacked(parcel: Parcel) -> Iterator[tuple[Handed, Path]]:
    """Give what was handed in, in a folder of its own for as long as the block lasts, and that folder."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield _written(parcel, root), root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _place(handed: Handed, root: Path) -> Path:
    """Return where a submission is written: under its own name, which verdicts speak of."""
    return root / (handed.path.name if handed.path.name not in ("", "..") else "handed")


def _written(parcel: Parcel, root: Path) -> Handed:
    handed = parcel.handed
    target = _place(handed, root)
    if handed.files:
        files = []
        for place, ((name, path), item) in enumerate(zip(handed.files, parcel.items, strict=True)):
            folder = root / str(place)
            folder.mkdir()
            _write(folder / path.name, item)
            files.append((name, folder / path.name))
        return replace(handed, path=target, files=tuple(files))
    for item in parcel.items:
        _write(target / _checked(item.name), item)
    return replace(handed, path=target)


def _checked(name: str) -> PurePosixPath:
    """Return a relative path that stays below its folder; raises `ValueError`."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} leads out of its folder")
    return path


def _write(path: Path, item: Item) -> None:
    match item.kind:
        case "folder":
            path.mkdir(exist_ok=True)
        case "link":
            path.symlink_to(os.fsdecode(item.data))
        case "other":
            os.mkfifo(path)
        case "file":
            with path.open("xb") as stream:
                stream.write(item.data)
                stream.truncate(max(item.size, len(item.data)))


def as_at_home(text: bytes, parcel: Parcel, root: Path) -> bytes:
    """Return JSON in which a submission lies where it was packed, not where it was unpacked."""
    here, there = (
        json.dumps(shown(str(path)), ensure_ascii=False)[1:-1].encode()
        for path in (_place(parcel.handed, root), parcel.handed.path)
    )
    return text.replace(here, there)
