"""What a wrong solution's expect.toml promises: which mistake it makes, and where that shows."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.records import Outcome

FILE: Final = "expect.toml"
CAUGHT: Final = (Outcome.FAILED, Outcome.CRASHED)
"""A check that is only skipped has caught nothing."""
MISSES: Final = (*CAUGHT, Outcome.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The mistake, and exactly the checks that do not pass, each with its outcome."""

    mistake: str
    checks: Mapping[str, Outcome]

    @property
    def caught_by(self) -> frozenset[str]:
        """Return the names of the checks that see the mistake themselves."""
        return frozenset(name for name, outcome in self.checks.items() if outcome in CAUGHT)


def read_expectation(folder: Path) -> tuple[Expectation, tuple[str, ...]]:
    """Return what expect.toml says, as far as it can be read, and its faults as `key: what is wrong`."""
    nothing = Expectation(mistake="", checks={})
    try:
        tree = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return nothing, ("it does not exist",)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return nothing, (str(error),)
    mistake, named = tree.get("mistake"), tree.get("checks")
    checks = {
        name: Outcome(value)
        for name, value in (named if isinstance(named, dict) else {}).items()
        if value in list(MISSES)
    }
    text = mistake if isinstance(mistake, str) else ""
    return Expectation(mistake=text, checks=checks), tuple(_faults(tree))


def _faults(tree: Mapping[str, Any]) -> Iterator[str]:
    for key in tree.keys() - {"mistake", "checks"}:
        yield f"{key}: unknown key. Known: mistake, checks"
    mistake, checks = tree.get("mistake"), tree.get("checks")
    if not isinstance(mistake, str) or not mistake.strip():
        yield "mistake: say in a sentence what a learner did wrong"
    if not isinstance(checks, dict) or not checks:
        yield "checks: name every check that does not pass, with its outcome"
        return
    for name, outcome in checks.items():
        if outcome not in list(MISSES):
            yield f"checks.{name}: {outcome!r} is none of failed, crashed, skipped"
