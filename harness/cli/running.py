"""Run one submission for `grade` and `check`, and print what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from harness.cli.options import choose_device, choose_sandbox, course_of, lent, parse_seed, read
from harness.records import Exercise, Result

if TYPE_CHECKING:
    from harness.sandbox.ahead import Ahead


def status(result: Result) -> int:
    """Return the exit status that a result deserves."""
    if result.score.ungraded:
        return 3
    return 0 if result.score.passed else 1


def run_one(
    ctx: click.Context,
    name: str,
    path: Path,
    *,
    kind: Literal["grade", "check"],
    sandbox: str,
    runtime: str,
    seed: str | None,
    device: str,
    as_json: bool,
    html: Path | None,
    learner: str,
    trusted: bool,
    ahead: Ahead | None = None,
) -> Result:
    """Grade or check one submission, print or write what was asked for, and return the result.

    Args:
        ahead: Starts the container of the next check, where one is sure to come.
        The others are the command's arguments and options.
    """
    from harness.grade import SEEDS, Options, grade

    course = course_of(ctx)
    choice = choose_device(device, course, course.find(name))
    exercise = choice.exercise
    given = parse_seed(seed)
    submission, refused = read(course, exercise, path, learner)
    chosen = choose_sandbox(sandbox, exercise, trusted=trusted, runtime=runtime, gpus=choice.gpus)
    options = Options(sandbox=chosen, runtime=runtime, kind=kind, seeds=SEEDS if kind == "grade" else 1)
    options = options if given is None else replace(options, seed=given)
    if ahead and chosen == "docker" and not (runtime or choice.gpus):
        ahead.following = exercise
        options = replace(options, keeper=ahead, more=True)
    with lent(choice.gpus) as gpu:
        result = grade(course, exercise, submission, replace(options, device=gpu), refused=refused)
    if html:
        _write_pages(result, exercise, html)
    _print(result, html, as_json=as_json)
    return result


def _write_pages(result: Result, exercise: Exercise, html: Path) -> None:
    """Write the report, and beside it the page of a notebook if there is one."""
    from reports import pages_of

    html.parent.mkdir(parents=True, exist_ok=True)
    for file, text in pages_of(result, exercise, html.name):
        html.with_name(file).write_text(text, encoding="utf-8")


def _print(result: Result, html: Path | None, *, as_json: bool) -> None:
    if as_json:
        from harness.store import dump

        click.echo(dump(result).decode())
        return
    from harness.cli.printing import print_result

    print_result(result)
    if html:
        click.echo(f"Report: {html}")
