"""The cells of large tables, made by hand: a template would need a minute where this needs a second.

Nothing that anybody wrote goes through here, only outcomes.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from reports.cohort import ABSENT

WORDS: Final = {
    "p": "passed",
    "f": "failed",
    "c": "crashed",
    "s": "skipped",
    "u": "ungraded",
    "n": "not yet",
    ABSENT: "absent",
}
_CELLS: Final = {letter: f"<td class={letter}>{word}</td>" for letter, word in WORDS.items()}


def outcome_cells(letters: str, columns: int) -> Markup:
    """Return a cell for each letter, and empty ones up to the number of columns."""
    cells = "".join([_CELLS[letter] for letter in letters.ljust(columns, ABSENT)])
    return Markup(cells)  # noqa: S704 - made of constants
