"""`roadmark show`: what one exercise asks for."""

from __future__ import annotations

import json
from typing import Any

import click

from harness.cli.options import course_of


@click.command()
@click.argument("exercise")
@click.option("--json", "as_json", is_flag=True, help="Print the specification as JSON, and nothing else.")
@click.pass_context
def show(ctx: click.Context, exercise: str, *, as_json: bool) -> None:
    """Show what EXERCISE asks for: facts, limits, what it is scored by, and the task."""
    from harness.outline import outline

    course = course_of(ctx)
    found = course.find(exercise)
    read = outline(course.grader_folder(found.id))
    file = course.exercise_folder(found.id) / "README.md"
    task = file.read_text(encoding="utf-8") if file.is_file() else ""
    if as_json:
        click.echo(json.dumps(_tree(found, read, task), indent=2))
        return
    from harness.cli.mapping import print_exercise

    print_exercise(found, read, task)


def _tree(found: Any, read: Any, task: str) -> dict[str, Any]:
    """Return the exercise as JSON; of hidden checks only what learners are shown."""
    from pydantic import TypeAdapter

    from harness.records import Exercise

    tree: dict[str, Any] = TypeAdapter(Exercise).dump_python(found, mode="json")
    checks = [
        {
            "name": check.name,
            "title": check.title,
            "visibility": str(check.visibility),
            "points": check.points,
            "needs": list(check.needs),
            "metric": {"better": check.better, "unit": check.unit} if check.is_metric else None,
        }
        for check in read.checks
    ]
    return {"schema_version": 1, **tree, "checks": checks, "task": task}
