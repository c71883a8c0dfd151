"""A first-order Markov source of text with known probabilities, for these tests only."""

from __future__ import annotations

import numpy as np

SYMBOLS = 8
TRANSITIONS = (
    np.random.default_rng(123).dirichlet(np.full(SYMBOLS, 0.4), size=SYMBOLS) * 0.98 + 0.02 / SYMBOLS
)


def text(length, seed):
    """Return (length,) symbols."""
    draws = np.random.default_rng(seed).random(length)
    bounds = TRANSITIONS.cumsum(axis=1)
    symbols = np.zeros(length, dtype=np.int64)
    for i in range(1, length):
        symbols[i] = min(np.searchsorted(bounds[symbols[i - 1]], draws[i]), SYMBOLS - 1)
    return symbols


def oracle_logits(symbols):
    """Return (length, symbols): the exact log-probabilities of what follows each symbol."""
    return np.log(TRANSITIONS)[symbols]


def entropy_rate():
    """Return bits per symbol."""
    values, vectors = np.linalg.eig(TRANSITIONS.T)
    share = np.real(vectors[:, np.argmax(np.real(values))])
    share /= share.sum()
    return float(-(share[:, None] * TRANSITIONS * np.log2(TRANSITIONS)).sum())
