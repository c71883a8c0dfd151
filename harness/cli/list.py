"""`roadmark list`: the roadmap, its exercises, and what each is scored by."""

from __future__ import annotations

import json
from typing import Any

import click

from harness.cli.options import course_of


@click.command("list")
@click.argument("stage", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the map as JSON, and nothing else.")
@click.pass_context
def list_exercises(ctx: click.Context, stage: str | None, *, as_json: bool) -> None:
    """Show the roadmap: stages in order, their exercises, and what scores them."""
    from harness.atlas import atlas, only

    places = atlas(course_of(ctx))
    if stage is not None:
        places = only(places, stage)
    if as_json:
        from pydantic import TypeAdapter

        tree: dict[str, Any] = {"schema_version": 1}
        tree["stages"] = TypeAdapter(type(places)).dump_python(places, mode="json")
        click.echo(json.dumps(tree, indent=2))
        return
    from harness.cli.mapping import print_map

    print_map(places)
