"""The page about everybody in one exercise: who stands where, what is hard, what needs a hand."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.addresses import ROADMAP, Link, cohort_address, exercise_address
from reports.advice import VERDICTS
from reports.cells import outcome_cells
from reports.cohort import Cohort, histogram
from reports.environment import environment
from reports.items import hardest_first
from reports.plots import bars, scatter
from reports.similarity import common_lines

if TYPE_CHECKING:
    from reports.similarity import Cluster, Pair

FIXED_COLUMNS: Final = 4
"""Columns before the first check: learner, score, outcome, time."""
CLUSTERS: Final = 40
PAIRS_EACH: Final = 12
LINES: Final = 3000
"""Lines of one side of a comparison."""
TITLE: Final = 34
"""Characters of a check's title over its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One side of a comparison: whose code, and its lines."""

    learner: str
    lines: tuple[str, ...]
    common: frozenset[int]
    """Numbers, from 1, of the lines that the other side has too."""
    left: int = 0
    """How many more lines there are."""


def cohort_page(
    cohort: Cohort,
    clusters: Sequence[Cluster] = (),
    views: Mapping[tuple[str, str], str] | None = None,
    *,
    root: str = "../",
) -> str:
    """Return the page of a cohort in one exercise, which needs no other file and no network.

    Args:
        cohort: everybody's latest attempt.
        clusters: learners whose code is alike.
        views: the side-by-side view of a pair of learners, as an address from the site's root.
        root: the way from this page to the site's root.
    """
    items = list(cohort.items.values())
    return (
        environment()
        .get_template("cohort.html")
        .render(
            cohort=cohort,
            items=items,
            numbers={item.name: i for i, item in enumerate(items, 1)},
            hardest=hardest_first(items),
            standings=sorted(cohort.standings, key=lambda one: (one.learner.lower(), one.learner)),
            cells=lambda one: outcome_cells(one.outcomes, len(items)),
            bars=bars(histogram(cohort.standings), cohort.pass_mark),
            plots_of_metrics=[(one, drawn) for one in cohort.metrics.values() if (drawn := scatter(one))],
            clusters=clusters[:CLUSTERS],
            cluster_count=len(clusters),
            pairs_each=PAIRS_EACH,
            views=views or {},
            retry=lambda learner="": retry_command(cohort.exercise, learner),
            author_page=exercise_address(cohort.exercise),
            title_length=TITLE,
            columns=[(FIXED_COLUMNS + i, item.title) for i, item in enumerate(items)],
            verdicts=VERDICTS,
            slow_from=3 * cohort.median_seconds,
            root=root,
            links=(Link(words="Roadmap", address=root + ROADMAP),),
        )
    )


def pair_page(
    exercise: str, title: str, pair: Pair, sides: tuple[Source, Source], *, root: str = "../../"
) -> str:
    """Return two submissions side by side, with what they have in common marked."""
    return (
        environment()
        .get_template("pair.html")
        .render(
            exercise=exercise,
            title=title,
            pair=pair,
            sides=sides,
            links=(
                Link(words="Roadmap", address=root + ROADMAP),
                Link(words="Cohort", address=root + cohort_address(exercise)),
            ),
        )
    )


def compared(pair: Pair, texts: tuple[str, str], starter: Collection[int] = ()) -> tuple[Source, Source]:
    """Return two submissions as the sides of a view; `starter` holds the `grams` of the starter."""
    first, second = common_lines(*texts, starter)
    return _source(pair.first, texts[0], first), _source(pair.second, texts[1], second)


def _source(learner: str, text: str, common: set[int]) -> Source:
    lines = text.split("\n")
    return Source(
        learner=learner,
        lines=tuple(lines[:LINES]),
        common=frozenset(common),
        left=max(0, len(lines) - LINES),
    )


def retry_command(exercise: str, learner: str = "") -> str:
    """Return the command that grades again what a fault of ours left open; safe to paste into a shell."""
    only = f" --only {shlex.quote(learner)}" if learner else ""
    return f"roadmark batch {shlex.quote(exercise)} SOURCE --retry-ungraded{only}"
