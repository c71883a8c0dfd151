"""Describe an exception as data: type, text, and the learner's own frames. Never raises.

An exception may be of a class of theirs, and every attribute of it may be a trap.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

TEXT_CAP = 4096
FRAMES_CAP = 20
Made = TypeVar("Made")


def describe(error: BaseException, root: Path) -> dict[str, Any]:
    """Return the exception's type, text and the frames that lie in the submission's folder."""
    nowhere: list[dict[str, Any]] = []
    parser = {"python": ".".join(map(str, sys.version_info[:2]))} if isinstance(error, SyntaxError) else {}
    return parser | {
        "type": _safely(lambda: _capped(type(error).__name__, 80), "Exception"),
        "message": _message(error),
        "frames": _safely(lambda: _frames(error, root), nowhere),
    }


def _safely(make: Callable[[], Made], otherwise: Made) -> Made:
    try:
        return make()
    except BaseException:  # noqa: BLE001 - what a learner's attributes do may raise anything
        return otherwise


def _message(error: BaseException) -> str:
    try:
        text = f"{error.msg} (line {error.lineno})" if isinstance(error, SyntaxError) else str(error)
        return _capped(text, TEXT_CAP)
    except BaseException as inner:  # noqa: BLE001 - a learner's __str__ may raise anything
        return f"<its text could not be made: {_capped(type(inner).__name__, 80)}>"


def _capped(text: str, cap: int) -> str:
    text = str.__str__(text)
    return text if len(text) <= cap else text[:cap] + "… (cut)"


def _frames(error: BaseException, root: Path) -> list[dict[str, Any]]:
    frames = [
        _frame(Path(name), line, function, root)
        for name, line, function in _walk(error)
        if Path(name).is_relative_to(root)
    ]
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        place = _frame(Path(error.filename), int(error.lineno or 0), "", root)
        source, column = _capped((error.text or "").rstrip(), 200), int(error.offset or 0)
        frames.append(place | {"source": source, "column": column})
    return frames[-FRAMES_CAP:]


def _walk(error: BaseException) -> list[tuple[str, int, str]]:
    pairs = traceback.walk_tb(error.__traceback__)
    return [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in pairs]


def _frame(file: Path, line: int, function: str, root: Path) -> dict[str, Any]:
    source = linecache.getline(str(file), line).strip()
    return {
        "file": str(file.relative_to(root)),
        "line": line,
        "function": function,
        "source": _capped(source, 200),
    }
