"""Six tools that work on whole arrays at once: no Python loop touches an element.

Shapes are written at the end of lines. `...` stands for any leading axes, also for none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def distances(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> Floats:
    """Return the Euclidean distance between each row of a and each row of b.

    Args:
        a: (n, d), any real dtype, also uint8 as pictures have it.
        b: (m, d), any real dtype.

    Returns:
        (n, m), float64; exact to nine digits of the coordinates, however far from zero they lie.
    """
    raise NotImplementedError("subtract with an axis of length 1 in each, square, sum over the coordinates, take the root")


def pool(vectors: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean of the vectors that count: how sentences of different lengths become one vector each.

    Args:
        vectors: (..., time, width); where the mask is False there may be anything, NaN and infinity too.
        mask: (..., time), boolean, True where a vector counts.

    Returns:
        (..., width); zeros where no vector counts.
    """
    raise NotImplementedError("choose with where, sum over time, divide by how many count")


def window_ranges(values: Floats, width: int) -> Floats:
    """Return the largest minus the smallest value of each window of neighbours.

    Args:
        values: (n,).
        width: Length of a window, 1 to n.

    Returns:
        (n - width + 1,). Takes no more than a few times the memory of values, whatever the width.
    """
    raise NotImplementedError("look at the values through a view of shape (n - width + 1, width), by strides")


def patches(images: Floats, size: int) -> Floats:
    """Return images cut into squares, each square laid out as a row: the tokens of a vision transformer.

    Args:
        images: (batch, height, width).
        size: Side of a square; divides height and width.

    Returns:
        (batch, squares, size * size): squares from left to right and then from top to
        bottom, and so the pixels of each square.
    """
    raise NotImplementedError("give each axis two: which square, and where in it; bring the squares' axes first")


def scores(queries: Floats, forms: Floats, keys: Floats) -> Floats:
    """Return q · form · k for each query and key of a text, under each of several bilinear forms.

    Args:
        queries: (batch, n, d).
        forms: (heads, d, e).
        keys: (batch, m, e).

    Returns:
        (batch, heads, n, m).
    """
    raise NotImplementedError("one einsum, or two matrix products with an axis of length 1 where heads or batch are missing")


def count_tokens(tokens: Integers, vocabulary: int) -> Integers:
    """Return how often each token occurs in each text: its bag of words.

    Args:
        tokens: (batch, time), from 0 to vocabulary - 1; -1 where a text has ended.
        vocabulary: Number of tokens.

    Returns:
        (batch, vocabulary), int64; -1 is not counted.
    """
    raise NotImplementedError("np.add.at counts a repeated place again, counts[...] += 1 does not; or bincount with offsets")
