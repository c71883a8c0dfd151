"""The copy task: random symbols, a separator, the same symbols again. Only attention or memory solves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTask:
    """Sequences of `length` uniform symbols, the separator `symbols`, and the same again."""

    symbols: int = 16
    length: int = 16

    @property
    def vocabulary(self) -> int:
        """Number of distinct tokens: the symbols and the separator."""
        return self.symbols + 1

    def sample(self, count: int, seed: Seed) -> Ints:
        """Return (count, 2 length + 1) tokens, the separator in the middle column."""
        rng = np.random.default_rng(seed)
        half = rng.integers(self.symbols, size=(count, self.length))
        return np.concatenate([half, np.full((count, 1), self.symbols), half], axis=1)

    def oracle_bits(self) -> Floats:
        """Return (2 length + 1,) bits of each token given those before it: log2 symbols, then 0."""
        bits = np.zeros(2 * self.length + 1)
        bits[: self.length] = np.log2(self.symbols)
        return bits
