"""The page a learner gets: how it went, what to fix first, and every check in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.advice import advice, headline, progress
from reports.charts import score_bar, trend
from reports.environment import environment
from reports.rows import groups, rows, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Exercise, Result
    from reports.addresses import Link

ATTEMPTS_SHOWN = 12


def learner_page(
    result: Result,
    exercise: Exercise | None = None,
    history: Sequence[Result] = (),
    links: Sequence[Link] = (),
    *,
    counts: int | None = None,
) -> str:
    """Return one result as a whole HTML page that needs nothing else: no file, no network, no script.

    Args:
        result: what is shown; nothing is decided again.
        exercise: adds the summary, topics and limits where it is at hand.
        history: the learner's earlier results of this exercise, oldest first, without `result`.
        links: ways to other pages, where this one is part of a site.
        counts: which attempt counts, the oldest being 1, where it is known.

    Returns:
        HTML text to be written as UTF-8. The same arguments give the same text.
    """
    ordered = rows(result)
    attempts = (*history, result)[-ATTEMPTS_SHOWN:]
    return (
        environment()
        .get_template("learner.html")
        .render(
            result=result,
            exercise=exercise,
            headline=headline(result),
            bar=score_bar(result.score, result.pass_mark),
            advice=advice(result, ordered),
            groups=groups(result, ordered),
            tally=tally(result.checks),
            attempts=attempts,
            attempt_count=len(history) + 1,
            counts=counts,
            trend=trend(attempts),
            progress=progress(attempts),
            links=links,
        )
    )
