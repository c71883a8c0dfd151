"""`roadmark cluster`: the nodes that `batch --executor ray` grades on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from harness.cli.clusters import address_option, told
from harness.cli.options import course_of

if TYPE_CHECKING:
    from harness.cluster.status import Seen, Status

UNEQUAL: Final = 3


@click.group()
def cluster() -> None:
    """Show the nodes of a Ray cluster that grade.

    See docs/cluster.md for how one is made; `roadmark batch --executor ray` grades on it.
    """


@cluster.command()
@address_option
@click.pass_context
def status(ctx: click.Context, address: str) -> None:
    """Say of each node what it would grade with, what it does, and whether all agree.

    \b
    Exit status: 0 all nodes would grade alike, 3 some would not, or none answers.
    """
    from harness.cluster.status import status as asked

    found = asked(address, course_of(ctx))
    for line in told([HEAD, *(_row(node) for node in found.nodes)]):
        click.echo(line)
    for line in _batches(found):
        click.echo(line)
    for line in (*found.silent, *found.differences):
        click.echo(f"✗ {line}")
    sys.exit(UNEQUAL if found.silent or found.differences else 0)


HEAD: Final = ("node", "slots", "gpus", "grading", "done", "per min", "course", "image")


def _row(node: Seen) -> tuple[object, ...]:
    from harness.cluster.facts import short

    busy = node.busy
    return (
        node.place.name,
        node.place.slots,
        node.place.gpus,
        sum(one.grading for one in busy),
        sum(one.done for one in busy),
        f"{sum(one.rate for one in busy):.0f}",
        node.facts.course,
        " ".join(f"{profile} {short(image)}" for profile, image in node.facts.images) or "none",
    )


def _batches(found: Status) -> list[str]:
    return [
        f"batch {name}: {waiting} wait, {rate:.0f} per minute"
        for name, (waiting, rate) in found.batches.items()
    ]
