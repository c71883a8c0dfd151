"""Who is graded: learners, their other names, and learners that turn out to be one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from harness.errors import SpecError
from harness.gradebook.models import Alias, Learner
from harness.interchange.records import Person

CHANGING: Final = frozenset({"moodle"})
"""Systems that give a learner another id for each assignment."""
ANY: Final = ""
"""The system of an alias that counts in every system."""


def enrol(session: Session, person: Person) -> int:
    """Return the id of a learner, made if nobody has an id, the e-mail address, or the key.

    What is known already is kept; what was empty is filled.
    """
    found = find(session, person)
    learner = session.get(Learner, found) if found else None
    if learner is None:
        key = _free_key(session, person)
        learner = Learner(key=key, name=person.name, email=person.email, section=person.section)
        session.add(learner)
        session.flush()
    for field in ("name", "email", "section"):
        if not getattr(learner, field) and getattr(person, field):
            setattr(learner, field, getattr(person, field))
    _name(session, learner.id, person)
    return learner.id


def _free_key(session: Session, person: Person) -> str:
    """Return the key, made different where another learner of the same name has it."""
    taken = session.execute(select(Learner.id).where(Learner.key == person.key)).first()
    return f"{person.key}-{next(iter(person.ids.values()), person.email)}" if taken else person.key


def find(session: Session, person: Person) -> int | None:
    """Return the id of the learner a person is: by an id in a system, by e-mail address, by key.

    Of two people with the same key, such as a name, an id tells them apart.
    """
    for system, alias in _names(person):
        found = _aliased(session, system, alias)
        if found:
            return found
    by_key = session.execute(select(Learner.id, Learner.merged_into).where(Learner.key == person.key)).first()
    if by_key and not _another(session, by_key.id, person):
        return int(by_key.merged_into or by_key.id)
    for alias in (person.key, *person.ids.values()):
        found = _aliased(session, ANY, alias)
        if found:
            return found
    return None


def _names(person: Person) -> list[tuple[str, str]]:
    names = [(system, alias) for system, alias in person.ids.items() if alias]
    return [*names, ("email", person.email)] if person.email else names


def _aliased(session: Session, system: str, alias: str) -> int | None:
    found = session.scalar(
        select(Alias.learner_id).where(Alias.system == system, Alias.alias == alias.casefold())
    )
    return _final(session, found) if found else None


def _another(session: Session, learner: int, person: Person) -> bool:
    """Whether a learner has an id in a system where this person has a different one."""
    systems = [system for system in person.ids if system not in CHANGING]
    query = select(Alias.system).where(Alias.learner_id == learner, Alias.system.in_(systems)).limit(1)
    return session.execute(query).first() is not None


def _name(session: Session, learner: int, person: Person) -> None:
    """Write down the names that are new; a name that another learner has stays theirs."""
    names = {**person.ids, **({"email": person.email} if person.email else {})}
    for system, alias in names.items():
        if alias and session.get(Alias, (system, alias.casefold())) is None:
            session.add(Alias(system=system, alias=alias.casefold(), written=alias, learner_id=learner))
            session.flush()


def _final(session: Session, learner: int) -> int:
    merged = session.execute(select(Learner.merged_into).where(Learner.id == learner)).scalar()
    return merged or learner


def learner_named(session: Session, name: str) -> int:
    """Return the id of the learner with a key, alias or e-mail address; raises `SpecError`."""
    found = find(session, Person(key=name, email=name))
    if found is None:
        found = session.execute(
            select(Alias.learner_id).where(Alias.alias == name.casefold()).limit(1)
        ).scalar()
        found = _final(session, found) if found else None
    if found is None:
        known = session.scalars(select(Learner.key)).all()
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'?" if near else "roadmark gradebook show"
        raise SpecError(f"there is no learner '{name}' in the gradebook", hint=hint)
    return found


def merge(session: Session, one: str, into: str) -> None:
    """Count one learner as another from now on; nothing of either is lost."""
    source, target = learner_named(session, one), learner_named(session, into)
    if source == target:
        raise SpecError(f"'{one}' and '{into}' are the same learner already")
    session.execute(
        update(Learner)
        .where((Learner.id == source) | (Learner.merged_into == source))
        .values(merged_into=target)
    )


def add_alias(session: Session, learner: str, alias: str, system: str = ANY) -> None:
    """Give a learner another name; raises `SpecError` if somebody has it."""
    found = session.get(Alias, (system, alias.casefold()))
    owner = learner_named(session, learner)
    if found is None:
        session.add(Alias(system=system, alias=alias.casefold(), written=alias, learner_id=owner))
    elif _final(session, found.learner_id) != owner:
        raise SpecError(f"'{alias}' is another learner's name already", hint="roadmark gradebook merge")


@dataclass(frozen=True, slots=True)
class Match:
    """A person of a source, and the learner they are; none if they are new."""

    person: Person
    learner: str | None


def matches(session: Session, people: Iterable[Person]) -> list[Match]:
    """Return who maps to whom, without writing anything."""
    keys: Mapping[int, str] = {row.id: row.key for row in session.execute(select(Learner.id, Learner.key))}
    found = ((person, find(session, person)) for person in people)
    return [Match(person, keys.get(learner) if learner else None) for person, learner in found]
