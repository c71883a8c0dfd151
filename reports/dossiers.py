"""What is known of an exercise besides its cohort: the proof of its checks and the anchors of its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.records import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A wrong solution, and the checks that catch it."""

    name: str
    mistake: str
    checks: Mapping[str, Outcome]
    """By the check's name; `skipped` ones only wait for another."""
    proved: bool | None = None
    """Whether the last proof found it so; None where it was not proved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A changed reference that still earns every point: a check is missing."""

    place: str
    kind: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutants:
    """What became of the reference's mutants."""

    graded: int
    caught: int
    excused: int
    survivors: tuple[Survivor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """The runs that a metric's marks were made from."""

    reference: tuple[float, ...]
    baselines: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that the authors' page shows besides the cohort; whatever is empty was not measured."""

    checks: tuple[str, ...] = ()
    """Names of the exercise's checks, where a proof lists them."""
    wrong: tuple[Wrong, ...] = ()
    mutants: Mutants | None = None
    anchors: Mapping[str, Anchors] = field(default_factory=dict)
    reference_seconds: float | None = None
    problems: tuple[str, ...] = ()
    """What the last proof found to be mended."""
