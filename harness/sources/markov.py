"""Order-k Markov chains over a small alphabet: text whose entropy rate is known exactly."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.sources import Floats, Ints, Seed

FLOOR: Final = 0.02
"""Share of every row of a drawn table that is uniform: the chain mixes, and no text is impossible."""


@dataclass(frozen=True)
class MarkovChain:
    """A stationary source in which each symbol depends on the `order` symbols before it.

    A context is the number that its symbols spell in base `symbols`, the oldest first.
    """

    table: Floats
    """(symbols ** order, symbols): probability of the next symbol, rows summing to 1."""
    alphabet: str
    """One distinct character for each symbol."""

    def __post_init__(self) -> None:
        contexts, symbols = self.table.shape
        if len(set(self.alphabet)) != symbols or len(self.alphabet) != symbols:
            raise ValueError(f"the alphabet {self.alphabet!r} does not name {symbols} symbols")
        if symbols < 2 or symbols**self.order != contexts:
            raise ValueError(f"{contexts} contexts are no power of {symbols} symbols")
        if not (self.table.min() >= 0 and np.allclose(self.table.sum(axis=1), 1, rtol=0, atol=1e-9)):
            raise ValueError("the rows of the table are no probabilities")

    @cached_property
    def order(self) -> int:
        """How many earlier symbols decide the law of the next."""
        contexts, symbols = self.table.shape
        return round(math.log(contexts, symbols))

    @cached_property
    def stationary(self) -> Floats:
        """(symbols ** order,) probability of each context in a long text."""
        return stationary_law(self.table)

    @cached_property
    def entropy_rate(self) -> float:
        """Bits per symbol that no predictor can go below on average."""
        return entropy_rate(self.table, self.stationary)

    def conditional_entropy(self, known: int) -> float:
        """Bits per symbol of the best predictor that sees `known` <= order symbols back.

        0 is the unigram model, 1 the bigram model, `order` the entropy rate itself.
        """
        joint = self.stationary[:, None] * self.table  # (contexts, symbols)
        recent = joint.reshape(-1, len(self.alphabet) ** known, len(self.alphabet)).sum(axis=0)
        return bits_of(recent) - bits_of(recent.sum(axis=1))

    def sample(self, length: int, seed: Seed) -> Ints:
        """Return (length,) symbols of one stationary text; a million take about half a second."""
        return walk(self.table, self.stationary, length, seed)

    def sample_many(self, texts: int, length: int, seed: Seed) -> Ints:
        """Return (texts, length) symbols of independent stationary texts, drawn side by side."""
        rng = np.random.default_rng(seed)
        contexts, symbols = self.table.shape
        context = rng.choice(contexts, p=self.stationary, size=texts)
        text = np.empty((texts, max(length, self.order)), np.int64)
        text[:, : self.order] = np.stack(np.unravel_index(context, (symbols,) * self.order), axis=1)
        rising = self.table.cumsum(axis=1)[:, :-1]
        for place in range(self.order, length):
            symbol = (rng.random((texts, 1)) >= rising[context]).sum(axis=1)
            context = (context * symbols + symbol) % contexts
            text[:, place] = symbol
        return text[:, :length]

    def log_probs(self, text: Ints) -> Floats:
        """Return ln p(symbol | all symbols before it) in nats, shaped like `text` (..., length).

        The first `order` symbols follow the stationary law, as they do in `sample`, so the sum
        over a text is its exact log-probability.
        """
        law = np.take_along_axis(self.next_probs(text), text[..., None], axis=-1)[..., 0]
        with np.errstate(divide="ignore"):  # a table from elsewhere may hold zeros
            log_law: Floats = np.log(law)
        return log_law

    def next_probs(self, text: Ints) -> Floats:
        """Return the oracle's prediction of each symbol, (..., length, symbols), from those before it."""
        symbols = len(self.alphabet)
        if text.size and not (text.min() >= 0 and text.max() < symbols):
            raise ValueError(f"symbols {text.min()} to {text.max()} are not within 0 to {symbols - 1}")
        law = np.empty((*text.shape, symbols))
        for place in range(min(self.order, text.shape[-1])):
            law[..., place, :] = self._opening(place)[_contexts(text[..., :place], place, symbols)[..., 0]]
        law[..., self.order :, :] = self.table[_contexts(text, self.order, symbols)[..., :-1]]
        return law

    def _opening(self, place: int) -> Floats:
        """Return p(symbol at `place` < order | those before it), (symbols ** place, symbols)."""
        symbols = len(self.alphabet)
        joint = self.stationary.reshape(symbols ** (place + 1), -1).sum(axis=1).reshape(-1, symbols)
        law: Floats = joint / joint.sum(axis=1, keepdims=True)
        return law

    def encode(self, text: str) -> Ints:
        """Return the symbols (length,) of a text; ValueError names a character outside the alphabet."""
        foreign = set(text) - set(self.alphabet)
        if foreign:
            raise ValueError(f"{min(foreign)!r} is not in the alphabet {self.alphabet!r}")
        return np.array([self.alphabet.index(character) for character in text], np.int64)

    def decode(self, symbols: Ints) -> str:
        """Return symbols (length,) as text."""
        return "".join(np.array(list(self.alphabet))[symbols])


def make_chain(
    *, seed: Seed, order: int = 2, alphabet: str = "abcdefgh", entropy: float = 1.8
) -> MarkovChain:
    """Draw a chain of exactly the given entropy rate in bits per symbol, so all seeds are equally hard.

    With the defaults a unigram model is at 2.87 to 3.00 bits, a bigram model at 2.60 to 2.90.
    """
    table = draw_table(len(alphabet) ** order, len(alphabet), entropy, entropy_rate, seed)
    return MarkovChain(table=table, alphabet=alphabet)


def draw_table(
    contexts: int, symbols: int, target: float, rate: Callable[[Floats], float], seed: Seed
) -> Floats:
    """Return a random table (contexts, symbols) for which `rate` is `target`.

    Each row holds the same probabilities in an order of its own, so no context is a dead end
    and every seed has about the same structure. They are a floored softmax of normal quantiles,
    sharpened by bisection; `rate` must fall as they sharpen.

    Raises:
        ValueError: no sharpness reaches the target.
    """
    quantiles = [NormalDist().inv_cdf((rank + 0.5) / symbols) for rank in range(symbols)]
    rows = np.tile(quantiles, (contexts, 1))
    logits: Floats = np.random.default_rng(seed).permuted(rows, axis=1)
    low, high = 0.0, 64.0
    if not rate(_floored_softmax(high * logits)) < target < rate(_floored_softmax(low * logits)):
        raise ValueError(f"no table of {contexts} x {symbols} has an entropy of {target:.4g} bits")
    for _ in range(60):  # halvings; further ones are below rounding
        middle = (low + high) / 2
        blunt = rate(_floored_softmax(middle * logits)) > target
        low, high = (middle, high) if blunt else (low, middle)
    return _floored_softmax(high * logits)


def walk(table: Floats, start: Floats, length: int, seed: Seed) -> Ints:
    """Return (length,) symbols of one text.

    Args:
        table: (contexts, symbols) as in `MarkovChain`.
        start: (contexts,) law of the context that the first symbols spell.
    """
    rng = np.random.default_rng(seed)
    contexts, symbols = table.shape
    context = int(rng.choice(contexts, p=start))
    order = round(math.log(contexts, symbols))
    text = [int(symbol) for symbol in np.unravel_index(context, (symbols,) * order)]
    rising = [row[:-1] for row in table.cumsum(axis=1).tolist()]  # the last bound is 1
    for draw in rng.random(max(length - order, 0)).tolist():
        symbol = bisect_right(rising[context], draw)
        context = (context * symbols + symbol) % contexts
        text.append(symbol)
    return np.array(text[:length], np.int64)


def stationary_law(table: Floats) -> Floats:
    """Return (contexts,) the long-run probability of each context, by power iteration.

    Raises:
        ValueError: the chain does not settle, as where it is periodic.
    """
    contexts, symbols = table.shape
    law: Floats = np.full(contexts, 1 / contexts)
    for _ in range(20_000):
        flow = (law[:, None] * table).reshape(symbols, contexts // symbols, symbols)
        before, law = law, flow.sum(axis=0).ravel()  # the oldest symbol of each context is forgotten
        if np.abs(law - before).sum() < 1e-14:
            return law
    raise ValueError("the chain does not settle into a stationary law")


def entropy_rate(table: Floats, stationary: Floats | None = None) -> float:
    """Return bits per symbol: the entropy of each row, weighted by its stationary probability.

    T. Cover, J. Thomas, "Elements of Information Theory", theorem 4.2.4.
    """
    law = stationary_law(table) if stationary is None else stationary
    return bits_of(law[:, None] * table) - bits_of(law)


def bits_of(joint: Floats) -> float:
    """Return the entropy in bits of a law given as an array of any shape."""
    positive = joint[joint > 0]
    return float(-(positive * np.log2(positive)).sum())


def _floored_softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    table: Floats = (1 - FLOOR) * shares + FLOOR / logits.shape[1]
    return table


def _contexts(text: Ints, order: int, symbols: int) -> Ints:
    """Return the context of every run of `order` symbols, (..., length - order + 1)."""
    count = text.shape[-1] - order + 1
    number = np.zeros((*text.shape[:-1], max(count, 0)), np.int64)
    for offset in range(order):
        number = number * symbols + text[..., offset : offset + count]
    return number
