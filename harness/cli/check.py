"""`roadmark check`: a learner asks the public checks."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import click

from harness.cli.options import course_of, grading_options
from harness.cli.running import run_one, status
from harness.errors import RoadmarkError

POLL_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 1800.0
"""How long the next check's container waits for a save; after that, it is started when it is needed."""


@click.command()
@click.argument("exercise")
@click.argument("path", type=click.Path(path_type=Path))
@grading_options
@click.option("--watch", is_flag=True, help="Check again whenever PATH is saved, until Ctrl-C.")
@click.option("--notebook", is_flag=True, help="Check the notebook in PATH, not the module beside it.")
@click.pass_context
def check(
    ctx: click.Context, /, exercise: str, path: Path, *, watch: bool, notebook: bool, **options: Any
) -> None:
    """Ask the public checks of EXERCISE about PATH: a .py file, a notebook, a folder or an archive.

    The sandbox is the one that grading uses. Where no Docker engine answers, your own
    work runs in the process sandbox, which is fine for your own work.
    """
    chosen = _notebook_in(path) if notebook else path
    if watch:
        _watch(ctx, exercise, chosen, options)
    result = run_one(ctx, exercise, chosen, kind="check", trusted=True, **options)
    sys.exit(status(result))


def _notebook_in(path: Path) -> Path:
    """Return the only notebook in a folder; raises a usage error for none or several."""
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.ipynb"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise click.BadParameter(f"expected one notebook in {path}, found {names}", param_hint="PATH")
    return found[0]


def _watch(ctx: click.Context, exercise: str, path: Path, options: dict[str, Any]) -> None:
    """Check after every save, for ever; what cannot be read yet is said and waited for."""
    from harness.asking import own_cpus
    from harness.sandbox.ahead import Ahead
    from harness.sandbox.protocol import Slot

    seen: dict[Path, int] = {}
    cpus = own_cpus(course_of(ctx).find(exercise).limits.cpus)
    with closing(Ahead(Slot(cpus=cpus), seconds=WAIT_SECONDS)) as ahead:
        while True:
            began = time.monotonic()
            now = _saved(path)
            looked = time.monotonic() - began
            if now != seen:
                seen = now
                click.clear()
                try:
                    run_one(ctx, exercise, path, kind="check", trusted=True, ahead=ahead, **options)
                except RoadmarkError as error:
                    click.echo(f"{error} {error.hint}", err=True)
                click.echo("Watching; Ctrl-C ends.")
            ahead.expire()
            time.sleep(max(POLL_SECONDS, 2 * looked))  # a look at much takes a while


def _saved(path: Path) -> dict[Path, int]:
    """Return when each file was last saved; what comes and goes while we look is met at the next look."""
    found: dict[Path, int] = {}
    for file in _own_files(path):
        with suppress(OSError):
            found[file] = file.stat().st_mtime_ns
    return found


def _own_files(path: Path) -> Iterator[Path]:
    """Yield Python files and notebooks, but not those of environments and caches."""
    from harness.intake.folder import CODE, is_ignored

    if not path.is_dir():
        yield path
    for place, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not is_ignored(name)]
        yield from (Path(place, name) for name in names if name.endswith(CODE))
