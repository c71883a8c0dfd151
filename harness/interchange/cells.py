"""Tables as CSV that tricks no spreadsheet: quoted, and no cell of others' text is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # the last four as Asian keyboards type them
Cell = str | float | int | bool | None


def safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: an apostrophe stands before what could be one."""
    clean = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return f"'{clean}" if clean.lstrip(" ").startswith(FORMULA) else clean


def number(value: float | None, digits: int = 4) -> str:
    """Return a number without needless zeros, and nothing for None."""
    if value is None:
        return ""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") or "0"


def cell(value: Cell) -> str:
    """Return what is written for a value; text is made safe, numbers are ours."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, str):
        return safe(value)
    return number(value)


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return CSV in UTF-8 with a header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()
