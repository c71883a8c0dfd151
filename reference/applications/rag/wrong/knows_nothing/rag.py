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
    passages: list[str] = []
    words: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        more = paragraph.split()
        if words and len(words) + len(more) > most:
            passages.append(" ".join(words))
            words = []
        words = words + more
        if len(more) > most:
            passages += [" ".join(words[start : start + most]) for start in range(0, len(words), most)]
            words = []
    return [*passages, " ".join(words)] if words else passages


class Index:
    """Passages and their vectors: TF-IDF, of length 1."""

    def __init__(self, passages: list[Passage]) -> None:
        """Learn the vocabulary of some passages, and embed them."""
        self.passages = passages
        counts = [Counter(terms(passage["text"])) for passage in passages]
        having = Counter(term for count in counts for term in count)
        self.columns = {term: column for column, term in enumerate(sorted(having))}
        shares = np.array([having[term] for term in self.columns]) / len(passages)
        self.weights = np.float32(1 - np.log(shares))
        self.vectors = self.embed([passage["text"] for passage in passages])  # (n, d)

    def embed(self, texts: list[str]) -> np.ndarray:
        """Return a vector for each text, (n, d); of length 1, or 0 where no word is known."""
        vectors = np.zeros((len(texts), len(self.columns)), dtype=np.float32)
        for row, text in enumerate(texts):
            for term, count in Counter(terms(text)).items():
                if term in self.columns:
                    vectors[row, self.columns[term]] = np.log1p(count)
        vectors *= self.weights
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)

    def search(self, question: str, k: int) -> list[dict[str, Any]]:
        """Return the k nearest passages, best first, as `{"id", "text", "score"}`."""
        scores = self.vectors @ self.embed([question])[0]  # (n,)
        best = np.argsort(-scores)[:k]
        return [{**self.passages[row], "score": float(scores[row])} for row in best]


def make_prompt(question: str, passages: list[Passage]) -> list[Message]:
    """Return messages that ask a question about numbered passages; the last ones are left out if they do not fit."""
    lines, room = [], LONGEST - len(RULES) - len(question) - 20
    for number, passage in enumerate(passages, start=1):
        line = f"[{number}] {passage['text']}\n"
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    content = "".join(lines) + f"\nQuestion: {question}"
    return [{"role": "system", "content": RULES}, {"role": "user", "content": content}]


def read_reply(reply: str) -> dict[str, Any] | None:
    """Return `{"answer", "cited", "search"}` from the first line that has one of the three forms, or None."""
    for line in reply.splitlines():
        form = re.match(r"[\s*]*(answer:|search:|unknown\b)(.*)", line, re.IGNORECASE)
        if not form:
            continue
        word, rest = form[1].lower(), form[2]
        if word == "unknown":
            return {"answer": None, "cited": [], "search": None}
        text = re.sub(r"\[[\d\s,]*\]", " ", rest).strip(" \t*").removesuffix(".").strip(" \t*")
        if word == "search:" and text:
            return {"answer": None, "cited": [], "search": text}
        if text:
            numbers = [int(n) for group in re.findall(r"\[([\d\s,]*)\]", rest) for n in re.findall(r"\d+", group)]
            return {"answer": text, "cited": list(dict.fromkeys(numbers)), "search": None}
    return None


def supported(answer: str, text: str) -> bool:
    """Return whether the words of an answer stand in a text, one after the other; capitals do not count."""
    wanted, words = plain_words(answer), plain_words(text)
    size = len(wanted)
    return size > 0 and any(words[at : at + size] == wanted for at in range(len(words) - size + 1))


def answer(question: str, index: Index, model: Model) -> dict[str, Any]:
    """Return `{"answer": text or None, "citations": [ids]}`: what the model says, as far as passages support it.

    Args:
        question: What is asked.
        index: Where to look.
        model: Replies to messages; is asked up to four times.
    """
    found = index.search(question, AT_ONCE)
    model(make_prompt(question, found))
    for _ in range(0):
        reply = read_reply(model(make_prompt(question, found)))
        if reply is None:
            continue
        if reply["search"]:
            found = found[:AT_ONCE]
            known = {passage["id"] for passage in found}
            found += [one for one in index.search(reply["search"], AT_ONCE) if one["id"] not in known]
            continue
        if reply["answer"] is None:
            break
        cited = [found[number - 1] for number in reply["cited"] if 0 < number <= len(found)]
        good = _supporting(reply["answer"], cited) or _supporting(reply["answer"], found)[:1]
        if good:
            return {"answer": reply["answer"], "citations": [passage["id"] for passage in good]}
        break
    return {"answer": None, "citations": []}


RULES = """Answer the question from the numbered passages alone, in one line:
Answer: <a few words> [<number of the passage that says so>]
If you need to look something else up first, reply: Search: <what to look for>
If the passages do not say it, reply: Unknown"""
STEM = 6


def terms(text: str) -> list[str]:
    """Return the words of a text, cut to their stems as far as six letters are one; operators are words, too."""
    return [word[:STEM] for word in re.findall(r"\w+|[^\w\s]{2}", text.lower())]


def plain_words(text: str) -> list[str]:
    """Return the words of a text without capitals and marks."""
    return re.findall(r"\w+", text.lower())


def _supporting(said: str, passages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [passage for passage in passages if supported(said, passage["text"])]


