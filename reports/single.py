"""The pages of one result outside of a site: its own, and its notebook's beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from reports.addresses import Link
from reports.learner import learner_page
from reports.notebook import NOTEBOOK, notebook_page

if TYPE_CHECKING:
    from harness.records import Exercise, Result


def pages_of(result: Result, exercise: Exercise | None, name: str) -> Iterator[tuple[str, str]]:
    """Yield names and HTML: a notebook that can be shown, and last the page that the learner gets.

    Args:
        result: what is shown.
        exercise: adds summary and limits where it is at hand.
        name: what the learner's page is to be called, such as `page.html`.
    """
    links: tuple[Link, ...] = ()
    page = shown_notebook(result, name)
    if page:
        beside = PurePath(name).with_suffix(".notebook.html").name
        yield beside, page
        links = (Link(words=NOTEBOOK, address=beside),)
    yield name, learner_page(result, exercise, links=links)


def shown_notebook(result: Result, report: str) -> str:
    """Return the notebook as a page that leads back to the report; empty where there is none to show."""
    if not result.notebook:
        return ""
    try:
        back = Link(words="Report", address=report)
        return notebook_page(result.notebook, result.exercise_title, (back,))
    except ValueError:  # what the sandbox returned as the notebook is none
        return ""
