"""What readers make of a source, and what writers make bytes of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A learner as a source names them."""

    key: str
    """What identifies them there: a user id, an e-mail address, a folder's name."""
    name: str = ""
    email: str = ""
    section: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Other names by system, such as `canvas`, `moodle`, `sid`, `login`, `github`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One submission in a source: whose it is and where its files lie."""

    people: tuple[Person, ...]
    """Who is graded by it: one learner, or the members of a group."""
    path: Path
    """The file or folder handed in; where `files` are named, only what it is called."""
    files: tuple[tuple[str, Path], ...] = ()
    """Names and places of files that lie scattered, to be brought together under these names."""
    exercise: str = ""
    """Which exercise it is for, where the source says so."""
    handed_in: str = ""
    """When, in UTC and ISO 8601; empty where the source does not say."""
    late: bool = False
    """Whether the source marks it as late."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something in a source that is nobody's submission, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All that a reader found."""

    format: str
    handed: tuple[Handed, ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeRow:
    """One learner's standing in one exercise, policies applied: a line of every export."""

    learner: str
    exercise: str
    points: float | None
    """None where nothing is known yet: ungraded, missing or excused."""
    possible: float | None
    outcome: str
    """passed, failed, crashed, invalid, ungraded, missing or excused."""
    title: str = ""
    name: str = ""
    email: str = ""
    section: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)
    raw: float | None = None
    """Points before penalty and adjustments."""
    penalty: float = 0.0
    days_late: int = 0
    attempts: int = 0
    handed_in: str = ""
    due: str = ""
    graded_at: str = ""
    dropped: bool = False
    """Whether a policy leaves it out of the learner's total."""
    note: str = ""
