"""Headings in a grader's source: comments like `# ---- the loss ----` say what the checks below teach."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

HEADING: Final = re.compile(r"# ?-{2,} (?P<words>\S.{0,70}?) -{2,}$")


def heading_above(file: Path, line: int) -> str:
    """Return the words of the last heading above a line, counted from 1; empty where there is none."""
    return next((words for at, words in reversed(_headings(file)) if at < line), "")


@cache
def _headings(file: Path) -> tuple[tuple[int, str], ...]:
    """Return the line and words of each heading; only a comment at the margin is one."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    found = ((at, HEADING.match(text.rstrip())) for at, text in enumerate(lines, 1))
    return tuple((at, match["words"]) for at, match in found if match)
