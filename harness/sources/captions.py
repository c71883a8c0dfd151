"""(sprite, caption) pairs with known attributes, and captions that are wrong in one word.

Attributes keep clear of each other (no sprite is of middling size or brightness, none sits
between two places), so exactly one caption of each wording is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.sources.sprites import (
    BRIGHTNESS,
    CENTRE,
    RADIUS,
    ROUND,
    SHAPES,
    Factors,
    Images,
    draw_factors,
    render,
)

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed

SIZES: Final = ("small", "large")
LIGHTS: Final = ("dim", "bright")
PLACES: Final = (
    "at the top left",
    "at the top",
    "at the top right",
    "on the left",
    "in the middle",
    "on the right",
    "at the bottom left",
    "at the bottom",
    "at the bottom right",
)
ATTRIBUTES: Final = (SHAPES, SIZES, LIGHTS, PLACES)
"""What a caption tells, in the order of the columns of every attribute array."""
WORDINGS: Final = (
    "a {size} {light} {shape} {place}",
    "{place} there is a {light}, {size} {shape}",
    "one {shape}, {size} and {light}, {place}",
)

_TWO: Final = ((0.0, 0.3), (0.7, 1.0))  # shares of a factor's span, with a gap between
_THREE: Final = ((0.0, 0.2), (0.4, 0.6), (0.8, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Sprites, what is said of them, and what would be wrong to say."""

    images: Images
    """(n, 12, 12) in [0, 1], multiples of 1/16."""
    captions: tuple[str, ...]
    negatives: tuple[tuple[str, ...], ...]
    """For each pair the same wording with one attribute changed, in the order of ATTRIBUTES."""
    attributes: Ints
    """(n, 4) index into each of ATTRIBUTES."""


def combinations() -> Ints:
    """Return all attributes that can go together, (216, 4)."""
    sizes = [len(values) for values in ATTRIBUTES]
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def split_combinations(heldout: int, seed: Seed) -> tuple[Ints, Ints]:
    """Return combinations to train on, (216 - heldout, 4), and to test composition on, (heldout, 4)."""
    shuffled = np.random.default_rng(seed).permutation(combinations())
    return shuffled[heldout:], shuffled[:heldout]


def make_pairs(count: int, *, seed: Seed, among: Ints | None = None) -> Pairs:
    """Draw pairs.

    Args:
        among: (k, 4) attributes to draw from uniformly; all combinations where it is None.
    """
    rng = np.random.default_rng(seed)
    choices = combinations() if among is None else among
    attributes = choices[rng.integers(len(choices), size=count)]
    wordings = [WORDINGS[index] for index in rng.integers(len(WORDINGS), size=count)]
    changed = _with_one_changed(attributes, rng)
    return Pairs(
        images=render(_factors(attributes, rng)),
        captions=tuple(map(describe, attributes, wordings)),
        negatives=tuple(
            tuple(describe(row, wording) for row in rows)
            for rows, wording in zip(changed, wordings, strict=True)
        ),
        attributes=attributes,
    )


def describe(attributes: Ints, wording: str = WORDINGS[0]) -> str:
    """Return the caption of one row (4,) of attributes."""
    shape, size, light, place = (
        values[index] for values, index in zip(ATTRIBUTES, attributes.tolist(), strict=True)
    )
    return wording.format(shape=shape, size=size, light=light, place=place)


def _with_one_changed(attributes: Ints, rng: np.random.Generator) -> Ints:
    """Return (n, 4, 4): row k of each has another value of attribute k."""
    sizes = np.array([len(values) for values in ATTRIBUTES])
    others = (attributes + rng.integers(1, sizes, size=attributes.shape)) % sizes
    return np.where(np.eye(len(ATTRIBUTES), dtype=bool), others[:, None, :], attributes[:, None, :])


def _factors(attributes: Ints, rng: np.random.Generator) -> Factors:
    """Return factors that show the attributes (n, 4), drawn uniformly within what each allows."""
    shape, size, light, place = attributes.T
    drawn = draw_factors(len(attributes), rng)
    return Factors(
        shape=shape,
        radius=_within(RADIUS, _TWO, size, rng),
        x=_within(CENTRE, _THREE, place % 3, rng),
        y=_within(CENTRE, _THREE, place // 3, rng),
        angle=np.where(np.isin(shape, ROUND), 0, drawn.angle),
        brightness=_within(BRIGHTNESS, _TWO, light, rng),
    )


def _within(
    span: tuple[float, float],
    parts: tuple[tuple[float, float], ...],
    index: Ints,
    rng: np.random.Generator,
) -> Floats:
    low, high = np.array(parts)[index].T
    share: Floats = rng.uniform(low, high)
    return span[0] + share * (span[1] - span[0])
