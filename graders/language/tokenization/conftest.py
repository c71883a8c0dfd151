"""What both graders share: checked answers, texts, and byte-pair encoding by another way, on arrays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pydoc_data import topics  # type: ignore[import-untyped]
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest

from harness.grading import Rng, expect_text, kind_of, wrong
from harness.policy import foreign_code
from harness.proxy import Remote

Integers = npt.NDArray[np.int64]
Pair = tuple[int, int]

ENTRY: Final = "tokenization.py"
PIECES: Final = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
GAP: Final = -1
"""Stands between two pieces."""
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY: Final = 256 + 200
TRAINING: Final = 30_000
HELD_OUT: Final = 40_000
"""Characters."""


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def handed_in(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use no library."""
    submission["train"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


@dataclass(frozen=True)
class Tokens:
    """A learner's tokenizer: its answers are validated."""

    remote: Any
    size: int
    """Number of tokens there are."""

    def encode(self, text: str, **options: bool) -> list[int]:
        """Return its tokens, a list of whole numbers that are tokens."""
        tokens = whole_numbers(self.remote.encode(text, **options), "encode(text)")
        if any(not 0 <= token < self.size for token in tokens):
            wrong("encode(text) gave a number that is no token.")
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return its text."""
        return expect_text(self.remote.decode(list(tokens)), what="decode(tokens)")


def whole_numbers(answer: object, what: str) -> list[int]:
    """Return a list, a tuple or an array of whole numbers as a list of ints."""
    if isinstance(answer, np.ndarray) and answer.ndim == 1 and answer.dtype.kind in "iu":
        return [int(each) for each in answer]
    if not isinstance(answer, (list, tuple)) or any(type(each) is not int for each in answer):
        wrong(f"{what}: expected a list of whole numbers, got {kind_of(answer)}.", reason="wrong-type")
    return list(answer)


@pytest.fixture(scope="session")
def tokenizer(handed_in: Any) -> Callable[..., Tokens]:
    """Makes a tokenizer with given merges and special texts."""

    def made(merges: Sequence[Pair], special: Sequence[str] = ()) -> Tokens:
        answer = handed_in.Tokenizer([tuple(pair) for pair in merges], list(special))
        if not isinstance(answer, Remote):
            wrong(f"Tokenizer(…): expected a tokenizer, got {kind_of(answer)}.", reason="wrong-type")
        return Tokens(answer, 256 + len(merges) + len(special))

    return made


@pytest.fixture(scope="session")
def train(handed_in: Any) -> Callable[[str, int], list[Pair]]:
    """Calls `train` and validates the merges: pairs of tokens that exist by then, and not too many."""

    def trained(text: str, vocabulary: int) -> list[Pair]:
        answer = handed_in.train(text, vocabulary)
        if isinstance(answer, np.ndarray) and answer.ndim == 2:
            answer = list(answer)
        if not isinstance(answer, (list, tuple)):
            wrong(f"train(…): expected a list of pairs, got {kind_of(answer)}.", reason="wrong-type")
        merges = [whole_numbers(pair, "a pair of train(…)") for pair in answer]
        if len(merges) > vocabulary - 256:
            wrong("train(…) gave more merges than the vocabulary has room for.")
        for number, pair in enumerate(merges):
            if len(pair) != 2 or any(not 0 <= token < 256 + number for token in pair):
                wrong("train(…): each merge is a pair of tokens that there are by then.")
        return [(left, right) for left, right in merges]

    return trained


# ---- the truth -----------------------------------------------------------------------------


@dataclass
class Laid:
    """All different pieces of a text in one row, with gaps between them."""

    tokens: Integers
    weights: Integers
    """How often the piece of each token occurs."""
    tied: bool = False
    """Whether the best pair was one of several."""

    @classmethod
    def of(cls, pieces: Mapping[bytes, int]) -> Laid:
        """Return the bytes of pieces, each with how often it occurs."""
        tokens = [np.append(np.frombuffer(piece, np.uint8), GAP).astype(np.int64) for piece in pieces]
        weights = [np.full(len(piece) + 1, count) for piece, count in pieces.items()]
        return cls(np.concatenate([*tokens, [GAP]]), np.concatenate([*weights, [0]]).astype(np.int64))

    def best(self) -> Pair | None:
        """Return the pair that occurs most often, the smallest of several; None if there is none."""
        left, right = self.tokens[:-1], self.tokens[1:]
        inside = (left != GAP) & (right != GAP)
        if not inside.any():
            return None
        keys, place = np.unique(left[inside] * 1_000_000 + right[inside], return_inverse=True)
        counts = np.bincount(place.ravel(), weights=self.weights[:-1][inside])
        self.tied = (counts == counts.max()).sum() > 1
        return divmod(int(keys[counts.argmax()]), 1_000_000)  # the first of the largest

    def merge(self, pair: Pair, token: int) -> None:
        """Replace a pair wherever it stands, from left to right."""
        at = np.flatnonzero((self.tokens[:-1] == pair[0]) & (self.tokens[1:] == pair[1]))
        if pair[0] == pair[1]:  # in a run, every other place
            start = np.maximum.accumulate(np.where(np.diff(at, prepend=-2) > 1, at, 0))
            at = at[(at - start) % 2 == 0]
        self.tokens[at] = token
        self.tokens, self.weights = np.delete(self.tokens, at + 1), np.delete(self.weights, at + 1)

    @property
    def count(self) -> int:
        """Tokens of the whole text."""
        return int(self.weights[self.tokens != GAP].sum())


def _pieces(text: str) -> list[bytes]:
    return [match[0].encode() for match in PIECES.finditer(text)]


def true_merges(text: str, vocabulary: int) -> list[Pair]:
    """Return the merges that byte-pair encoding learns, with ties to the smallest pair."""
    laid, merges = Laid.of(Counter(_pieces(text))), list[Pair]()
    while 256 + len(merges) < vocabulary and (pair := laid.best()):
        laid.merge(pair, 256 + len(merges))
        merges.append(pair)
    return merges


def has_ties(text: str, merges: Sequence[Pair]) -> bool:
    """Whether one of these merges of a text was a matter of choice."""
    laid = Laid.of(Counter(_pieces(text)))
    for number, pair in enumerate(merges):
        if laid.best() != pair or laid.tied:
            return True
        laid.merge(pair, 256 + number)
    return False


def true_tokens(text: str, merges: Sequence[Pair]) -> list[int]:
    """Return the tokens of a text: each merge in turn is applied wherever it fits."""
    row = [token for piece in _pieces(text) for token in (*piece, GAP)]
    laid = Laid(np.array([*row, GAP]), np.ones(len(row) + 1, np.int64))
    for number, pair in enumerate(merges):
        laid.merge(pair, 256 + number)
    return [int(token) for token in laid.tokens if token != GAP]


def token_count(text: str, merges: Sequence[Pair]) -> int:
    """Return how many tokens a text has."""
    laid = Laid.of(Counter(_pieces(text)))
    for number, pair in enumerate(merges):
        laid.merge(pair, 256 + number)
    return laid.count


@pytest.fixture(scope="session")
def truth() -> Any:
    """Byte-pair encoding by another way: merges, tokens and their number."""

    class Truth:
        merges = staticmethod(true_merges)
        tokens = staticmethod(true_tokens)
        count = staticmethod(token_count)

    return Truth


# ---- texts ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """English of which the letters have changed places, so that nobody has seen it."""

    training: str
    held_out: str
    merges: list[Pair]
    """What byte-pair encoding learns from the training part."""

    def plain(self, rng: Rng, merges: int) -> str:
        """Return 4,000 characters without runs, in which no tie decides about the first merges."""
        for _ in range(500):
            start = int(rng.integers(len(self.training) - 4_000))
            text = re.sub(r"(.)\1+", r"\1", " ".join(self.training[start : start + 4_000].split()))
            if not has_ties(text, true_merges(text, 256 + merges)):
                break
        return text


@pytest.fixture(scope="session")
def learned(train: Callable[[str, int], list[Pair]], corpus: Corpus) -> list[Pair]:
    """What the submission learns from the whole training part."""
    return train(corpus.training, VOCABULARY)


@cache
def _english() -> tuple[str, ...]:
    return tuple(text.encode("ascii", "ignore").decode() for _, text in sorted(topics.topics.items()))


@pytest.fixture(scope="session")
def corpus(run_rng: Rng) -> Corpus:
    """This run's text, about programming in Python."""
    order = run_rng.permutation(list(LETTERS))
    letters = LETTERS + LETTERS.upper()
    cipher = str.maketrans(letters, "".join(order) + "".join(order).upper())
    texts = [_english()[place] for place in run_rng.permutation(len(_english()))]
    whole = "\n".join(texts).translate(cipher)[: TRAINING + HELD_OUT]
    training = whole[:TRAINING]
    return Corpus(training, whole[TRAINING:], true_merges(training, VOCABULARY))


ALPHABETS: Final = (
    "abc ",
    "aA0_ .,!\n",
    "éüñçßŁø ",
    "日本語漢字テキスト。",
    "שלום مرحبا ",
    "नमस्ते ",
    "😀👩‍👩‍👧‍👦🏳️‍🌈🇫🇷",
    "e\u0301\u0302\u200d\u200b\u00a0\u2028\u2029\x85\x1c\r\n\t\v\f",
    "\x00\x01\x7f\x80\uffff\ufffd\ufeff\U0010ffff\U00010000",
)


@pytest.fixture
def any_text(rng: Rng) -> Callable[[int], str]:
    """A function that draws text of about a length: scripts, signs, emoji, controls, and anything at all."""

    def drawn(length: int) -> str:
        parts: list[str] = []
        while sum(map(len, parts)) < length:
            alphabet = list(ALPHABETS[int(rng.integers(len(ALPHABETS)))])
            parts.append("".join(rng.choice(alphabet, size=int(rng.integers(1, 8)))))
            code = int(rng.integers(0x110000))
            if not 0xD800 <= code < 0xE000:  # halves of characters are no text
                parts.append(chr(code))
        return "".join(parts)

    return drawn
