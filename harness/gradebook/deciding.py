"""What persons decide: adjustments, rubric scores, policies, extensions. Rows are added, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from harness.errors import SpecError
from harness.gradebook.models import Adjustment, ExerciseRow, Extension, PolicyRow, RubricItem
from harness.gradebook.policy import Policy, Rules
from harness.interchange.times import moment, now, written
from harness.records import Exercise

EVERY: Final = "*"
KINDS: Final = ("set", "add", "excuse", "clear", "rubric")


def decide(
    session: Session,
    learner: int,
    exercise: str,
    kind: str,
    *,
    points: float | None = None,
    item: str = "",
    author: str,
    reason: str,
) -> None:
    """Add what a person decided; raises `SpecError` without author or reason, or on an unknown item."""
    if not author.strip() or not reason.strip():
        raise SpecError("an adjustment needs an author and a reason", hint="add --author and --reason")
    if kind == "rubric":
        _require_score(session, exercise, item, points)
    session.add(
        Adjustment(
            learner_id=learner,
            exercise=exercise,
            kind=kind,
            item=item,
            points=points,
            author=author,
            reason=reason,
            made_at=now(),
        )
    )


def _require_score(session: Session, exercise: str, item: str, points: float | None) -> None:
    known = session.get(RubricItem, (exercise, item))
    if known is None:
        raise SpecError(f"the rubric of {exercise} has no item '{item}'", hint="roadmark gradebook rubric")
    if points is None or not 0 <= points <= known.points:
        raise SpecError(f"'{item}' takes 0 to {known.points:g} points, not {points}")


def add_rubric_item(session: Session, exercise: str, item: str, points: float, title: str = "") -> None:
    """Add something that a person scores, or change its points."""
    found = session.get(RubricItem, (exercise, item))
    if found is None:
        session.add(RubricItem(exercise=exercise, item=item, points=points, title=title))
    else:
        found.points, found.title = points, title or found.title


def take_rubrics(session: Session, exercises: Iterable[Exercise]) -> None:
    """Have persons score what the specifications of exercises say; items that somebody else added stay."""
    for exercise in exercises:
        for item in exercise.rubric:
            add_rubric_item(session, exercise.id, item.id, item.points, item.title)


def set_policy(session: Session, scope: str, author: str, **settings: Any) -> Policy:
    """Add settings to those of a scope, an exercise or `*`, and return what then counts there."""
    own = {**_settings(session).get(scope, {}), **settings}
    if own.get("due"):
        own["due"] = written(moment(own["due"]))
    if scope != EVERY and {"grace_days", "drop_lowest"} & settings.keys():
        raise SpecError("grace days and drop-lowest hold for the whole course", hint="use the scope '*'")
    session.add(PolicyRow(scope=scope, settings=json.dumps(own), author=author, made_at=now()))
    session.flush()
    return rules(session).of(scope)


def extend(session: Session, learner: int, exercise: str, until: str, *, author: str, reason: str) -> None:
    """Give a learner a later due date; the newest counts."""
    if not author.strip() or not reason.strip():
        raise SpecError("an extension needs an author and a reason", hint="add --author and --reason")
    session.add(
        Extension(
            learner_id=learner,
            exercise=exercise,
            until=written(moment(until)),
            author=author,
            reason=reason,
            made_at=now(),
        )
    )


def rules(session: Session) -> Rules:
    """Return the policies and rubrics that count now."""
    settings = _settings(session)
    general = replace(Policy(), **settings.get(EVERY, {}))
    own = {scope: replace(general, **given) for scope, given in settings.items() if scope != EVERY}
    rubric: dict[str, dict[str, float]] = {}
    for item in session.scalars(select(RubricItem).order_by(RubricItem.exercise, RubricItem.item)):
        rubric.setdefault(item.exercise, {})[item.item] = item.points
    return Rules(general=general, policies=own, rubric=rubric)


def _settings(session: Session) -> dict[str, dict[str, Any]]:
    known = {field.name for field in fields(Policy)}
    newest = {row.scope: row.settings for row in session.scalars(select(PolicyRow).order_by(PolicyRow.id))}
    return {
        scope: {key: value for key, value in json.loads(text).items() if key in known}
        for scope, text in newest.items()
    }


def policy_table(session: Session) -> dict[str, dict[str, Any]]:
    """Return the settings that count in each scope, for people to read."""
    found = rules(session)
    return {EVERY: asdict(found.general), **{name: asdict(one) for name, one in found.policies.items()}}


def exercise_named(session: Session, name: str) -> str:
    """Return the id of an exercise in the gradebook, by its id or last part alone; raises `SpecError`."""
    known = session.scalars(select(ExerciseRow.id)).all()
    found = [one for one in known if name in (one, one.rpartition("/")[2])]
    if len(found) != 1:
        hint = f"known there: {', '.join(sorted(found or known)) or 'none yet'}"
        raise SpecError(f"'{name}' names no single exercise of the gradebook", hint=hint)
    return found[0]
