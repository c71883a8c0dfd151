"""Hidden Markov models: the forward algorithm is the oracle of what can be predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.sources.markov import bits_of, stationary_law

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed


@dataclass(frozen=True, slots=True)
class HMM:
    """A Markov chain of hidden states, started in its stationary law, each emitting one symbol."""

    transition: Floats
    """(states, states): row is the state now, column the next; rows sum to 1."""
    emission: Floats
    """(states, symbols): rows sum to 1."""

    @property
    def initial(self) -> Floats:
        """(states,) law of the first state: the stationary one."""
        return stationary_law(self.transition)

    def sample(self, texts: int, length: int, seed: Seed) -> Ints:
        """Return (texts, length) symbols of independent texts, drawn side by side."""
        rng = np.random.default_rng(seed)
        state = _draw(np.tile(self.initial, (texts, 1)), rng)
        text = np.empty((texts, length), np.int64)
        for place in range(length):
            text[:, place] = _draw(self.emission[state], rng)
            state = _draw(self.transition[state], rng)
        return text

    def log_probs(self, text: Ints) -> Floats:
        """Return ln p(symbol | all symbols before it) in nats, shaped like `text` (texts, length).

        The normalisers of the forward algorithm (L. Rabiner, Proc. IEEE 77 (1989), section III.A).
        """
        law = np.empty(text.shape)
        belief = np.tile(self.initial, (len(text), 1))  # (texts, states): p(state | symbols before)
        likelihood = np.ascontiguousarray(self.emission.T)  # (symbols, states)
        for place in range(text.shape[1]):
            joint = belief * likelihood[text[:, place]]
            law[:, place] = joint.sum(axis=1)
            belief = (joint / law[:, place, None]) @ self.transition
        logs: Floats = np.log(law)
        return logs

    def entropy_rate(self, *, seed: Seed, texts: int = 200, length: int = 1_000) -> tuple[float, float]:
        """Return an estimate of the entropy rate in bits per symbol and its standard error.

        The mean surprise under the oracle over the second half of independent texts, where the
        start is forgotten. No closed form exists; `entropy_bounds` encloses it.
        """
        logs = self.log_probs(self.sample(texts, length, seed))[:, length // 2 :]
        bits = -logs.mean(axis=1) / np.log(2)  # (texts,), independent
        return float(bits.mean()), float(bits.std(ddof=1) / np.sqrt(texts))

    def entropy_bounds(self, length: int) -> tuple[float, float]:
        """Return exact lower and upper bounds of the entropy rate, in bits, by enumerating all texts.

        H(X_n | X_1..n-1, S_1) <= H <= H(X_n | X_1..n-1) for n = `length`; both tighten as it grows
        (T. Cover, J. Thomas, "Elements of Information Theory", theorem 4.5.1).
        """
        short, long = (self._joint(length - 1), self._joint(length))
        lower = bits_of(long) - bits_of(short)  # the first state is known
        upper = bits_of(long.sum(axis=0)) - bits_of(short.sum(axis=0))
        return lower, upper

    def _joint(self, length: int) -> Floats:
        """Return p(first state, text), (states, symbols ** length)."""
        states = len(self.transition)
        paths = np.diag(self.initial)[:, None, :]  # (first state, texts, state now)
        for _ in range(length):
            emitted = paths[:, :, None, :] * self.emission.T  # (first, texts, symbols, states)
            paths = emitted.reshape(states, -1, states) @ self.transition
        joint: Floats = paths.sum(axis=2)
        return joint


def make_hmm(*, seed: Seed, states: int = 6, symbols: int = 12, advance: float = 0.9) -> HMM:
    """Draw a model whose states follow in a ring and emit overlapping symbols, so a long memory pays.

    With the defaults the best bigram, trigram and 4-gram models are near 3.17, 3.01 and 2.94 bits
    per symbol and the oracle near 2.87, whatever the seed.

    Args:
        advance: probability of going to the next state, before a small share of chance.
    """
    rng = np.random.default_rng(seed)
    ring = np.roll(np.eye(states), 1, axis=1)
    transition = advance * ring + (1 - advance) * rng.dirichlet(np.ones(states), size=states)
    profile = 0.6 ** np.arange(symbols)  # the same in every state, each in an order of its own
    emission = rng.permuted(np.tile(profile / profile.sum(), (states, 1)), axis=1)
    return HMM(transition, 0.98 * emission + 0.02 / symbols)


def _draw(rows: Floats, rng: np.random.Generator) -> Ints:
    """Return one index (n,) from each row (n, choices) of probabilities."""
    rising = rows.cumsum(axis=1)[:, :-1]
    drawn: Ints = (rng.random((len(rows), 1)) >= rising).sum(axis=1)
    return drawn
