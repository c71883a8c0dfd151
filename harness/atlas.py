"""The roadmap with its exercises in their places, and what each is scored by: for people and for pages."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from harness.catalog import Course, Stage, read_exercise
from harness.errors import SpecError
from harness.outline import Outline, outline
from harness.records import Exercise, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBy:
    """What an exercise is scored by."""

    points: float
    public: int
    """Checks that a learner may run and read."""
    hidden: int
    metrics: tuple[str, ...] = ()
    """Each metric as its unit, and which way is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exercise on the map."""

    id: str
    title: str
    summary: str = ""
    difficulty: str = ""
    minutes: int = 0
    device: str = "cpu"
    topics: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    scored_by: ScoredBy
    fault: str = ""
    """Why it cannot be read; then the rest is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One stage of the roadmap with its exercises."""

    id: str
    title: str
    summary: str
    covers: tuple[str, ...]
    exercises: tuple[Entry, ...]


def atlas(course: Course) -> tuple[Region, ...]:
    """Return the stages in order, each with its exercises; raises `SpecError` if there is no roadmap."""
    entries = [_entry(course, name) for name in course.names()]
    return tuple(_region(stage, entries) for stage in course.stages())


def only(regions: tuple[Region, ...], stage: str) -> tuple[Region, ...]:
    """Return one stage alone; raises `SpecError` with a near name."""
    found = tuple(region for region in regions if region.id == stage)
    if not found:
        ids = [region.id for region in regions]
        near = difflib.get_close_matches(stage, ids, n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"the stages are {', '.join(ids)}"
        raise SpecError(f"there is no stage '{stage}'", hint=hint)
    return found


def _region(stage: Stage, entries: list[Entry]) -> Region:
    own = tuple(entry for entry in entries if entry.id.partition("/")[0] == stage.id)
    return Region(id=stage.id, title=stage.title, summary=stage.summary, covers=stage.covers, exercises=own)


def _entry(course: Course, name: str) -> Entry:
    scored = scored_by(outline(course.grader_folder(name)))
    try:
        exercise, faults = read_exercise(course.exercise_folder(name))
    except SpecError as error:
        exercise, faults = None, (str(error),)
    if exercise is None or faults:
        return Entry(id=name, title=name.rpartition("/")[2], fault=faults[0], scored_by=scored)
    return _of(exercise, scored)


def _of(exercise: Exercise, scored: ScoredBy) -> Entry:
    return Entry(
        id=exercise.id,
        title=exercise.title,
        summary=exercise.summary,
        difficulty=exercise.difficulty,
        minutes=exercise.minutes,
        device=exercise.device,
        topics=exercise.topics,
        requires=exercise.requires,
        scored_by=scored,
    )


def scored_by(read: Outline) -> ScoredBy:
    """Return what an outlined grader scores by."""
    public = sum(check.visibility is Visibility.PUBLIC for check in read.checks)
    metrics = tuple(f"{check.unit} ({check.better} is better)" for check in read.metrics)
    return ScoredBy(points=read.points, public=public, hidden=len(read.checks) - public, metrics=metrics)


def in_words(scored: ScoredBy) -> str:
    """Return what scores an exercise in a few words."""
    count = scored.public + scored.hidden
    if not count:
        return "no checks yet"
    hidden = f", {scored.hidden} of them hidden" if scored.hidden else ""
    words = f"{count} check{'s' if count > 1 else ''}{hidden}, {scored.points:g} points"
    return f"{words}; measured: {'; '.join(scored.metrics)}" if scored.metrics else words
