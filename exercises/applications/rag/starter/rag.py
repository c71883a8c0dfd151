"""Answers from a library: passages, vectors, search, a prompt, and a look at what the model cites.

A passage is `{"id": text, "text": text}`; a message `{"role": "system" | "user", "content": text}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

Passage = dict[str, str]
Message = dict[str, str]
Model = Callable[[list[Message]], str]

AT_ONCE = 6
"""Passages that one search adds to a prompt."""
LONGEST = 8000
"""Characters that all messages of a prompt may have together."""
QUESTIONS = 4
"""How often the model may be asked."""


def split(text: str, most: int = 120) -> list[str]:
    """Return a text as passages of at most `most` words.

    A passage holds as many whole paragraphs, one after the other, as fit. A longer paragraph is cut
    after every `most` words, and its pieces stand alone.
    """
    raise NotImplementedError("fill a passage with paragraphs until the next one does not fit")


class Index:
    """Passages and their vectors: TF-IDF, of length 1."""

    def __init__(self, passages: list[Passage]) -> None:
        """Learn the vocabulary of some passages, and embed them."""
        raise NotImplementedError("a column for each term, its weight from the number of passages that have it")

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return a vector for each text, (n, d); of length 1, or 0 where no word is known."""
        raise NotImplementedError("logarithms of counts, weighted, divided by their length")

    def search(self, question: str, k: int) -> list[dict[str, Any]]:
        """Return the k nearest passages, best first, as `{"id", "text", "score"}`."""
        raise NotImplementedError("the largest products")


def make_prompt(question: str, passages: list[Passage]) -> list[Message]:
    """Return messages that ask a question about numbered passages; the last ones are left out if they do not fit."""
    raise NotImplementedError("the rules in the system's message; [1] … [n] and the question in the user's")


def read_reply(reply: str) -> dict[str, Any] | None:
    """Return `{"answer", "cited", "search"}` from the first line that has one of the three forms, or None."""
    raise NotImplementedError("Answer: with [numbers], Search:, or Unknown")


def supported(answer: str, text: str) -> bool:
    """Return whether the words of an answer stand in a text, one after the other; capitals do not count."""
    raise NotImplementedError("compare whole words")


def answer(question: str, index: Index, model: Model) -> dict[str, Any]:
    """Return `{"answer": text or None, "citations": [ids]}`: what the model says, as far as passages support it.

    Args:
        question: What is asked.
        index: Where to look.
        model: Replies to messages; is asked up to four times.
    """
    raise NotImplementedError("search, ask, search again where the model wants to, and keep what is supported")


# add helpers of your own here
