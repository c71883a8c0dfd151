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
        raise NotImplementedError("your solution goes here")

    def remove(self, document: str) -> bool:
        """Forget a document; return whether it was there."""
        raise NotImplementedError("your solution goes here")

    def search(self, question: str, k: int) -> list[tuple[Passage, float]]:
        """Return up to k passages that share a word with the question, best first, each with its score."""
        raise NotImplementedError("your solution goes here")

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and of passages."""
        raise NotImplementedError("your solution goes here")

    # a search index of all passages


def split(text: str) -> list[str]:
    """Return a text in passages: paragraphs put together as long as they have at most 80 words, longer ones cut."""
    raise NotImplementedError("as in the exercise `rag`")


# the index: BM25
