"""Little images with continuous factors, for these tests only: 12 by 12, 17 grey levels, 0 to 1."""

from __future__ import annotations

import numpy as np

SIDE = 12
LEVELS = 17


def on_grid(images):
    """Put images on the grey levels of the data."""
    return np.clip(np.rint(np.asarray(images) * (LEVELS - 1)), 0, LEVELS - 1) / (LEVELS - 1)


def draw(count, seed):
    """Return (count, 12, 12): discs, squares, crosses and rings with soft edges, anywhere, of any size and grey."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    down, right = rng.uniform(3, 8, (2, count, 1, 1))
    size, grey = rng.uniform(1.5, 3.5, (count, 1, 1)), rng.uniform(0.4, 1.0, (count, 1, 1))
    y, x = rows - down, columns - right
    disc = np.hypot(y, x)
    square = np.maximum(np.abs(y), np.abs(x)) + 0.3
    cross = np.minimum(np.abs(y), np.abs(x)) * 2 + 0.25 * disc
    ring = np.abs(disc - size) * 2
    kind = rng.integers(4, size=count)
    distance = np.choose(kind[:, None, None], [disc, square, cross, ring + size / 2])
    return on_grid(grey / (1 + np.exp(2 * (distance - size))))


class RandomFeatures:
    """An untrained encoder: a random projection and ReLU, 24 features; good enough to tell shapes apart."""

    def __init__(self, seed, width=24):
        rng = np.random.default_rng(seed)
        self.weights = rng.standard_normal((SIDE * SIDE, width)) / SIDE
        self.shift = rng.standard_normal(width) / 4

    def __call__(self, images):
        flat = np.asarray(images).reshape(len(images), -1)
        return np.maximum(flat @ self.weights + self.shift, 0)
