"""A toy language of invented words, each drawn by the one before it, with an exact entropy per character."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.sources.markov import draw_table, entropy_rate, stationary_law, walk

if TYPE_CHECKING:
    from harness.sources import Floats, Seed

CONSONANTS: Final = "bdfgklmnprstvz"
VOWELS: Final = "aeiou"
SPACE: Final = " "


@dataclass(frozen=True)
class ToyLanguage:
    """Words that follow each other by a first-order Markov chain, each ended by a space.

    The space tells where a word ends, so text and word sequence determine each other and the
    entropy per character is that per word divided by the mean length.
    """

    words: tuple[str, ...]
    """Distinct, in lower case, without spaces."""
    table: Floats
    """(words, words): probability of the next word, rows summing to 1."""

    @property
    def alphabet(self) -> str:
        """Every character of a text: the space, then letters in order."""
        return "".join(sorted({SPACE, *"".join(self.words)}))

    @property
    def characters_per_word(self) -> float:
        """Mean length of a word in a long text, its space included."""
        return float(stationary_law(self.table) @ [len(word) + 1 for word in self.words])

    @property
    def entropy_rate(self) -> float:
        """Bits per character that no predictor can go below on average."""
        return entropy_rate(self.table) / self.characters_per_word

    def sample(self, length: int, seed: Seed) -> str:
        """Return a text of exactly `length` characters; it starts with a word and may end inside one."""
        shortest = min(map(len, self.words)) + 1
        words = walk(self.table, stationary_law(self.table), length // shortest + 1, seed)
        return "".join([self.words[word] + SPACE for word in words.tolist()])[:length]

    def log_probs(self, text: str) -> Floats:
        """Return ln p(character | all before it) in nats, (len(text),).

        It is -inf from the first impossible character on. The text must start with a word, and
        the first word follows the stationary law, as it does in `sample`.
        """
        logs = np.full(len(text), -np.inf)
        before, place = len(self.words), 0  # the last row holds the law of the first word
        for piece in _pieces(text):
            possible = next(p for p in _prefixes(piece) if p in self._logs)
            logs[place : place + len(possible)] = self._logs[possible][before]
            if possible != piece:
                break
            before, place = self._number.get(piece, before), place + len(piece)
        return logs

    @cached_property
    def _number(self) -> dict[str, int]:
        """Index of each word, by the word with its space."""
        return {word + SPACE: number for number, word in enumerate(self.words)}

    @cached_property
    def _logs(self) -> dict[str, Floats]:
        """For each beginning of a word: ln p of its characters, (words + 1 for the start, its length)."""
        rows = np.vstack([self.table, stationary_law(self.table)])
        beginnings = {beginning for word in self._number for beginning in _prefixes(word)}
        mass = {b: rows @ [float(word.startswith(b)) for word in self._number] for b in beginnings}
        return {b: np.diff(np.log([mass[p] for p in reversed(_prefixes(b))]).T, axis=1) for b in beginnings}


def make_language(*, seed: Seed, words: int = 40, entropy: float = 0.59) -> ToyLanguage:
    """Draw a language of exactly the given entropy in bits per character, so all seeds are equally hard."""
    rng = np.random.default_rng(seed)
    lexicon = _invent(words, rng)
    lengths = np.array([len(word) + 1 for word in lexicon])

    def rate(table: Floats) -> float:
        return entropy_rate(table) / float(stationary_law(table) @ lengths)

    return ToyLanguage(lexicon, draw_table(words, words, entropy, rate, rng))


def _invent(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Return distinct words of one to three syllables."""
    words: set[str] = set()
    while len(words) < count:
        syllables = rng.choice([1, 2, 3], p=[0.25, 0.55, 0.2])
        word = "".join(rng.choice(list(CONSONANTS)) + rng.choice(list(VOWELS)) for _ in range(syllables))
        words.add(word + rng.choice(["", rng.choice(list(CONSONANTS))]))
    return tuple(rng.permutation(sorted(words)).tolist())


def _pieces(text: str) -> list[str]:
    """Split after every space: "ba do" is "ba " and "do"."""
    *whole, last = text.split(SPACE)
    return [*(word + SPACE for word in whole), last]


def _prefixes(piece: str) -> list[str]:
    """Return every beginning of a piece, the longest first, the empty one last."""
    return [piece[:end] for end in range(len(piece), -1, -1)]
