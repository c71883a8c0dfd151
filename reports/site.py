"""A static site of everything: pages one by one as results stream by, so that any number of learners fits.

Of each result there is kept what the cohort's pages need, some hundred bytes; pictures, logs
and messages are let go with the page that shows them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from harness.errors import SpecError
from reports.addresses import (
    ROADMAP,
    Link,
    cohort_address,
    exercise_address,
    learner_address,
    notebook_address,
    pair_address,
    result_address,
)
from reports.cohort import Cohort, Standing
from reports.cohort_page import cohort_page, compared, pair_page
from reports.exercise_page import exercise_page
from reports.learner import learner_page
from reports.notebook import NOTEBOOK
from reports.roadmap import Stage, cohort_roadmap, learner_roadmap
from reports.similarity import Cluster, clusters, fingerprint, grams, tokens
from reports.single import shown_notebook

if TYPE_CHECKING:
    from harness.records import Exercise, Result
    from reports.dossiers import Dossier

Page = tuple[str, str]
"""Where a page lies, relative to the site's root, and its HTML."""
VIEWS: Final = 60
"""Side-by-side views of one exercise, of the pairs that are closest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A submission that has no result because of a fault of ours."""

    exercise: str
    learner: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The code behind the results, read again whenever it is asked for, so that it need not be kept."""

    of: Callable[[str], Iterable[tuple[str, str]]]
    """Yields learner and code for the id of an exercise."""
    starter: Callable[[str], str] = lambda _: ""
    """Returns the code that everybody was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a site is made of besides the results."""

    stages: Sequence[Stage] = ()
    dossiers: Mapping[str, Dossier] = field(default_factory=dict)
    faults: Iterable[Fault] = ()
    sources: Sources | None = None
    earlier: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The digest of the files that count, by learner and exercise, where those are not the latest."""

    def pages(self, results: Iterable[Result]) -> Iterator[Page]:
        """Yield every page; the front page, `index.html`, comes last.

        Args:
            results: all attempts, those of a learner together, of these those at one exercise
                together, and of these the latest last.

        Raises:
            SpecError: the results are not in that order.
        """
        cohorts: dict[str, Cohort] = {}
        for learner, theirs in _by_learner(results):
            yield from self._learner_pages(learner, theirs, cohorts)
        for fault in self.faults:
            _cohort(cohorts, fault.exercise).fault(fault.learner, fault.reason)
        for cohort in cohorts.values():
            yield from self._cohort_pages(cohort)
        described = {one.id: one for stage in self.stages for one in stage.exercises}
        authors = [name for name in (*described, *cohorts) if name in cohorts or name in self.dossiers]
        for name in dict.fromkeys(authors):
            yield self._exercise_page(name, described.get(name), cohorts)
        yield ROADMAP, cohort_roadmap(self.stages, cohorts, frozenset(authors))

    def _learner_pages(
        self, learner: str, results: Iterable[Result], cohorts: dict[str, Cohort]
    ) -> Iterator[Page]:
        standings: dict[str, Standing] = {}
        described = {one.id: one for stage in self.stages for one in stage.exercises}
        home = Link(words="Roadmap", address="../../" + learner_address(learner))
        for exercise, group in itertools.groupby(results, key=lambda one: one.exercise):
            latest, history, counts = _attempts(group, self.earlier.get((learner, exercise), ""))
            cohort = _cohort(cohorts, exercise)
            cohort.take(counts, len(history) + 1, earlier=counts is not latest)
            standings[exercise] = cohort.standings[-1]
            number = next((at for at, one in enumerate(history, 1) if _same(one, counts)), len(history) + 1)
            links: tuple[Link, ...] = (home,)
            own = result_address(exercise, learner)
            notebook = shown_notebook(latest, own.rpartition("/")[2])
            if notebook:
                name = notebook_address(exercise, learner)
                yield name, notebook
                links += (Link(words=NOTEBOOK, address=name.rpartition("/")[2]),)
            page = learner_page(latest, described.get(exercise), history, links, counts=number)
            yield own, page
        yield learner_address(learner), learner_roadmap(learner, self.stages, standings)

    def _exercise_page(self, name: str, exercise: Exercise | None, cohorts: Mapping[str, Cohort]) -> Page:
        cohort = cohorts.get(name) or Cohort(exercise=name)
        return exercise_address(name), exercise_page(exercise, cohort, self.dossiers.get(name))

    def _cohort_pages(self, cohort: Cohort) -> Iterator[Page]:
        """Yield the views of pairs that are alike, and then the page that leads to them."""
        same = [group for group in cohort.same_files.values() if len(group) > 1]
        starter = self._starter(cohort.exercise)
        groups = clusters(self._prints(cohort.exercise, starter), same)
        views: dict[tuple[str, str], str] = {}
        for pair, html in self._views(cohort, groups, starter):
            views[pair] = pair_address(cohort.exercise, len(views) + 1)
            yield views[pair], html
        yield cohort_address(cohort.exercise), cohort_page(cohort, groups, views)

    def _starter(self, exercise: str) -> frozenset[int]:
        return frozenset(grams(tokens(self.sources.starter(exercise)))) if self.sources else frozenset()

    def _prints(self, exercise: str, starter: Collection[int]) -> dict[str, frozenset[int]]:
        if self.sources is None:
            return {}
        return {learner: fingerprint(code, starter) for learner, code in self.sources.of(exercise)}

    def _views(
        self, cohort: Cohort, groups: Sequence[Cluster], starter: Collection[int]
    ) -> Iterator[tuple[tuple[str, str], str]]:
        pairs = sorted((pair for group in groups for pair in group.pairs), key=lambda one: -one.share)[:VIEWS]
        wanted = {learner for pair in pairs for learner in (pair.first, pair.second)}
        if self.sources is None or not wanted:
            return
        texts = {learner: code for learner, code in self.sources.of(cohort.exercise) if learner in wanted}
        for pair in pairs:
            if pair.first in texts and pair.second in texts:
                sides = compared(pair, (texts[pair.first], texts[pair.second]), starter)
                yield (pair.first, pair.second), pair_page(cohort.exercise, cohort.title, pair, sides)


def _by_learner(results: Iterable[Result]) -> Iterator[tuple[str, Iterator[Result]]]:
    seen: set[str] = set()
    for learner, theirs in itertools.groupby(results, key=lambda one: one.learner):
        if learner in seen:
            raise SpecError(f"the results of {learner!r} do not come together", hint="sort them by learner")
        seen.add(learner)
        yield learner, theirs


def _attempts(attempts: Iterable[Result], wanted: str) -> tuple[Result, list[Result], Result]:
    """Return the latest attempt, of those before it what a history tells, and the one that counts.

    Args:
        attempts: of one learner at one exercise, the latest last; a group is never empty.
        wanted: the digest of the files that count; the latest do where no attempt has it.
    """
    history: list[Result] = []
    following = iter(attempts)
    latest = next(following)
    counts = latest if latest.submission == wanted else None
    for attempt in following:
        history.append(replace(latest, checks=(), log="", notices=(), notebook=""))
        latest = attempt
        counts = latest if latest.submission == wanted else counts
    return latest, history, counts or latest


def _same(one: Result, other: Result) -> bool:
    return (one.submission, one.provenance.finished) == (other.submission, other.provenance.finished)


def _cohort(cohorts: dict[str, Cohort], exercise: str) -> Cohort:
    return cohorts.setdefault(exercise, Cohort(exercise=exercise))
