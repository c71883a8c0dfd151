"""Euclidean distances between many points, in blocks, with exact values where they are reported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats

_BLOCK: Final = 4_000_000
"""Distances held at a time: 32 MiB."""


class Nearest(NamedTuple):
    """The nearest points of each query, nearest first."""

    distances: Floats
    """(n, k), Euclidean; computed from differences, so a copy is at exactly 0."""
    indices: npt.NDArray[np.intp]
    """(n, k), rows of the points searched."""


def nearest(
    points: Floats, among: Floats, k: int = 1, *, leave_out: npt.NDArray[np.intp] | None = None
) -> Nearest:
    """Return the k nearest rows of `among` for each of `points`.

    Args:
        points: (n, d).
        among: (m, d), m more than k.
        k: neighbours wanted.
        leave_out: (n,) one row of `among` per point that does not count, such as the point itself.
    """
    if len(among) < k + (leave_out is not None):
        raise ValueError(f"points are too few: {len(among)}, needed more than {k} to find {k} neighbour(s)")
    found = np.empty((len(points), k), dtype=np.intp)
    for rows, squares in squared_distances(points, among):
        if leave_out is not None:
            squares[np.arange(len(squares)), leave_out[rows]] = np.inf
        found[rows] = _smallest(squares, k)
    return _exactly(points, among, found)


def nearest_others(points: Floats, k: int = 1) -> Nearest:
    """Return the k nearest other rows of the same set for each of its rows."""
    return nearest(points, points, k, leave_out=np.arange(len(points)))


def squared_distances(points: Floats, among: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield blocks of rows with their squared distances (rows, m); off by rounding, never negative.

    |x - y|^2 is expanded for speed; both sets are centred first, since rounding grows with the offset.
    """
    centre = among.mean(axis=0)
    targets = among - centre
    target_squares = np.einsum("ij,ij->i", targets, targets)
    step = max(1, _BLOCK // len(among))
    for start in range(0, len(points), step):
        block = points[start : start + step] - centre
        squares = -2 * block @ targets.T
        squares += target_squares
        squares += np.einsum("ij,ij->i", block, block)[:, None]
        yield slice(start, start + len(block)), np.maximum(squares, 0.0, out=squares)


def _smallest(squares: Floats, k: int) -> npt.NDArray[np.intp]:
    if k == 1:
        return np.asarray(squares.argmin(axis=1)[:, None], dtype=np.intp)
    return np.asarray(np.argpartition(squares, k - 1, axis=1)[:, :k], dtype=np.intp)


def _exactly(points: Floats, among: Floats, found: npt.NDArray[np.intp]) -> Nearest:
    distances = np.stack(
        [np.linalg.norm(points - among[found[:, column]], axis=1) for column in range(found.shape[1])], axis=1
    )
    order = np.argsort(distances, axis=1, kind="stable")
    return Nearest(np.take_along_axis(distances, order, axis=1), np.take_along_axis(found, order, axis=1))
