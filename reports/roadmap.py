"""The roadmap: stages and their exercises with where one learner, or everybody, stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.records import Exercise
from reports.addresses import cohort_address, exercise_address
from reports.advice import VERDICTS
from reports.cells import outcome_cells
from reports.cohort import ABSENT
from reports.environment import environment
from reports.rows import total

if TYPE_CHECKING:
    from reports.advice import Verdict
    from reports.cohort import Cohort, Standing

FIXED_COLUMNS: Final = 3
"""Columns before the first exercise: learner, passed, points."""
_LETTERS: Final[Mapping[Verdict, str]] = {"passed": "p", "failed": "n", "ungraded": "u"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the roadmap with its exercises in order."""

    id: str
    title: str
    summary: str
    covers: tuple[str, ...] = ()
    exercises: tuple[Exercise, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One exercise on the way, as far as the reader is concerned."""

    id: str
    title: str
    exercise: Exercise | None
    cohort: Cohort | None = None
    standing: Standing | None = None
    cohort_page: str = ""
    author_page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A stage as a page shows it."""

    title: str
    summary: str
    covers: tuple[str, ...]
    stops: tuple[Stop, ...]

    @property
    def done(self) -> int:
        """Return how many of its exercises the learner has passed."""
        return sum(stop.standing is not None and stop.standing.verdict == "passed" for stop in self.stops)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """A learner in the table of everybody."""

    learner: str
    address: str
    letters: str
    """A letter for each exercise: p passed, n not yet, u ungraded, a not handed in."""
    passed: int
    points: float


def learner_roadmap(
    learner: str, stages: Sequence[Stage], standings: Mapping[str, Standing], *, root: str = "../"
) -> str:
    """Return the roadmap of one learner.

    Args:
        learner: whose it is.
        stages: the course, in order.
        standings: where the learner stands, by the id of the exercise.
        root: the way from this page to the site's root.
    """

    def stop(name: str, exercise: Exercise | None) -> Stop:
        return Stop(id=name, title=_title(name, exercise), exercise=exercise, standing=standings.get(name))

    legs = _legs(stages, standings, stop)
    done, count = sum(leg.done for leg in legs), sum(len(leg.stops) for leg in legs)
    template = environment().get_template("walk.html")
    return template.render(
        learner=learner, legs=legs, done=done, count=count, verdicts=VERDICTS, root=root, links=()
    )


def cohort_roadmap(
    stages: Sequence[Stage], cohorts: Mapping[str, Cohort], authors: Collection[str] = ()
) -> str:
    """Return the front page of a site: the roadmap for a whole cohort, and everybody by name.

    Args:
        stages: the course, in order.
        cohorts: everybody's latest attempts, by the id of the exercise.
        authors: ids of exercises that have an authors' page.
    """

    def stop(name: str, exercise: Exercise | None) -> Stop:
        return Stop(
            id=name,
            title=_title(name, exercise),
            exercise=exercise,
            cohort=cohorts.get(name),
            cohort_page=cohort_address(name) if name in cohorts else "",
            author_page=exercise_address(name) if name in authors else "",
        )

    legs = _legs(stages, cohorts, stop)
    columns = [stop for leg in legs for stop in leg.stops if stop.cohort is not None]
    walkers = _walkers([stop.cohort for stop in columns if stop.cohort is not None])
    return (
        environment()
        .get_template("roadmap.html")
        .render(
            legs=legs,
            columns=columns,
            walkers=walkers,
            exercise_columns=[(FIXED_COLUMNS + i, stop.title) for i, stop in enumerate(columns)],
            cells=lambda one: outcome_cells(one.letters, len(columns)),
            count=sum(len(leg.stops) for leg in legs),
            links=(),
        )
    )


def _legs(
    stages: Sequence[Stage], known: Iterable[str], stop: Callable[[str, Exercise | None], Stop]
) -> list[Leg]:
    """Return all stages, and at the end the exercises that results know and the course does not."""
    legs = [
        Leg(
            title=stage.title,
            summary=stage.summary,
            covers=stage.covers,
            stops=tuple(stop(one.id, one) for one in stage.exercises),
        )
        for stage in stages
    ]
    told = {one.id for stage in stages for one in stage.exercises}
    others = tuple(stop(name, None) for name in sorted(known) if name not in told)
    if others:
        summary = "They have results and are not in this course."
        legs.append(Leg(title="Other exercises", summary=summary, covers=(), stops=others))
    return legs


def _title(name: str, exercise: Exercise | None) -> str:
    return exercise.title if exercise is not None else name


def _walkers(cohorts: Sequence[Cohort]) -> list[Walker]:
    """Return everybody by name, with a letter for each cohort."""
    found: dict[str, tuple[str, list[str], list[float]]] = {}
    for index, cohort in enumerate(cohorts):
        for one in cohort.standings:
            file = one.address.rpartition("/")[2]
            _, letters, points = found.setdefault(file, (one.learner, [ABSENT] * len(cohorts), []))
            letters[index] = _LETTERS[one.verdict]
            points.append(one.earned)
    walkers = [
        Walker(
            learner=learner,
            address=f"learners/{file}",
            letters="".join(letters),
            passed=letters.count("p"),
            points=total(points),
        )
        for file, (learner, letters, points) in found.items()
    ]
    return sorted(walkers, key=lambda one: (one.learner.lower(), one.learner))
