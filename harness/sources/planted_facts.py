"""Documents with planted facts, and questions whose answers and supporting documents are known.

Everything is invented, so nothing can be answered from memory. Each fact is told in one or two
documents, among facts about others and sentences that tell nothing; questions word it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from harness.sources import Seed


class Kind(StrEnum):
    """How a question is answered."""

    DIRECT = "direct"
    """By one fact."""
    TWO_STEP = "two-step"
    """By the founder of a company and a fact about that person."""
    UNANSWERABLE = "unanswerable"
    """By nothing: documents speak of the person or company, but never tell this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A few sentences in no particular order."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and what a right answer rests on."""

    text: str
    answer: str
    """The exact words that documents use; empty for an unanswerable question."""
    support: tuple[tuple[str, ...], ...]
    """For each fact needed, the ids of all documents that tell it: one of each is enough."""
    kind: Kind

    @property
    def relevant(self) -> frozenset[str]:
        """Ids of all documents that help."""
        return frozenset(document for fact in self.support for document in fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Documents and questions about them, from one seed."""

    documents: tuple[Document, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One relation of one person or company."""

    subject: str
    relation: str
    value: str


@dataclass(frozen=True, slots=True)
class _Relation:
    """How documents tell it and how questions ask for it, of a subject or of a company's founder."""

    tellings: tuple[str, str]
    question: str


_PERSON: Final = {
    "birthplace": _Relation(
        ("{0} was born in {1}.", "The town of {1} is proud that {0} came into the world there."),
        "What is the native town of {0}?",
    ),
    "year": _Relation(
        ("The birth of {0} is dated to {1}.", "Parish books of {1} record {0} as a newborn."),
        "In which year did the life of {0} begin?",
    ),
    "trade": _Relation(
        ("{0} earned a living as a {1}.", "Neighbours remember {0}, the {1}."),
        "What was the occupation of {0}?",
    ),
    "instrument": _Relation(
        ("On feast days {0} played the {1}.", "A portrait shows {0} holding a {1}."),
        "Which musical instrument is linked with {0}?",
    ),
}
_COMPANY: Final = {
    "founder": _Relation(
        ("{0} was set up by {1}.", "It was {1} who started {0}."),
        "Who founded {0}?",
    ),
    "seat": _Relation(
        ("The offices of {0} are in {1}.", "From {1}, {0} is run."),
        "In which town does {0} have its headquarters?",
    ),
    "product": _Relation(
        ("{0} makes {1}.", "Customers come to {0} for its {1}."),
        "What goods are produced by {0}?",
    ),
}
_RELATIONS: Final = _PERSON | _COMPANY
_TRADES: Final = ("cooper", "glazier", "miller", "weaver", "surveyor", "printer", "saddler", "baker", "mason")
_INSTRUMENTS: Final = ("lute", "fiddle", "drum", "flute", "harp", "horn", "cittern", "viol", "bagpipe")
_GOODS: Final = ("lanterns", "clocks", "ropes", "kites", "ladders", "bells", "mirrors", "buttons", "kettles")
_FILLERS: Final = (
    "The rest of the page is torn.",
    "Rain fell for most of that week.",
    "Little else was written down.",
    "A second hand has corrected the spelling.",
    "The ink is faded but can be read.",
    "Visitors are welcome on weekdays.",
)


def make_corpus(*, seed: Seed, people: int = 60, companies: int = 40, facts_per_document: int = 4) -> Corpus:
    """Draw a corpus; one fact of every person and company is withheld, and one in five is told twice."""
    rng = np.random.default_rng(seed)
    told, withheld = _draw_facts(people, companies, rng)
    tellings = [fact for fact in told for _ in range(1 + (rng.random() < 0.2))]
    shuffled = [tellings[index] for index in rng.permutation(len(tellings))]
    pages = [shuffled[at : at + facts_per_document] for at in range(0, len(shuffled), facts_per_document)]
    documents = [Document(id=f"doc-{at:03d}", text=_write(page, rng)) for at, page in enumerate(pages)]
    support = {
        fact: tuple(d.id for d, page in zip(documents, pages, strict=True) if fact in page) for fact in told
    }
    questions = (*_direct(support), *_two_step(support), *map(_unanswerable, withheld))
    return Corpus(documents=tuple(documents), questions=questions)


def _draw_facts(people: int, companies: int, rng: np.random.Generator) -> tuple[list[Fact], list[Fact]]:
    """Return the facts to plant and those to withhold; a founder is always planted."""
    names = iter(_names(2 * people + companies + 30, rng))
    persons = [f"{next(names)} {next(names)}" for _ in range(people)]
    firms = [f"{next(names)} & Sons" for _ in range(companies)]
    towns = list(names)
    told, withheld = [], []
    for subject in persons + firms:
        relations = ("seat", "product") if subject in firms else tuple(_PERSON)
        facts = [Fact(subject, relation, _value(relation, towns, rng)) for relation in relations]
        withheld.append(facts.pop(int(rng.integers(len(facts)))))
        told += facts
    told += [Fact(firm, "founder", str(rng.choice(persons))) for firm in firms]
    return told, withheld


def _value(relation: str, towns: list[str], rng: np.random.Generator) -> str:
    match relation:
        case "year":
            return str(rng.integers(1400, 1900))
        case "trade":
            return str(rng.choice(_TRADES))
        case "instrument":
            return str(rng.choice(_INSTRUMENTS))
        case "product":
            return str(rng.choice(_GOODS))
        case _:
            return str(rng.choice(towns))


def _write(facts: list[Fact], rng: np.random.Generator) -> str:
    told = [str(rng.choice(_RELATIONS[f.relation].tellings)).format(f.subject, f.value) for f in facts]
    sentences = told + rng.choice(_FILLERS, size=2, replace=False).tolist()
    return " ".join(rng.permutation(sentences).tolist())


def _direct(support: dict[Fact, tuple[str, ...]]) -> list[Question]:
    return [_question(fact, fact.subject, (documents,), Kind.DIRECT) for fact, documents in support.items()]


def _two_step(support: dict[Fact, tuple[str, ...]]) -> list[Question]:
    """Ask for every planted fact about every founder, naming the company only."""
    return [
        _question(second, f"the founder of {first.subject}", (support[first], support[second]), Kind.TWO_STEP)
        for first in support
        for second in support
        if first.relation == "founder" and second.subject == first.value
    ]


def _unanswerable(withheld: Fact) -> Question:
    return _question(replace(withheld, value=""), withheld.subject, (), Kind.UNANSWERABLE)


def _question(fact: Fact, about: str, support: tuple[tuple[str, ...], ...], kind: Kind) -> Question:
    text = _RELATIONS[fact.relation].question.format(about)
    return Question(text=text, answer=fact.value, support=support, kind=kind)


def _names(count: int, rng: np.random.Generator) -> list[str]:
    """Return distinct invented names."""
    names: dict[str, None] = {}
    while len(names) < count:
        syllables = [f"{rng.choice(list('bdfgklmnprstvz'))}{rng.choice(list('aeiou'))}" for _ in range(3)]
        names["".join(syllables).capitalize() + str(rng.choice(list("lmnrst")))] = None
    return list(names)
