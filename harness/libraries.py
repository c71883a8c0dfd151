"""Libraries that a process imports once, so that the graders it forks find them there."""

from __future__ import annotations

import importlib
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from harness.records import Exercise


def preload(exercises: Iterable[Exercise]) -> None:
    """Import what every grader needs and what these exercises declare."""
    for name in ("harness.plugin", *sorted({name for one in exercises for name in one.preload})):
        importlib.import_module(name)


def imported_since(before: Iterable[str]) -> list[str]:
    """Return the installed modules that were imported since; an exercise's own grader is none.

    Args:
        before: The keys of `sys.modules` then.
    """
    known = frozenset(before)
    return [name for name, module in list(sys.modules.items()) if name not in known and _installed(module)]


def import_too(names: Iterable[str]) -> None:
    """Import what a fork had to import, for the next one; what cannot be is left to it."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def _installed(module: object) -> bool:
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return isinstance(origin, str) and origin.startswith(_folders())


@cache
def _folders() -> tuple[str, ...]:
    """Return where the standard library, installed packages and our own lie."""
    paths = {sysconfig.get_path(kind) for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    return (*sorted(paths), str(Path(__file__).parent))
