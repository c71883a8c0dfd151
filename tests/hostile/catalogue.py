"""The catalogue: every kind of hostile or broken submission, and what has to come of it.

`catalogue.toml` has a row for each kind. A row is run by submissions of its own (`runs`),
proved by tests of another folder (`tested`), or cannot apply here (`not_applicable`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
GROUPS: Final[Mapping[str, str]] = {"F": "forging", "R": "resources", "E": "escape", "B": "broken"}
POINTS: Final[Mapping[str, float]] = {"squares": 3, "one": 1, "cubes": 1}
MISSING: Final = "crashed: missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One submission and what has to come of it."""

    name: str
    row: str
    squares: str
    """Outcome and reason of the check that meets it, such as `crashed: timeout`; `a|b` where both are right."""
    one: str = MISSING
    cubes: str = MISSING
    says: str = ""
    """How the learner's message on that check begins."""
    exercise: str = "small"
    times: int = 1
    """How often it is graded; the last one counts."""
    pair: bool = False
    """Whether it first does its `leave()` in another container, which stays alive."""
    together: bool = False
    """Whether it may be asked in one container with others; the nightly run asks each in its own."""
    nightly: bool = False

    @property
    def path(self) -> Path:
        """Return the file or folder that is handed in."""
        folder = HERE / GROUPS[self.row[0]]
        found = [
            path for suffix in (".py", ".ipynb", "") if (path := folder / f"{self.name}{suffix}").exists()
        ]
        if not found:
            raise FileNotFoundError(f"{folder / self.name} is in the catalogue and not there")
        return found[0]

    @property
    def wanted(self) -> dict[str, str]:
        """Return the verdict of each check."""
        return {"squares": self.squares, "one": self.one, "cubes": self.cubes}

    @property
    def due(self) -> float:
        """Return the points that it may earn, for what it does honestly."""
        return sum(POINTS[name] for name, verdict in self.wanted.items() if verdict == "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of submission."""

    id: str
    does: str
    attacks: tuple[Attack, ...] = ()
    tested: tuple[str, ...] = ()
    """Tests elsewhere, as `path::function` or `path::function[case]`, or wrong solutions of an exercise."""
    not_applicable: str = ""
    """Why there is nothing to run."""

    @property
    def group(self) -> str:
        """Return the folder of its submissions."""
        return GROUPS[self.id[0]]


def catalogue() -> tuple[Row, ...]:
    """Return every row in order."""
    text = (HERE / "catalogue.toml").read_text(encoding="utf-8")
    return tuple(_row(key, fields) for key, fields in tomllib.loads(text).items())


def _row(key: str, fields: dict[str, object]) -> Row:
    runs = fields.pop("runs", {})
    attacks = tuple(Attack(name=f"{key}-{name}", row=key, **given) for name, given in runs.items())
    tested = tuple(fields.pop("tested", ()))
    return Row(id=key, attacks=attacks, tested=tested, **fields)


def attacks() -> Iterator[Attack]:
    """Yield every submission of the catalogue."""
    for row in catalogue():
        yield from row.attacks


def summary() -> str:
    """Return how many rows there are and what becomes of them, in one sentence."""
    rows = catalogue()
    run = [row for row in rows if row.attacks]
    elsewhere = [row for row in rows if not row.attacks and row.tested]
    left = [row for row in rows if row.not_applicable]
    count = sum(len(row.attacks) for row in run)
    return (
        f"{len(rows)} rows: {len(run)} run by {count} submissions, "
        f"{len(elsewhere)} proved by other tests, {len(left)} not applicable"
    )
