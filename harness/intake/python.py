"""Is this Python that could be graded? Said before it runs, in words a learner can act on."""

from __future__ import annotations

import codecs
import io
import tokenize
from typing import Final

from harness.errors import SubmissionError

MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"/annex/objects/", "a git-annex pointer, not the file itself"),
)
NOT_OF_FILES: Final = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")
"""Encodings of host names and of literals; a large file in one of the former would take hours to read."""


def check_python(data: bytes, name: str) -> None:
    """Refuse what is not Python text.

    A syntax error is no reason to refuse: it is found at import and costs what it costs there.

    Raises:
        SubmissionError: another kind of file, an encoding that does not hold, or nothing in it.
    """
    for magic, kind in MAGIC:
        if data.startswith(magic):
            raise SubmissionError(
                f"{name}: expected Python text, got {kind}", hint="save it as UTF-8 .py and try again"
            )
    text = _decoded(data, name)
    if "\x00" in text:
        raise SubmissionError(f"{name}: expected Python text, got binary data (a NUL byte)")
    if _is_empty(text):
        raise SubmissionError(f"{name}: nothing is implemented: the file holds no statement")


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode(_encoding(data))
    except UnicodeDecodeError as error:
        raise _badly_encoded(name, _byte(error)) from None
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise _badly_encoded(name, _first_bad_byte(data) or str(error)) from None


def _badly_encoded(name: str, problem: str) -> SubmissionError:
    return SubmissionError(f"{name}: {problem}", hint="save the file as UTF-8")


def _byte(error: UnicodeDecodeError) -> str:
    return f"byte {error.start} (0x{error.object[error.start]:02x}) is not {error.encoding}"


def _first_bad_byte(data: bytes) -> str:
    """Say where a file stops being UTF-8, which Python's own words do not; empty if it is."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return _byte(error)
    return ""


def _encoding(data: bytes) -> str:
    name = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    if codecs.lookup(name).name in NOT_OF_FILES:
        raise LookupError(f"unknown encoding: {name}")
    return name


def _is_empty(text: str) -> bool:
    """Whether every line is blank or a comment; nothing is parsed here, the text may be hostile."""
    return all(line.lstrip().startswith("#") or not line.strip() for line in text.splitlines())
