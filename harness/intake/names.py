"""Which file names may go on: portable, relative, unambiguous. Others are refused, never mended."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from harness.errors import SubmissionError

PATH_CAP: Final = 200
DEPTH_CAP: Final = 20
RESERVED: Final = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$", re.IGNORECASE)
UNSEEN: Final = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
ODD: Final = re.compile(rf'[{UNSEEN}\\:*?"<>|]')


def check_names(paths: Iterable[str]) -> None:
    """Refuse paths that leave the folder, are not portable, or differ only in case or composition.

    Raises:
        SubmissionError: naming the path and what is wrong with it.
    """
    seen: dict[str, str] = {}
    for path in paths:
        problem = _problem(path)
        if problem:
            raise SubmissionError(f"the file name {path!a:.250} {problem}", hint="rename it")
        key = unicodedata.normalize("NFC", path).casefold()
        if key in seen:
            raise SubmissionError(f"the file names {seen[key]!a} and {path!a} differ only in case or accents")
        seen[key] = path


def shown(name: str) -> str:
    """Return a name as it may be printed and stored: whatever is no character to see is replaced."""
    return re.sub(f"[{UNSEEN}]", "\ufffd", name)


def _problem(path: str) -> str:
    parts = path.split("/")
    if len(path.encode("utf-8", "surrogatepass")) > PATH_CAP or len(parts) > DEPTH_CAP:
        return f"is longer than {PATH_CAP} bytes or deeper than {DEPTH_CAP} folders"
    if ODD.search(path):
        return "holds a character that file systems or terminals treat specially"
    if any(part in ("", ".", "..") for part in parts):
        return "does not stay in its folder"
    if any(RESERVED.match(part) or part != part.strip(" ") or part.endswith(".") for part in parts):
        return "is not portable"
    return "starts with '-'" if any(part.startswith("-") for part in parts) else ""
