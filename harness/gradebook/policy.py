"""From raw points to points that count: pure arithmetic over what is stored, so nothing is graded again.

Order: the attempt that counts is chosen; lateness is counted in started days after the due
date or the learner's extension; grace days are spent, earliest due date first; what is
still late loses a share of the points earned for each day. Then comes what a person decided:
`set` replaces all of that, `add` comes on top, `excuse` takes the exercise out, `clear`
takes back what was decided before, rubric points are added. Last, the lowest are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from harness.interchange.times import moment

DAY_SECONDS: Final = 86_400
UNKNOWN: Final = frozenset({"ungraded", "missing", "excused"})
"""Outcomes without points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How points count in an exercise."""

    due: str = ""
    late_penalty: float = 0.0
    """Share of the points earned that is lost for each started day, 0 to 1."""
    late_days: int | None = None
    """After how many days late nothing is earned; None for never."""
    attempts: Literal["last", "best", "first"] = "last"
    grace_days: int = 0
    """Days late that cost a learner nothing, over the whole course; only in the scope `*`."""
    drop_lowest: int = 0
    """How many exercises are left out of a learner's total; only in the scope `*`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """An attempt with the newest of its results."""

    exercise: str
    outcome: str
    earned: float = 0.0
    possible: float | None = None
    pass_mark: float = 0.0
    handed_in: str = ""
    """Empty where the source did not say: such an attempt is never late."""
    late: bool = False
    order: str = ""
    """By which attempts are put in order."""
    graded_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided; the newest comes last."""

    exercise: str
    kind: str
    points: float | None = None
    item: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What counts for one learner in one exercise."""

    exercise: str
    outcome: str
    points: float | None
    possible: float | None
    raw: float | None = None
    pass_mark: float = 0.0
    days_late: int = 0
    """Days that cost points, grace taken off."""
    penalty: float = 0.0
    attempts: int = 0
    handed_in: str = ""
    due: str = ""
    graded_at: str = ""
    dropped: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything beside the attempts that decides what counts."""

    general: Policy = field(default_factory=Policy)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    """By exercise, the general one already underneath."""
    rubric: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Points possible for each item of each exercise."""

    def of(self, exercise: str) -> Policy:
        """Return the policy of an exercise."""
        return self.policies.get(exercise, self.general)


def standings(
    attempts: Mapping[str, Sequence[Graded]],
    rules: Rules,
    extensions: Mapping[str, str],
    decisions: Sequence[Decision],
) -> tuple[Standing, ...]:
    """Return what counts for one learner, by exercise.

    Args:
        attempts: Of each exercise, in any order; none at all is `missing`.
        rules: The policies and rubrics.
        extensions: The learner's own due date by exercise; `*` for all.
        decisions: What persons decided, oldest first.
    """
    names = sorted({*attempts, *(one.exercise for one in decisions)})
    made = [_chosen(name, attempts.get(name, ()), rules, extensions) for name in names]
    made = _spend_grace(made, rules)
    made = [_decided(_penalised(one, rules.of(one.exercise)), rules, decisions) for one in made]
    return tuple(_dropped(made, rules.general.drop_lowest))


def _chosen(name: str, attempts: Sequence[Graded], rules: Rules, extensions: Mapping[str, str]) -> Standing:
    due = _due(name, rules.of(name), extensions)
    if not attempts:
        return Standing(exercise=name, outcome="missing", points=None, possible=None, due=due)
    one = counting(name, attempts, rules, extensions)
    known = one.outcome not in UNKNOWN
    unknown_time = ("late, by how much is not known",) if one.late and not one.handed_in else ()
    return Standing(
        exercise=name,
        outcome=one.outcome,
        points=one.earned if known else None,
        possible=one.possible,
        raw=one.earned if known else None,
        pass_mark=one.pass_mark,
        days_late=days_late(one.handed_in, due),
        attempts=len(attempts),
        handed_in=one.handed_in,
        due=due,
        graded_at=one.graded_at,
        notes=unknown_time,
    )


def counting(name: str, attempts: Sequence[Graded], rules: Rules, extensions: Mapping[str, str]) -> Graded:
    """Return the attempt of one learner at an exercise that counts; there has to be one."""
    policy = rules.of(name)
    due = _due(name, policy, extensions)
    in_order = sorted(attempts, key=lambda one: one.order)
    return _pick([(_net(one, policy, due), one) for one in in_order], policy)


def _due(name: str, policy: Policy, extensions: Mapping[str, str]) -> str:
    """Return when the exercise is due for one learner; empty where it never is."""
    ends = (policy.due, extensions.get(name, ""), extensions.get("*", ""))
    return max((end for end in ends if end), default="") if policy.due else ""


def _net(one: Graded, policy: Policy, due: str) -> float:
    """Return what an attempt is worth after its penalty; below everything if it is not graded."""
    if one.outcome in UNKNOWN:
        return -1.0
    return one.earned - _loss(one.earned, days_late(one.handed_in, due), policy)


def _pick(tries: Sequence[tuple[float, Graded]], policy: Policy) -> Graded:
    if policy.attempts == "first":
        return tries[0][1]
    if policy.attempts == "last":
        return tries[-1][1]
    return max(enumerate(tries), key=lambda item: (item[1][0], item[0]))[1][1]


def days_late(handed_in: str, due: str) -> int:
    """Return how many days after the due date were started, 0 where either is unknown."""
    if not handed_in or not due:
        return 0
    seconds = (moment(handed_in) - moment(due)).total_seconds()
    return max(0, math.ceil(seconds / DAY_SECONDS))


def _loss(points: float, days: int, policy: Policy) -> float:
    if policy.late_days is not None and days > policy.late_days:
        return points
    return points * min(1.0, policy.late_penalty * days)


def _spend_grace(made: Sequence[Standing], rules: Rules) -> list[Standing]:
    """Take a learner's grace days off what is late, the earliest due date first."""
    left = rules.general.grace_days
    spent: dict[str, int] = {}
    for one in sorted(made, key=lambda one: (one.due, one.exercise)):
        spent[one.exercise] = min(left, one.days_late)
        left -= spent[one.exercise]
    return [_graced(one, spent[one.exercise]) if spent[one.exercise] else one for one in made]


def _graced(one: Standing, days: int) -> Standing:
    return replace(one, days_late=one.days_late - days, notes=(*one.notes, f"{days} grace days spent"))


def _penalised(one: Standing, policy: Policy) -> Standing:
    if one.points is None or not one.days_late:
        return one
    loss = min(one.points, round(_loss(one.points, one.days_late, policy), 6))
    return replace(one, points=one.points - loss, penalty=loss)


def _decided(one: Standing, rules: Rules, decisions: Iterable[Decision]) -> Standing:
    given: float | None = None
    added, excused, changed = 0.0, False, False
    scores: dict[str, float] = {}
    for decision in decisions:
        if decision.exercise != one.exercise:
            continue
        points = decision.points or 0.0
        match decision.kind:
            case "set":
                given, excused = points, False
            case "add":
                added += points
            case "excuse":
                excused = True
            case "rubric":
                scores[decision.item] = points
                continue
            case _:
                given, added, excused = None, 0.0, False
        changed = decision.kind != "clear"
    if excused:
        return replace(one, outcome="excused", points=None, notes=(*one.notes, "excused"))
    return _totalled(_set(one, given, added, changed=changed), rules.rubric.get(one.exercise, {}), scores)


def _set(one: Standing, given: float | None, added: float, *, changed: bool) -> Standing:
    """Replace the points by what a person gave, and add what a person added."""
    base = one.points if given is None else given
    if not changed or base is None:
        return one
    points = max(0.0, base + added)
    outcome = one.outcome
    if given is not None and one.possible:
        outcome = "passed" if points >= one.pass_mark * one.possible - 1e-9 else "failed"
    return replace(one, points=points, outcome=outcome, notes=(*one.notes, "adjusted by hand"))


def _totalled(one: Standing, items: Mapping[str, float], scores: Mapping[str, float]) -> Standing:
    """Add what a person gave for items of a rubric; items that nobody has scored yet count nowhere."""
    scored = {item: most for item, most in items.items() if item in scores}
    earned = math.fsum(min(scores[item], most) for item, most in scored.items())
    open_items = [item for item in items if item not in scores]
    note = (f"not yet scored by a person: {', '.join(open_items)}",) if open_items else ()
    return replace(
        one,
        points=None if one.points is None else one.points + earned,
        possible=None if one.possible is None else one.possible + math.fsum(scored.values()),
        notes=(*one.notes, *note),
    )


def _dropped(made: Sequence[Standing], count: int) -> list[Standing]:
    """Mark the exercises with the lowest shares as left out of the total; excused ones are out already."""
    counted = [
        one
        for one in made
        if one.outcome not in ("excused", "ungraded") and (one.possible or one.points is None)
    ]
    lowest = sorted(counted, key=lambda one: ((one.points or 0.0) / (one.possible or 1.0), one.exercise))
    out = {one.exercise for one in lowest[: min(count, max(0, len(counted) - 1))]}
    return [replace(one, dropped=True) if one.exercise in out else one for one in made]
