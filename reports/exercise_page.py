"""The page for those who write an exercise: what its checks tell, what slips through, where metrics stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.records import Outcome
from reports.addresses import ROADMAP, Link, cohort_address
from reports.dossiers import Dossier
from reports.environment import environment
from reports.items import hardest_first, rates_over_time
from reports.plots import Spark, Strips, spark, strips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Exercise
    from reports.cohort import Cohort
    from reports.dossiers import Wrong
    from reports.items import Item

SURVIVORS: Final = 100
_CATCHES: Final = frozenset({Outcome.FAILED, Outcome.CRASHED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """A check as its author sees it; `item` is None where nobody was asked yet."""

    name: str
    title: str
    item: Item | None
    spark: Spark | None
    catches: tuple[Wrong, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricView:
    """A metric's groups of values on one scale."""

    title: str
    unit: str
    drawn: Strips


def exercise_page(
    exercise: Exercise | None, cohort: Cohort, dossier: Dossier | None = None, *, root: str = "../"
) -> str:
    """Return the authors' page of an exercise.

    Args:
        exercise: its specification; None where results outlive it.
        cohort: everybody's latest attempt; may be empty.
        dossier: the proof of its checks and the anchors of its metrics, as far as they are at hand.
        root: the way from this page to the site's root.
    """
    known = dossier or Dossier()
    checks = check_views(cohort, known)
    return (
        environment()
        .get_template("exercise.html")
        .render(
            exercise=exercise,
            cohort=cohort,
            dossier=known,
            checks=checks,
            idle=[one for one in checks if known.wrong and not one.catches],
            titles={one.name: one.title for one in checks},
            metrics=metric_views(cohort, known),
            survivors=known.mutants.survivors[:SURVIVORS] if known.mutants else (),
            root=root,
            cohort_page=root + cohort_address(cohort.exercise),
            links=(Link(words="Roadmap", address=root + ROADMAP),),
        )
    )


def check_views(cohort: Cohort, dossier: Dossier) -> list[CheckView]:
    """Return the checks, hardest first, those that nobody was asked last."""
    asked = hardest_first(cohort.items.values())
    names = [one.name for one in asked]
    unasked = [name for name in dossier.checks if name not in cohort.items]
    caught = {name: _catching(name, dossier.wrong) for name in (*names, *unasked)}
    views = [
        CheckView(
            name=one.name,
            title=one.title,
            item=one,
            spark=spark(rates_over_time(one)),
            catches=caught[one.name],
        )
        for one in asked
    ]
    return views + [
        CheckView(name=name, title=name.replace("_", " "), item=None, spark=None, catches=caught[name])
        for name in unasked
    ]


def metric_views(cohort: Cohort, dossier: Dossier) -> list[MetricView]:
    """Return each metric with the values of the reference, its baselines and the cohort."""
    views = []
    for name, measured in cohort.metrics.items():
        anchors = dossier.anchors.get(name)
        groups: dict[str, Sequence[float]] = {}
        if anchors:
            groups["reference"] = anchors.reference
            groups.update({f"baseline {key}": values for key, values in anchors.baselines.items()})
        groups["cohort"] = measured.values
        drawn = strips(measured.spec, groups)
        if drawn:
            views.append(MetricView(title=measured.title, unit=measured.spec.unit, drawn=drawn))
    return views


def _catching(name: str, wrong: Sequence[Wrong]) -> tuple[Wrong, ...]:
    return tuple(one for one in wrong if one.checks.get(name) in _CATCHES)
