"""Short films of one shape that moves evenly and bounces, so every later frame follows from two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from harness.sources.sprites import CENTRE, SIDE, Factors, Images, draw_factors, render

if TYPE_CHECKING:
    from harness.sources import Floats, Seed

SPEED: Final = (0.4, 1.0)
"""Pixels per frame, uniform, in a uniform direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Films of sprites and what moves in them."""

    frames: Images
    """(n, length, 12, 12) in [0, 1], multiples of 1/16."""
    start: Factors
    """(n,) factors at frame 0; only x and y change later."""
    velocity: Floats
    """(n, 2) pixels per frame, right and down, at frame 0."""


def make_clips(count: int, *, length: int = 12, seed: Seed) -> Clips:
    """Draw `count` films of `length` frames."""
    rng = np.random.default_rng(seed)
    start = draw_factors(count, rng)
    speed, direction = rng.uniform(*SPEED, size=count), rng.uniform(0, 2 * np.pi, size=count)
    velocity = np.stack([speed * np.cos(direction), speed * np.sin(direction)], axis=1)
    return Clips(frames=film(start, velocity, length), start=start, velocity=velocity)


def film(start: Factors, velocity: Floats, length: int) -> Images:
    """Return frames (n, length, 12, 12) of shapes that leave `start` with `velocity` (n, 2)."""
    every = np.repeat(np.arange(len(start)), length)  # film by film
    path = positions(start, velocity, length).reshape(-1, 2)
    moved = replace(start[every], x=path[:, 0], y=path[:, 1])
    return render(moved).reshape(len(start), length, SIDE, SIDE)


def positions(start: Factors, velocity: Floats, length: int) -> Floats:
    """Return the centre (n, length, 2) in pixels, x and y, in every frame.

    A centre that would leave CENTRE is mirrored back, which is the triangle wave of its
    distance travelled.
    """
    low, high = CENTRE
    first = np.stack([start.x, start.y], axis=1)[:, None, :]
    travelled = first + velocity[:, None, :] * np.arange(length)[:, None] - low
    span = high - low
    mirrored: Floats = span - np.abs(travelled % (2 * span) - span)
    return low + mirrored
