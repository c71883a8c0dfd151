"""What a reference's mutants.toml excuses: mutants that no check can catch, each with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import SpecError
from harness.mutants import Mutant

FILE: Final = "mutants.toml"


@dataclass(frozen=True, slots=True)
class Excuses:
    """What a reference's mutants.toml says of mutants that no check can catch.

    Attributes:
        equivalent: Ids of mutants that answer as the reference does, each with its reason.
        free: Functions, or lines as they begin, that are the learner's to design, each with its reason.
    """

    equivalent: Mapping[str, str]
    free: Mapping[str, str]

    def excuse(self, mutant: Mutant) -> str:
        """Return why a mutant need not be caught; empty if it has to be."""
        spared = (
            reason
            for place, reason in self.free.items()
            if f"{mutant.function}.".startswith(f"{place}.") or mutant.before.startswith(place)
        )
        return self.equivalent.get(mutant.id) or next(spared, "")

    def unused(self, every: Sequence[Mutant]) -> tuple[str, ...]:
        """Return the ids and places that fit no mutant: what they excused is gone."""
        ids = {mutant.id for mutant in every}
        gone = [place for place in self.free if not any(_only(place).excuse(one) for one in every)]
        return (*(self.equivalent.keys() - ids), *gone)


def _only(place: str) -> Excuses:
    return Excuses(equivalent={}, free={place: "asked"})


def excuses(folder: Path) -> Excuses:
    """Return what the mutants.toml in a reference folder excuses; nothing without one.

    Raises:
        SpecError: an entry is not a table with its place and its reason.
    """
    file = folder / FILE
    if not file.exists():
        return Excuses({}, {})
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
        unknown = tree.keys() - {"equivalent", "free"}
        if unknown:
            raise SpecError(f"{file}: unknown key: {', '.join(unknown)}", hint="known: equivalent, free")
        equivalent = dict(_excused(entry, "mutant") for entry in tree.get("equivalent", []))
        free = dict(_excused(entry, "place") for entry in tree.get("free", []))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, LookupError, TypeError, ValueError) as error:
        fix = "[[equivalent]] has mutant and reason, [[free]] has place and reason"
        raise SpecError(f"{file}: {error}", hint=fix) from None
    return Excuses(equivalent, free)


def _excused(entry: Mapping[str, str], key: str) -> tuple[str, str]:
    if entry.keys() != {key, "reason"} or not all(str(value).strip() for value in entry.values()):
        raise ValueError(f"{dict(entry)} has not just {key} and reason")
    return entry[key], entry["reason"]
