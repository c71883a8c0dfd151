"""A class's archive, unpacked into a folder of ours: names checked, kinds limited, bytes counted.

Single submissions are read in memory (`harness.intake`). A whole class does not fit there,
so it goes to disk, under names that were checked and never through links. Archives inside
are left as they are: intake reads them, one learner's at a time.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import SpecError, SubmissionError
from harness.intake.folder import BYTES_CAP
from harness.intake.names import check_names
from harness.interchange.records import Ignored

MEMBERS_CAP: Final = 200_000
TOTAL_CAP: Final = 16 << 30
"""Bytes of a class."""
FILE_CAP: Final = BYTES_CAP + 1
"""One byte more than intake takes, so that what is too large is refused there, in words."""
RATIO_CAP: Final = 1000
RATIO_FROM: Final = 64 << 20
CHUNK: Final = 1 << 20


def unpack(archive: Path, folder: Path) -> tuple[Ignored, ...]:
    """Write an archive's files below a folder and return what was left out, with reasons.

    Raises:
        SpecError: it is no zip, holds too much, or inflates beyond reason.
    """
    ignored: list[Ignored] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MEMBERS_CAP:
                raise SpecError(f"{archive} has more than {MEMBERS_CAP} entries")
            _unpack(opened, members, folder, ignored)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise SpecError(f"{archive} cannot be unpacked: {error}", hint="download it again") from None
    return tuple(ignored)


def _unpack(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, ignored: list[Ignored]
) -> None:
    packed = max(1, sum(member.compress_size for member in members))
    written = 0
    taken: set[str] = set()
    for member in members:
        name = member.filename.rstrip("/")
        reason = _unfit(member, name, taken)
        if reason:
            ignored.append(Ignored(name, reason))
        elif not member.is_dir():
            taken.add(name.casefold())
            for size in _write(opened, member, folder / name):
                written += size
                if written > TOTAL_CAP or (written > RATIO_FROM and written > RATIO_CAP * packed):
                    raise SpecError(f"{opened.filename} inflates to too much: {written >> 20} MiB and more")


def _unfit(member: zipfile.ZipInfo, name: str, taken: set[str]) -> str:
    """Return why a member is left out, or nothing."""
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or a device"
    if member.flag_bits & 1:
        return "encrypted"
    if name.casefold() in taken:
        return "another file has the same name"
    if name.partition("/")[0] == "__MACOSX":
        return "what macOS adds"
    try:
        check_names([name])
    except SubmissionError as error:
        return str(error)
    return ""


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path) -> Iterator[int]:
    """Write one file, no more of it than intake looks at; yield how many bytes each piece has."""
    file.parent.mkdir(parents=True, exist_ok=True)
    left = FILE_CAP
    with opened.open(member) as source, file.open("xb") as target:
        while left and (chunk := source.read(min(CHUNK, left))):
            target.write(chunk)
            left -= len(chunk)
            yield len(chunk)
