"""Melodies that keep five rules of counterpoint, drawn from a law whose every probability is exact.

A melody is a row of MIDI pitches of equal length, within two octaves of a major scale. Its
probability is proportional to the product of a weight per interval, over all melodies that
keep the rules; sums over completions (backward messages) make each next note's law exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.sources.markov import bits_of

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed

MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)
DEGREES: Final = 15
"""Two octaves of the scale, both ends included."""
MIDDLE_C: Final = 60
LARGEST: Final = 4
"""Widest interval in degrees of the scale: a fifth."""
LEAP: Final = 3
"""From this many degrees on, the next note must step back by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violations:
    """How often each melody breaks each rule; every field is (n,) and 0 where it is kept."""

    tonic: Ints
    """First and last note are the tonic, in any octave."""
    scale: Ints
    """Notes are of the scale and within the two octaves."""
    leap: Ints
    """No interval is wider than a fifth. Notes outside the scale count for the degree below."""
    recovery: Ints
    """After a fourth or a fifth, the next note is one step in the other direction."""
    repeat: Ints
    """No note sounds three times in a row."""

    @property
    def total(self) -> Ints:
        """(n,) violations of any rule."""
        total: Ints = self.tonic + self.scale + self.leap + self.recovery + self.repeat
        return total


@dataclass(frozen=True)
class Melodies:
    """The source of melodies of `length` >= 3 notes in the major key of pitch class `key`."""

    length: int = 32
    key: int = 0
    """0 is C, 11 is B."""

    @property
    def pitches(self) -> Ints:
        """(15,) MIDI pitches of the scale, ascending from the tonic."""
        degree = np.arange(DEGREES)
        pitches: Ints = MIDDLE_C + self.key + 12 * (degree // 7) + np.array(MAJOR)[degree % 7]
        return pitches

    def sample(self, count: int, seed: Seed) -> Ints:
        """Return (count, length) MIDI pitches; every melody keeps every rule."""
        rng = np.random.default_rng(seed)
        notes = np.empty((count, self.length), np.int64)
        first = rng.choice(DEGREES**2, p=self._opening.ravel(), size=count)
        notes[:, 0], notes[:, 1] = first // DEGREES, first % DEGREES
        for place in range(2, self.length):
            rising = self._next[place][notes[:, place - 2], notes[:, place - 1]].cumsum(axis=1)[:, :-1]
            notes[:, place] = (rng.random((count, 1)) >= rising).sum(axis=1)
        return self.pitches[notes]

    def log_probs(self, melodies: Ints) -> Floats:
        """Return ln p(note | notes before it) in nats, (n, length); -inf where no rightful melody goes."""
        notes = np.searchsorted(self.pitches, melodies).clip(0, DEGREES - 1)
        law = np.empty(melodies.shape)
        first = self._opening.sum(axis=1)
        law[:, 0] = first[notes[:, 0]]
        law[:, 1] = _divide(self._opening, first[:, None])[notes[:, 0], notes[:, 1]]
        for place in range(2, self.length):
            law[:, place] = self._next[place][notes[:, place - 2], notes[:, place - 1], notes[:, place]]
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(np.where(self.pitches[notes] == melodies, law, 0))
        return logs

    @property
    def entropy(self) -> float:
        """Bits per melody."""
        joint = self._opening
        bits = bits_of(joint)
        for place in range(2, self.length):
            triple = joint[:, :, None] * self._next[place]
            bits += bits_of(triple) - bits_of(joint)
            joint = triple.sum(axis=0)
        return bits

    @cached_property
    def _completions(self) -> list[Floats]:
        """Summed weight of all that may follow notes (a, b) at places (t - 1, t), for each t."""
        ends = np.isin(np.arange(DEGREES), range(0, DEGREES, 7))
        messages: list[Floats] = [np.tile(ends.astype(np.float64), (DEGREES, 1))]
        for _ in range(self.length - 2):
            messages.append(np.einsum("abc,bc->ab", _WEIGHTS, messages[-1]))
            messages[-1] /= messages[-1].max()  # only ratios count; the sums would overflow
        return [messages[0], *reversed(messages)]

    @cached_property
    def _opening(self) -> Floats:
        """p(first two notes), (15, 15)."""
        starts = np.isin(np.arange(DEGREES), range(0, DEGREES, 7))
        weights = starts[:, None] * _INTERVALS * self._completions[1]
        joint: Floats = weights / weights.sum()
        return joint

    @cached_property
    def _next(self) -> list[Floats]:
        """p(note at t | the two before it), (15, 15, 15), for each t; the first two are unused."""
        joint = [_WEIGHTS * message for message in self._completions]
        return [_divide(weights, weights.sum(axis=2, keepdims=True)) for weights in joint]


def violations(melodies: Ints, *, key: int = 0) -> Violations:
    """Count what MIDI pitches (n, length), length >= 3, break of the rules in the major key `key`."""
    pitches = Melodies(key=key).pitches
    notes = np.searchsorted(pitches, melodies, side="right") - 1
    interval = np.diff(notes, axis=1)
    before, after = interval[:, :-1], interval[:, 1:]
    ends = (melodies[:, [0, -1]] - key) % 12
    return Violations(
        tonic=(ends != 0).sum(axis=1),
        scale=(~np.isin(melodies, pitches)).sum(axis=1),
        leap=(np.abs(interval) > LARGEST).sum(axis=1),
        recovery=((np.abs(before) >= LEAP) & (after != -np.sign(before))).sum(axis=1),
        repeat=((before == 0) & (after == 0) & (np.diff(melodies, 2) == 0)).sum(axis=1),
    )


def _intervals() -> Floats:
    """Return the weight of each interval, (15, 15): near notes are likelier, wide leaps impossible."""
    wide = np.abs(np.subtract.outer(np.arange(DEGREES), np.arange(DEGREES)))
    weights: Floats = np.where(wide > LARGEST, 0.0, np.exp(-wide / 1.5))
    weights[wide == 0] = 0.3
    return weights


def _weights() -> Floats:
    """Return the weight of note c after (a, b), (15, 15, 15): 0 where a rule would be broken."""
    a, b, c = np.ogrid[:DEGREES, :DEGREES, :DEGREES]
    recovered = (np.abs(b - a) < LEAP) | (c - b == -np.sign(b - a))
    repeated = (a == b) & (b == c)
    weights: Floats = _INTERVALS[:, :, None].astype(bool) * _INTERVALS * recovered * ~repeated
    return weights


def _divide(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


_INTERVALS: Final = _intervals()
_WEIGHTS: Final = _weights()
