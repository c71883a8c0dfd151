"""Text that people and programs wrote, made fit to be looked at.

Autoescaping keeps markup from running. What it leaves alone is dealt with here: terminal
escapes, characters that are invisible or turn the reading direction, halves of
surrogate pairs (which no file can hold), and text too long to show.
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

MESSAGE_CHARACTERS: Final = 2_000
MESSAGE_LINES: Final = 40
CODE_CHARACTERS: Final = 400

# Each branch stops at the next escape, so that hostile text costs linear time.
_TERMINAL: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movement
    r"|\x9b[0-?]*[ -/]*[@-~]"  # the same with an 8-bit introducer
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # window titles, links, the clipboard
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # device strings
    r"|\x1b[ -/]*[0-Z\\^-~]"  # two-character sequences
)
_NEWLINES: Final = re.compile(r"\r\n?|[\x85\u2028\u2029]")
# Zero-width joiners stay: Persian names and emoji are written with them.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKS: Final = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_CODE: Final = re.compile(r"`([^`\n]+)`")


def visible(text: str) -> str:
    r"""Return the text with nothing in it that is unseen or acts on the screen.

    Terminal sequences are removed, every line end becomes a newline, control, direction
    and invisible characters are spelled out (`\x07`, `\u202e`), and heaps of combining
    marks are cut to four. Applying it twice changes nothing more.
    """
    plain = _NEWLINES.sub("\n", _TERMINAL.sub("", text))
    return _MARKS.sub(r"\1", _UNSEEN.sub(_spelled, plain))


def line(text: str, characters: int = 200) -> str:
    """Return the text as one line of at most so many characters."""
    words = " ".join(visible(text[: 4 * characters]).split())
    return words if len(words) <= characters else words[: characters - 1] + "…"


def capped(text: str, characters: int = MESSAGE_CHARACTERS, lines: int = MESSAGE_LINES) -> str:
    """Return the beginning of a text, and in words how much of it was left out."""
    shown = "\n".join(visible(text[:characters]).split("\n", lines)[:lines])
    left = len(text) - len(text[:characters])
    if left:
        return f"{shown}\n… truncated: {left:,} more characters"
    hidden = visible(text).count("\n") + 1 - lines
    return f"{shown}\n… truncated: {hidden:,} more lines" if hidden > 0 else shown


def ends(text: str, head: int, tail: int) -> str:
    """Return the beginning and the end of a long text, and in words how much is missing between."""
    left = len(text) - head - tail
    if left <= 0:
        return visible(text)
    return f"{visible(text[:head])}\n\n… truncated: {left:,} characters left out …\n\n{visible(text[-tail:])}"


def line_of_code(text: str) -> str:
    """Return a line of code with its white space, cut where nobody reads on."""
    return visible(text if len(text) <= CODE_CHARACTERS else text[: CODE_CHARACTERS - 1] + "…")


def prose(text: str) -> Markup:
    """Return a sentence as HTML: escaped, with `code` in backticks set as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(visible(text)))))  # noqa: S704 - escaped just before


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
