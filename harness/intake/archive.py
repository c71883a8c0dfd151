"""The files of a zip or tar archive, inflated in memory under caps; nothing is ever extracted to disk.

Headers are claims: names are checked, kinds other than files and folders refused, and bytes
counted as they come out, so that a bomb is noticed by what it does and not by what it says.
"""

from __future__ import annotations

import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Final, Literal

from harness.errors import SubmissionError
from harness.intake.folder import BYTES_CAP, FILES_CAP, is_ignored, require_room, without_environments
from harness.intake.names import check_names
from harness.records import SourceFile

RATIO_CAP: Final = 200
"""Honest work inflates a few times; a bomb thousands of times."""
RATIO_FROM: Final = 1 << 20
MEMBERS_CAP: Final = 5 * FILES_CAP
CHUNK: Final = 1 << 16
BROKEN: Final = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)
Member = tuple[str, IO[bytes] | None]
"""A path and its bytes; None for what is neither a file nor a folder."""


def is_archive(data: bytes) -> bool:
    """Whether the bytes begin as a zip, a gzip or a plain tar archive does."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or data[257:262] == b"ustar"


def files_in(data: bytes, name: str, package: str = "") -> tuple[list[SourceFile], set[str]]:
    """Return the archive's files and the names that were ignored.

    One folder around all is unwrapped, unless it is the package that the exercise asks for.

    Raises:
        SubmissionError: broken, encrypted, too large, an odd kind of member, or an unsafe name.
    """
    try:
        members = _zip(data, name) if data.startswith(b"PK") else _tar(data, name)
        files, ignored = _read(members, len(data), name)
    except (*BROKEN, NotImplementedError, ValueError, RuntimeError) as error:
        raise SubmissionError(
            f"{name} cannot be unpacked: {error}", hint="make a new .zip or .tar.gz"
        ) from None
    return _unwrapped(files, package), ignored


def _zip(data: bytes, name: str) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        _require_few(len(members), name)
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                yield member.orig_filename, None
                continue
            if member.flag_bits & 1:
                raise SubmissionError(f"{name} is encrypted", hint="pack it without a password")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise SubmissionError(
                    f"{name} uses an unusual compression", hint="use ordinary zip or .tar.gz"
                )
            if not member.is_dir():
                yield member.orig_filename, archive.open(member)


def _tar(data: bytes, name: str) -> Iterator[Member]:
    mode: Literal["r|gz", "r|"] = "r|gz" if data.startswith(b"\x1f\x8b") else "r|"
    with tarfile.open(fileobj=_Counted(data, name), mode=mode) as archive:
        for count, member in enumerate(archive):
            _require_few(count, name)
            if member.isdir():
                continue
            stream = archive.extractfile(member) if member.isreg() else None
            yield member.name.removeprefix("./"), None if member.issparse() else stream


class _Counted(io.BytesIO):
    """The archive's bytes, for a reader that only goes forward."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _require_few(count: int, name: str) -> None:
    if count > MEMBERS_CAP:
        raise SubmissionError(
            f"{name} has more than {MEMBERS_CAP} entries", hint="leave out caches and environments"
        )


def _read(members: Iterable[Member], packed: int, name: str) -> tuple[list[SourceFile], set[str]]:
    files: list[SourceFile] = []
    ignored: set[str] = set()
    odd: list[str] = []
    size = kept = 0
    for path, stream in members:
        skipped = [part for part in path.split("/") if is_ignored(part)]
        ignored |= set(skipped)
        parts = []
        while stream and (chunk := stream.read(CHUNK)):
            size += len(chunk)
            _require_honest(size, packed, name)
            if not skipped:
                parts.append(chunk)
        if skipped:
            continue
        if stream is None:
            odd.append(path)
            continue
        check_names([path])
        files.append(SourceFile(path=path, data=b"".join(parts)))
        kept += len(files[-1].data)
        require_room(name, len(files), kept)
    kept_files, environments = without_environments(files)
    _require_plain(odd, environments, name)
    gone = {file.path for file in files} - {file.path for file in kept_files}
    left_out = {folder for folder in environments if any(path.startswith(f"{folder}/") for path in gone)}
    return kept_files, ignored | {folder.rpartition("/")[2] for folder in left_out}


def _require_plain(odd: Iterable[str], environments: Iterable[str], name: str) -> None:
    """Refuse links and devices, but for those of an environment, which are dropped with it."""
    for path in odd:
        if not any(f"{path}/".startswith(f"{folder}/") for folder in environments):
            raise SubmissionError(f"{name}: {path!a} is a link or a device", hint="pack plain files")


def _require_honest(size: int, packed: int, name: str) -> None:
    """Refuse what inflates beyond the cap or beyond reason, ignored members included."""
    if size > 2 * BYTES_CAP or (size > RATIO_FROM and size > RATIO_CAP * packed):
        raise SubmissionError(
            f"{name} inflates to too much: {size >> 20} MiB and more", hint="leave out data"
        )


def _unwrapped(files: list[SourceFile], package: str) -> list[SourceFile]:
    """Return the files without a single folder that is around all of them."""
    tops = {file.path.partition("/")[0] for file in files}
    if len(tops) != 1 or tops == {package.partition("/")[0]} or not all("/" in file.path for file in files):
        return files
    return [SourceFile(path=file.path.partition("/")[2], data=file.data) for file in files]
