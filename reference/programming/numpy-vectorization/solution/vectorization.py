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
    ### BEGIN SOLUTION subtract with an axis of length 1 in each, square, sum over the coordinates, take the root
    difference = a[:, None].astype(np.float64) - b[None]  # (n, m, d)
    return np.sqrt(np.einsum("nmd,nmd->nm", difference, difference))
    ### END SOLUTION


def pool(vectors: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """Return the mean of the vectors that count: how sentences of different lengths become one vector each.

    Args:
        vectors: (..., time, width); where the mask is False there may be anything, NaN and infinity too.
        mask: (..., time), boolean, True where a vector counts.

    Returns:
        (..., width); zeros where no vector counts.
    """
    ### BEGIN SOLUTION choose with where, sum over time, divide by how many count
    kept = np.where(mask[..., None], vectors, 0.0)  # (..., time, width)
    count = mask.sum(axis=-1)[..., None]  # (..., 1)
    return kept.sum(axis=-2) / np.maximum(count, 1)
    ### END SOLUTION


def window_ranges(values: Floats, width: int) -> Floats:
    """Return the largest minus the smallest value of each window of neighbours.

    Args:
        values: (n,).
        width: Length of a window, 1 to n.

    Returns:
        (n - width + 1,). Takes no more than a few times the memory of values, whatever the width.
    """
    ### BEGIN SOLUTION look at the values through a view of shape (n - width + 1, width), by strides
    windows = np.lib.stride_tricks.sliding_window_view(values, width)  # (n - width + 1, width), a view
    return windows.max(axis=-1) - windows.min(axis=-1)
    ### END SOLUTION


def patches(images: Floats, size: int) -> Floats:
    """Return images cut into squares, each square laid out as a row: the tokens of a vision transformer.

    Args:
        images: (batch, height, width).
        size: Side of a square; divides height and width.

    Returns:
        (batch, squares, size * size): squares from left to right and then from top to
        bottom, and so the pixels of each square.
    """
    ### BEGIN SOLUTION give each axis two: which square, and where in it; bring the squares' axes first
    batch, height, width = images.shape
    rows, columns = height // size, width // size
    cut = images.reshape(batch, rows, size, columns, size)
    return cut.transpose(0, 1, 3, 2, 4).reshape(batch, rows * columns, size * size)
    ### END SOLUTION


def scores(queries: Floats, forms: Floats, keys: Floats) -> Floats:
    """Return q · form · k for each query and key of a text, under each of several bilinear forms.

    Args:
        queries: (batch, n, d).
        forms: (heads, d, e).
        keys: (batch, m, e).

    Returns:
        (batch, heads, n, m).
    """
    ### BEGIN SOLUTION one einsum, or two matrix products with an axis of length 1 where heads or batch are missing
    turned = np.einsum("bnd,hde->bhne", queries, forms)  # (batch, heads, n, e)
    return np.einsum("bhne,bme->bhnm", turned, keys)
    ### END SOLUTION


def count_tokens(tokens: Integers, vocabulary: int) -> Integers:
    """Return how often each token occurs in each text: its bag of words.

    Args:
        tokens: (batch, time), from 0 to vocabulary - 1; -1 where a text has ended.
        vocabulary: Number of tokens.

    Returns:
        (batch, vocabulary), int64; -1 is not counted.
    """
    ### BEGIN SOLUTION np.add.at counts a repeated place again, counts[...] += 1 does not; or bincount with offsets
    counts = np.zeros((len(tokens), vocabulary), dtype=np.int64)
    text, place = np.nonzero(tokens >= 0)  # (counted,) each
    np.add.at(counts, (text, tokens[text, place]), 1)
    return counts
    ### END SOLUTION
