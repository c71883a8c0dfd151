"""Public checks: learners may read them and run them with `roadmark check`."""

from collections import Counter

import numpy as np
from scipy.spatial.distance import cdist

from harness.grading import assert_close, check, wrong


@check(points=3, hint="a[:, None] - b[None] has shape (n, m, d): an axis of length 1 is stretched")
def test_measures_all_distances(tools, sizes, rng):
    """distances(a, b) has the distance between each row of a and each row of b"""
    for _ in range(3):
        n, m, d = sizes(3)
        a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d))
        b[0] = a[-1]
        assert_close(tools.distances(a, b), cdist(a, b), rtol=1e-6, atol=1e-6, what="distances(a, b)")


@check(points=3, hint="divide by the number of vectors that count, not by the length")
def test_pools_what_counts(tools, sizes, rng):
    """pool(vectors, mask) is the mean of the vectors that count"""
    batch, time, width = sizes(3)
    vectors, mask = rng.normal(size=(batch, time, width)), rng.random((batch, time)) < 0.5
    mask[:, 0], mask[:, 1] = True, False
    means = np.stack([text[kept].mean(axis=0) for text, kept in zip(vectors, mask, strict=True)])
    assert_close(tools.pool(vectors, mask), means, what="pool(vectors, mask)")


@check(
    points=3,
    hint="numpy.lib.stride_tricks.sliding_window_view, then the largest and the smallest of each row",
)
def test_finds_the_range_of_each_window(tools, rng):
    """window_ranges(values, width) is the largest minus the smallest value of each window"""
    values = rng.normal(size=int(rng.integers(20, 30))) + rng.choice([-5.0, 5.0])
    for width in (1, int(rng.integers(2, 6)), int(rng.integers(7, 12)), len(values)):
        windows = [values[start : start + width] for start in range(len(values) - width + 1)]
        truth = [max(window) - min(window) for window in windows]
        assert_close(tools.window_ranges(values, width), truth, what=f"window_ranges(values, {width})")


@check(
    points=3,
    hint="reshape to (batch, rows, size, columns, size); then the two axes of a square must stand last",
)
def test_cuts_images_into_patches(tools, rng):
    """patches(images, size) has the squares in reading order, and so their pixels"""
    for size in (2, 3):
        rows, columns = (int(count) for count in rng.permutation([2, 3, 4])[:2])
        images = rng.normal(size=(5, rows * size, columns * size))
        corners = [(top * size, left * size) for top in range(rows) for left in range(columns)]
        cut = [images[:, top : top + size, left : left + size].reshape(5, -1) for top, left in corners]
        assert_close(tools.patches(images, size), np.stack(cut, axis=1), what=f"patches(images, {size})")


@check(points=3, hint="name each axis in einsum; what is missing from the answer's letters is summed over")
def test_scores_each_pair(tools, sizes, rng):
    """scores(queries, forms, keys) is q · form · k for each query and key, text and head"""
    batch, heads, n, m, d, e = sizes(6)
    queries, forms, keys = (rng.normal(size=size) for size in ((batch, n, d), (heads, d, e), (batch, m, e)))
    truth = np.empty((batch, heads, n, m))
    for b, h in np.ndindex(batch, heads):
        truth[b, h] = queries[b] @ forms[h] @ keys[b].T
    assert_close(tools.scores(queries, forms, keys), truth, what="scores(queries, forms, keys)")


@check(
    points=3, hint="counts[rows, tokens] += 1 adds 1 once where a place repeats: np.add.at, or np.bincount"
)
def test_counts_tokens(tools, sizes, rng):
    """count_tokens(tokens, vocabulary) counts each token as often as it occurs"""
    batch, vocabulary = sizes(2)
    tokens = rng.integers(vocabulary, size=(batch, 40))
    tokens[:, -3:] = tokens[:, :1]
    assert_close(tools.count_tokens(tokens, vocabulary), counted(tokens, vocabulary), what="count_tokens(…)")


def counted(tokens, vocabulary):
    """Return how often each token occurs in each text, by `Counter`."""
    counters = [Counter(text) for text in tokens.tolist()]
    return [[counter[token] for token in range(vocabulary)] for counter in counters]


@check(
    points=4,
    needs=[
        test_measures_all_distances,
        test_pools_what_counts,
        test_finds_the_range_of_each_window,
        test_cuts_images_into_patches,
        test_scores_each_pair,
        test_counts_tokens,
    ],
    hint="give the array an axis for what the loop runs over, and let NumPy run over it",
)
def test_has_no_loop(loops):
    """There is no Python loop, neither open nor in disguise"""
    if loops:
        wrong("\n".join(loops[:5]), reason="forbidden")
