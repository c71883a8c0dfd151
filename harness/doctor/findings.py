"""What the doctor says of one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    good: bool
    """Whether grading may rely on it; a finding that is not good stops grading."""
    detail: str
    fix: str = ""
    """What to do about it; advice where it is good all the same."""


def found(subject: str, trouble: str, fix: str, *, otherwise: str = "holds") -> Finding:
    """Return the finding for a trouble, which is none where its text is empty."""
    return Finding(subject=subject, good=not trouble, detail=trouble or otherwise, fix=fix if trouble else "")
