"""`roadmark report`: stored results as pages, as a site, and for other machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.books import FORMATS
from harness.cli.options import course_of
from harness.errors import SpecError

if TYPE_CHECKING:
    from harness.records import Result

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("results", type=click.Path(path_type=Path), required=False, metavar="[RESULT|FOLDER]")
@click.option("--html", type=_FILE, help="Where to write the page of one RESULT; by default beside it.")
@click.option(
    "--site", type=click.Path(file_okay=False, path_type=Path), help="Write a static site of everything here."
)
@click.option("--gradebook", metavar="URL", help="Read results from a gradebook instead of a FOLDER.")
@click.option("--junit", type=_FILE, help="Write JUnit XML here.")
@click.option(
    "--markdown", type=_FILE, help="Add a summary in Markdown to this file, as $GITHUB_STEP_SUMMARY."
)
@click.option("--verified", type=_FILE, help="What `roadmark verify --json` said, for the authors' pages.")
@click.option(
    "--sources",
    type=click.Path(exists=True, path_type=Path),
    help="What was handed in, to find code that is alike.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a result, and nothing else.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="auto", help="How --sources is laid out."
)
@click.pass_context
def report(ctx: click.Context, /, results: Path | None, **chosen: Any) -> None:
    """Turn RESULT, a file written by `roadmark grade --json`, into an HTML page.

    With --site, a FOLDER of such files or a gradebook becomes a site for any web server:
    the roadmap, a page for each learner and result, and for each exercise one of its
    cohort and one for its authors. It names everybody: put it behind a password.

    \b
      roadmark report result.json --html page.html
      roadmark report --site site --gradebook grades.db --sources handed-in
    """
    if chosen["schema"]:
        from harness.store import schema

        click.echo(json.dumps(schema(), indent=2))
        return
    wanted = {name: chosen[name] for name in ("site", "junit", "markdown") if chosen[name] is not None}
    if results is not None and results.is_dir() and not wanted:
        raise click.UsageError("RESULT is a folder: say --site DIR, --junit FILE or --markdown FILE")
    if results is not None and not results.is_dir():
        if chosen["site"] is not None or chosen["gradebook"] is not None:
            raise click.UsageError("give one RESULT alone; --site takes a FOLDER or --gradebook")
        _one(ctx, results, chosen)
        return
    if not wanted:
        raise click.UsageError("give a RESULT, or --site DIR with a FOLDER or --gradebook URL")
    _all(ctx, results, chosen)


def _one(ctx: click.Context, file: Path, chosen: dict[str, Any]) -> None:
    """Write what is asked of a single result; the page if nothing is."""
    from harness.store import load

    record = load(file)
    _for_machines(lambda: [record], chosen)
    if chosen["html"] is None and (chosen["junit"] or chosen["markdown"]):
        return
    from reports import pages_of

    try:
        exercise = course_of(ctx).find(record.exercise)
    except SpecError:  # the page can do without, and results outlive exercises
        exercise = None
    target = chosen["html"] or file.with_suffix(".html")
    for name, text in pages_of(record, exercise, target.name):
        _write(target.with_name(name), text)
    click.echo(f"Report: {target}")


def _all(ctx: click.Context, folder: Path | None, chosen: dict[str, Any]) -> None:
    """Write what is asked of many results, reading them once for each."""
    from harness.cli.site import results_of

    def fresh() -> Iterable[Result]:
        with results_of(folder, chosen["gradebook"]) as (found, *_):
            yield from found

    _for_machines(fresh, chosen)
    if chosen["site"]:
        _site(ctx, folder, chosen)


def _site(ctx: click.Context, folder: Path | None, chosen: dict[str, Any]) -> None:
    from harness.cli.site import dossiers_of, results_of, sources_of, stages_of
    from reports.site import Site

    course, root = course_of(ctx), chosen["site"]
    count = 0
    with (
        results_of(folder, chosen["gradebook"]) as (found, faults, earlier),
        sources_of(course, chosen["sources"], chosen["form"]) as sources,
    ):
        dossiers = dossiers_of(course, chosen["verified"])
        site = Site(
            stages=stages_of(course), dossiers=dossiers, faults=faults, sources=sources, earlier=earlier
        )
        for address, text in site.pages(found):
            _write(root / address, text)
            count += 1
    click.echo(f"Site: {root / 'index.html'} ({count} pages)")


def _for_machines(results: Callable[[], Iterable[Result]], chosen: dict[str, Any]) -> None:
    """Write JUnit and Markdown where they are asked for; the second is added, as GitHub wants it."""
    from reports.machine import job_summary, junit

    if chosen["junit"]:
        chosen["junit"].parent.mkdir(parents=True, exist_ok=True)
        with chosen["junit"].open("w", encoding="utf-8") as file:
            file.writelines(junit(results()))
        click.echo(f"JUnit: {chosen['junit']}")
    if chosen["markdown"]:
        with chosen["markdown"].open("a", encoding="utf-8") as file:
            file.write(job_summary(results()))
        click.echo(f"Summary: {chosen['markdown']}")


def _write(file: Path, text: str) -> None:
    """Write a page so that a reader sees all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
