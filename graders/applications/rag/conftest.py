"""A library with planted facts, a model that answers from what it is shown, and questions.

The library is the Python language reference that comes with CPython, in passages, and among them invented
documents that are drawn for each run. The model is a program: it knows nothing but its messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from pydoc_data.topics import topics  # type: ignore[import-untyped]
from typing import Any, Final

import pytest

from harness.grading import LearnerFailure, Rng, wrong
from harness.sources.planted_facts import Kind, Question, make_corpus

WORDS: Final = (100, 150)
"""Words of a passage: how many are aimed at, and the most of one piece."""
LONGEST: Final = 8000
"""Characters of a prompt that the model can read."""
MOST_ASKED: Final = 50
"""How often it may be asked about one question at all."""
PATIENCE: Final = 4
"""How often it answers about one question."""
ENOUGH: Final = 1500
"""Words of one check that all differ at the beginning, so that who compares stems is right, too."""
LARGEST: Final = 1e300
"""No score is larger."""
FEWEST: Final = 40
"""Questions about Python whose passages have to be there; other versions of CPython word a few otherwise."""
SHARE: Final = {Kind.DIRECT: 60, Kind.TWO_STEP: 40, Kind.UNANSWERABLE: 30}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question, what answers it, and how the model misbehaves."""

    question: str
    answer: str
    """Empty where the library does not say it."""
    support: tuple[frozenset[str], ...]
    """For each step, the ids of the passages that tell it."""
    hop: str = ""
    """What the model searches for once it has been shown the first of two steps."""
    false: str = ""
    """What it says if it makes something up; no passage has these words."""
    cites: int = 0
    """0: rightly; 1: another passage instead; 2: one more, that does not exist."""
    stumbles: bool = False
    makes_up: bool = False

    @property
    def relevant(self) -> frozenset[str]:
        """All passages that help."""
        return frozenset().union(*self.support)

    def fits(self, told: Any, said: Sequence[str]) -> bool:
        """Whether an answer is right, the model's, and cites nothing but passages that tell it."""
        if not isinstance(told, dict):
            return False
        answer, cited = told.get("answer"), told.get("citations")
        if not self.answer:
            return answer is None and isinstance(cited, list) and not cited
        if not isinstance(answer, str) or answer.strip() != self.answer or self.answer not in said:
            return False
        texts = isinstance(cited, list) and bool(cited) and all(isinstance(one, str) for one in cited)
        return texts and set(cited) <= self.relevant and bool(set(cited) & self.support[-1])


# ---- the library -----------------------------------------------------------------------------


@cache
def reference() -> tuple[str, ...]:
    """Return the language reference in passages, each paragraph once."""
    seen: set[str] = set()
    passages = []
    for name in sorted(topics):
        kept: list[str] = []
        for paragraph in topics[name].split("\n\n"):
            words = paragraph.split()
            for start in range(0, len(words), WORDS[1]):
                piece = words[start : start + WORDS[1]]
                if " ".join(piece) in seen:
                    continue
                seen.add(" ".join(piece))
                if kept and len(kept) + len(piece) > WORDS[0]:
                    passages.append(" ".join(kept))
                    kept = []
                kept = kept + piece
        passages += [" ".join(kept)] if kept else []
    return tuple(passages)


@dataclass
class Library:
    """Passages in a drawn order under drawn ids, and the questions about them."""

    passages: list[dict[str, str]]
    python: list[Case]
    planted: list[Case]
    index: Any = None

    def cases(self, kind: Kind) -> list[Case]:
        """Return the planted questions of a kind."""
        wanted = {Kind.DIRECT: (1, True), Kind.TWO_STEP: (2, True), Kind.UNANSWERABLE: (0, False)}[kind]
        return [case for case in self.planted if (len(case.support), bool(case.answer)) == wanted]


def draw_library(rng: Rng) -> Library:
    """Return a library with facts planted for this run."""
    corpus = make_corpus(seed=rng.seed())
    texts = [*reference(), *(document.text for document in corpus.documents)]
    ids = [f"p{number:04d}" for number in rng.permutation(10_000)[: len(texts)]]
    of = dict(zip((d.id for d in corpus.documents), ids[len(reference()) :], strict=True))
    shelf = [{"id": one, "text": text} for one, text in zip(ids, texts, strict=True)]
    passages = [shelf[place] for place in rng.permutation(len(shelf))]
    by_fact = {(q.support, q.answer): q for q in corpus.questions if q.kind is Kind.DIRECT}
    planted = [_planted(question, of, by_fact, rng) for question in corpus.questions]
    return Library(passages, _about_python(dict(zip(ids, texts, strict=True)), rng), planted)


def _planted(question: Question, of: Mapping[str, str], by_fact: Mapping[Any, Question], rng: Rng) -> Case:
    support = tuple(frozenset(of[document] for document in fact) for fact in question.support)
    hop = by_fact[question.support[1:], question.answer].text if question.kind is Kind.TWO_STEP else ""
    return Case(question=question.text, answer=question.answer, support=support, hop=hop, **_manners(rng))


def _about_python(texts: Mapping[str, str], rng: Rng) -> list[Case]:
    tree = json.loads((Path(__file__).parent / "questions.json").read_text(encoding="utf-8"))
    found = [
        (text, answer, frozenset(one for one, passage in texts.items() if words in passage))
        for text, answer, words in tree["questions"]
    ]
    cases = [
        Case(question=text, answer=answer, support=(where,), **_manners(rng))
        for text, answer, where in found
        if where
    ]
    if len(cases) < FEWEST:
        raise RuntimeError(f"this CPython's reference answers {len(cases)} of the questions, needed {FEWEST}")
    return cases


def _manners(rng: Rng) -> dict[str, Any]:
    word = "".join(chr(97 + int(i)) for i in rng.integers(26, size=9)).capitalize()
    draws = [float(x) for x in rng.random(3)]
    cites = 1 if draws[0] < 0.2 else 2 if draws[0] < 0.4 else 0
    return {"false": word, "cites": cites, "stumbles": draws[1] < 0.15, "makes_up": draws[2] < 0.4}


# ---- the model -------------------------------------------------------------------------------


@dataclass
class Reader:
    """The model: answers from numbered passages, by the rules of the README."""

    texts: dict[str, str] = field(default_factory=dict)
    """Ids by the text of their passage, its spaces made one."""
    cases: dict[str, Case] = field(default_factory=dict)
    script: list[str] | None = None
    """What to say, one after the other, whatever is asked."""
    heard: list[list[dict[str, str]]] = field(default_factory=list)
    """The prompts that it was given while it spoke by a script."""
    said: dict[str, list[str]] = field(default_factory=dict)
    """Answers given, by question."""

    def model(self, messages: Any) -> str:
        """Answer as the model."""
        fault = prompt_fault(messages)
        if self.script is not None:
            self._hear(messages, fault)
            return self.script.pop(0) if self.script else "Unknown"
        readable = not fault and sum(len(message["content"]) for message in messages) <= LONGEST
        asked = (
            re.search(r"^Question: (.*\S)\s*\Z", messages[-1]["content"], re.MULTILINE) if readable else None
        )
        case = self.cases.get(asked[1]) if asked else None
        if case is None:
            return "I have lost the thread."
        said = self.said.setdefault(case.question, [])
        if len(said) == PATIENCE:
            return "I do not want to talk about this any more."
        said.append("")
        reply = self._reply(case, messages, len(said))
        if reply.startswith("Answer:"):
            said[-1] = re.sub(r" \[.*", "", reply.removeprefix("Answer: "))
        return reply

    def _hear(self, messages: Any, fault: str) -> None:
        """Keep a prompt, if it is one that the model can read."""
        if fault:
            wrong(f"answer(…): {fault}.")
        if sum(len(message["content"]) for message in messages) > LONGEST:
            wrong(f"answer(…): a prompt has more than {LONGEST} characters.")
        if len(self.heard) == MOST_ASKED:
            wrong(f"answer(…): the model was asked more than {MOST_ASKED} times about one question.")
        self.heard.append(messages)

    def _reply(self, case: Case, messages: Sequence[Mapping[str, str]], turn: int) -> str:
        rules = messages[0]["content"].lower()
        if "answer:" not in rules or (case.stumbles and turn == 1):
            return "There are several passages about this, and each of them is interesting."
        shown = {self.texts.get(text): number for number, text in numbered(messages[-1]["content"])}
        told = [[shown[one] for one in fact if one in shown] for fact in case.support]
        if told and all(told):
            return self._cited(case, [min(numbers) for numbers in told], len(shown))
        if case.hop and told[0] and "search:" in rules:
            return f"Search: {case.hop}"
        if case.makes_up or "unknown" not in rules:
            return f"Answer: {case.false} [{min(2, max(1, len(shown)))}]"
        return "Unknown"

    @staticmethod
    def _cited(case: Case, numbers: list[int], count: int) -> str:
        if case.cites == 1:
            numbers = [numbers[-1] % count + 1]
        if case.cites == 2:
            numbers = [*numbers, count + 7]
        return f"Answer: {case.answer} " + "".join(f"[{number}]" for number in numbers)


def numbered(content: str) -> list[tuple[int, str]]:
    """Return the numbered passages of a prompt, their spaces made one."""
    parts = re.split(r"^\[(\d{1,6})\] |^Question: ", content, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=False)
    return [(int(number), " ".join(text.split())) for number, text in pairs if number]


def prompt_fault(messages: Any) -> str:
    """Return what is wrong with a prompt, or an empty text."""
    if not isinstance(messages, list) or not messages or not all(_is_message(one) for one in messages):
        return "expected a list of {'role': …, 'content': …}"
    if [message["role"] for message in messages] != ["system", "user"]:
        return "expected the system's message, and the user's"
    return ""


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"role", "content"}
        and all(isinstance(part, str) for part in value.values())
    )


# ---- fixtures --------------------------------------------------------------------------------


def hits(value: Any, what: str) -> list[dict[str, Any]]:
    """Require a list of `{"id", "text", "score"}`, as a search returns it, the scores finite."""
    if not isinstance(value, list) or not all(
        isinstance(one, dict)
        and isinstance(one.get("id"), str)
        and isinstance(one.get("text"), str)
        and type(one.get("score")) in (int, float)
        and abs(one["score"]) < LARGEST
        for one in value
    ):
        wrong(
            f"{what}: expected a list of {{'id', 'text', 'score'}}, the score a number.", reason="wrong-type"
        )
    return value


def index_of(submission: Any, passages: list[dict[str, str]]) -> Any:
    """Return the submission's index of some passages: an object that can search and embed."""
    index = submission.Index(passages)
    if not all(callable(getattr(index, name, None)) for name in ("search", "embed")):
        wrong("Index(passages): expected an object with the methods search and embed.", reason="wrong-type")
    return index


@pytest.fixture(scope="session")
def library(submission: Any, run_rng: Rng) -> Library:
    """The library of this run, and the submission's index of it."""
    made = draw_library(run_rng)
    made.index = index_of(submission, made.passages)
    return made


@pytest.fixture(scope="session")
def ranked(library: Library, run_rng: Rng) -> list[tuple[Case, list[str]]]:
    """Questions with one step, and the ids of the ten passages that the index finds for each."""
    direct = library.cases(Kind.DIRECT)
    chosen = [direct[int(i)] for i in run_rng.permutation(len(direct))[:100]]
    found = []
    for case in (*library.python, *chosen):
        got = hits(library.index.search(case.question, 10), "search(question, 10)")
        found.append((case, [one["id"] for one in got]))
    return found


@dataclass
class Desk:
    """Asks a submission questions while a scripted model is at hand."""

    submission: Any
    reader: Reader = field(default_factory=Reader)

    def scripted(self, question: str, passages: list[dict[str, str]], *replies: str) -> dict[str, Any]:
        """Return what `answer` says while the model says these things."""
        self.reader = Reader(script=list(replies))
        told = self.submission.answer(question, index_of(self.submission, passages), self.reader.model)
        if not isinstance(told, dict) or set(told) != {"answer", "citations"}:
            wrong("answer(…): expected {'answer': …, 'citations': …}.", reason="wrong-type")
        if not self.reader.heard:
            wrong("answer(…): the model was not asked.")
        cited = told["citations"]
        if not isinstance(cited, list) or not all(isinstance(one, str) for one in cited):
            wrong("answer(…): 'citations' is no list of ids.", reason="wrong-type")
        if told["answer"] is not None and not isinstance(told["answer"], str):
            wrong("answer(…): 'answer' is neither a text nor None.", reason="wrong-type")
        return told

    def shown(self, turn: int) -> dict[str, int]:
        """Return the passages of a prompt that the model was given, with their numbers."""
        if not -len(self.reader.heard) <= turn < len(self.reader.heard):
            wrong("answer(…): the model was asked less often than expected.")
        return {text: number for number, text in numbered(self.reader.heard[turn][-1]["content"])}

    def solved(self, library: Library, cases: Sequence[Case]) -> int:
        """Return how many questions are answered as they should be."""
        self.reader = Reader(
            texts={" ".join(one["text"].split()): one["id"] for one in library.passages},
            cases={case.question: case for case in cases},
        )
        count = 0
        for case in cases:
            try:
                told = self.submission.answer(case.question, library.index, self.reader.model)
            except LearnerFailure as failure:
                if failure.reason != "exception":
                    raise
                continue
            count += case.fits(told, self.reader.said.get(case.question, ()))
        return count


@pytest.fixture(scope="session")
def desk(submission: Any) -> Desk:
    """Where questions are asked."""
    return Desk(submission)


@pytest.fixture
def mixed(library: Library, rng: Rng) -> list[Case]:
    """Questions of all kinds in a drawn order; all those about Python among them."""
    chosen = list(library.python)
    for kind, count in SHARE.items():
        cases = library.cases(kind)
        chosen += [cases[int(i)] for i in rng.permutation(len(cases))[:count]]
    return [chosen[int(i)] for i in rng.permutation(len(chosen))]


@pytest.fixture
def word(rng: Rng) -> Callable[[], str]:
    """Makes words that nobody has seen before, no two with the same first four letters."""
    used: set[str] = set()

    def made() -> str:
        while True:
            pairs = zip(rng.integers(12, size=5), rng.integers(5, size=5), strict=True)
            new = "".join("bdfglmnrstvz"[int(i)] + "aeiou"[int(j)] for i, j in pairs)
            if new[:4] not in used:
                break
        used.add(new[:4])
        if len(used) > ENOUGH:
            used.clear()
        return new

    return made


@pytest.fixture(scope="session")
def look() -> Callable[[Any], list[tuple[int, str]]]:
    """Requires a prompt, and returns its numbered passages."""

    def looked(messages: Any) -> list[tuple[int, str]]:
        if fault := prompt_fault(messages):
            wrong(f"make_prompt(question, passages): {fault}.", reason="wrong-type")
        return numbered(messages[-1]["content"])

    return looked


@pytest.fixture(scope="session")
def found() -> Callable[[Any, str], list[dict[str, Any]]]:
    """Requires what a search returns."""
    return hits


@pytest.fixture(scope="session")
def reindexed(submission: Any) -> Callable[[list[dict[str, str]]], Any]:
    """Has passages indexed."""
    return lambda passages: index_of(submission, passages)


@pytest.fixture(scope="session")
def indexed(submission: Any) -> Callable[[list[str]], Any]:
    """Has texts indexed, under ids that say nothing."""
    return lambda texts: index_of(submission, shelved(texts))


def shelved(texts: Sequence[str]) -> list[dict[str, str]]:
    """Return passages with ids that say nothing."""
    return [{"id": f"p{number * 37 % 1009}", "text": text} for number, text in enumerate(texts)]


@pytest.fixture(scope="session")
def shelf() -> Callable[[Sequence[str]], list[dict[str, str]]]:
    """Makes passages of texts."""
    return shelved
