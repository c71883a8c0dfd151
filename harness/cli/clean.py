"""`roadmark clean`: remove what an interrupted run left behind."""

from __future__ import annotations

import click

from harness.errors import NoEngine


@click.command()
def clean() -> None:
    """Remove containers and folders of runs that are over: their process is gone or their time is up."""
    from harness.sandbox import process

    click.echo(f"Removed {_containers()} containers and {process.reap()} folders.")


def _containers() -> int:
    from harness.sandbox.docker import reap
    from harness.sandbox.engine import connect
    from harness.sandbox.image_layers import reap_builder

    try:
        client = connect()
    except NoEngine:
        return 0
    return reap(client) + reap_builder(client)
