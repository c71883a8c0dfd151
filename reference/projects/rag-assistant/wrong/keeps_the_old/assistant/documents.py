"""Documents in passages, and a search among them."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

MOST_WORDS = 80
"""Words of a passage."""


@dataclass(frozen=True)
class Passage:
    """A piece of a document; its id is the document's and a number."""

    id: str
    document: str
    text: str


class Library:
    """Documents, which may come, change and go while questions are asked."""

    def __init__(self) -> None:
        self._documents: dict[str, list[Passage]] = {}
        self._index: Any = None  # what a search needs to know of all passages

    def put(self, document: str, text: str) -> int:
        """Keep a document instead of one with the same id, if there was one; return the number of its passages."""
        pieces = split(text)
        self._documents[document] = self._documents.get(document, []) + [Passage(f"{document}#{n}", document, piece) for n, piece in enumerate(pieces)]
        self._learn()
        return len(pieces)

    def remove(self, document: str) -> bool:
        """Forget a document; return whether it was there."""
        known = self._documents.pop(document, None) is not None
        return known

    def search(self, question: str, k: int) -> list[tuple[Passage, float]]:
        """Return up to k passages that share a word with the question, best first, each with its score."""
        return self._index.search(question, k) if self._index else []

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and of passages."""
        return len(self._documents), sum(map(len, self._documents.values()))

    def _learn(self) -> None:
        self._index = Index([passage for passages in self._documents.values() for passage in passages])



def split(text: str) -> list[str]:
    """Return a text in passages: paragraphs put together as long as they have at most 80 words, longer ones cut."""
    passages: list[list[str]] = [[]]
    for paragraph in re.split(r"\n\s*\n", text):
        words = paragraph.split()
        pieces = [words[at : at + MOST_WORDS] for at in range(0, len(words), MOST_WORDS)]
        for piece in pieces:
            if len(pieces) == 1 and len(passages[-1]) + len(piece) <= MOST_WORDS:
                passages[-1] = passages[-1] + piece
            else:
                passages.append(piece)
    return [" ".join(words) for words in passages if words]


class Index:
    """BM25 over some passages (Robertson and Zaragoza 2009, k₁ = 1.2, b = 0.75)."""

    def __init__(self, passages: list[Passage]) -> None:
        self._passages = passages
        counts = [Counter(terms(passage.text)) for passage in passages]
        having = Counter(term for count in counts for term in count)
        usual = sum(count.total() for count in counts) / max(1, len(counts))
        self._rarity = {t: math.log(1 + (len(passages) - n + 0.5) / (n + 0.5)) for t, n in having.items()}
        self._weights: dict[str, list[tuple[int, float]]] = {term: [] for term in having}
        for number, count in enumerate(counts):
            for term, times in count.items():
                weight = times * 2.2 / (times + 1.2 * (0.25 + 0.75 * count.total() / usual))
                self._weights[term].append((number, weight))

    def search(self, question: str, k: int) -> list[tuple[Passage, float]]:
        scores: Counter[int] = Counter()
        for term in set(terms(question)):
            for number, weight in self._weights.get(term, ()):
                scores[number] += self._rarity[term] * weight
        return [(self._passages[number], score) for number, score in scores.most_common(k)]


def terms(text: str) -> list[str]:
    """Return the words of a text in lower case, cut to six letters."""
    return [word[:6] for word in re.findall(r"\w+", text.lower())]


