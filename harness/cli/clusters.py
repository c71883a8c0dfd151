"""What commands about clusters share: the address, and what is chosen by the executor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from harness.errors import SandboxError

if TYPE_CHECKING:
    from harness.cohort.executor import Engage
    from harness.gpu.nvml import Found

address_option: Final = click.option(
    "--address",
    envvar="RAY_ADDRESS",
    default="auto",
    show_default=True,
    metavar="HOST:PORT",
    help="Of the Ray cluster; auto is the one that runs here.",
)


def engaged(executor: str, address: str) -> Engage:
    """Return what gives the executor."""
    if executor == "local":
        from harness.cohort.local import local

        return local
    from harness.cluster.engaging import ray_cluster

    return ray_cluster(address)


def gpus_of(executor: str, address: str) -> Callable[[], Found] | None:
    """Return what finds the GPUs that may be lent; None for those of this machine."""
    if executor == "local":
        return None
    from harness.cluster.engaging import gpus_there

    return partial(gpus_there, address)


def sandbox_of(wanted: str, *, trusted: bool) -> Literal["docker", "process"]:
    """Return the sandbox that nodes use; raises `SandboxError` where it does not isolate, unless trusted."""
    if wanted != "process":
        return "docker"
    if not trusted:
        raise SandboxError(
            "the process sandbox does not isolate: a submission can read what the node's user can read",
            hint="use Docker, or add --trust-submissions for work that you trust",
        )
    return "process"


def told(rows: list[tuple[Any, ...]]) -> list[str]:
    """Return rows of a table as lines with aligned columns."""
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
