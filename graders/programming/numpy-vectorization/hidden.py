"""Hidden checks: learners see their titles, outcomes and hints."""

import math
import time

import numpy as np
from scipy.spatial.distance import cdist

from harness.grading import Measurement, assert_close, check, expect_array, metric

INTEGERS = ("int64", "int32", "uint64", "uint32")
ENOUGH = 8.0
"""More than this counts as this: far below what whole arrays reach, even on a busy machine."""
TRIES = 3
"""Fresh inputs for a task until one is fast enough; the fastest counts."""


@check(
    points=2,
    needs="measures_all_distances",
    hint="|a|² − 2ab + |b|² subtracts large numbers from each other: subtract the coordinates first",
)
def test_distances_are_exact_far_from_zero(tools, sizes, rng):
    """Moving all points far away does not change their distances"""
    n, m, d = sizes(3)
    a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    b[0], b[1] = a[0], a[1] + 1e-3
    shift = rng.choice([-1, 1], size=d) * rng.uniform(1e5, 2e5, size=d)
    a, b = a + shift, b + shift
    answer = tools.distances(a, b)
    assert_close(answer, cdist(a, b), rtol=1e-6, atol=1e-6, what="distances of points far from zero")


@check(
    points=2,
    needs="measures_all_distances",
    hint="uint8 counts from 0 to 255 and then from 0 again: convert before you subtract",
)
def test_distances_of_pictures(tools, sizes, rng):
    """Small integers do not overflow: rows may be pictures of uint8"""
    n, m, d = sizes(3)
    a, b = (rng.integers(0, 256, size=(rows, d + 6), dtype=np.uint8) for rows in (n, m))
    assert_close(
        tools.distances(a, b),
        cdist(a.astype(float), b.astype(float)),
        rtol=1e-6,
        what="distances of uint8 rows",
    )


@check(
    points=2,
    needs="pools_what_counts",
    hint="NaN · 0 is NaN: choose with np.where instead of multiplying; and mind 0 / 0",
)
def test_pool_ignores_what_is_masked(tools, sizes, rng):
    """What is masked may hold anything, and a text without vectors gives zeros"""
    batch, time_, width = sizes(3)
    vectors, mask = rng.normal(size=(batch, time_, width)), rng.random((batch, time_)) < 0.5
    mask[:, 0], mask[:, 1] = True, False
    clean = np.where(mask[..., None], vectors, 0).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    spoiled = np.where(mask[..., None], vectors, rng.choice([np.nan, np.inf, -np.inf], size=vectors.shape))
    assert_close(tools.pool(spoiled, mask), clean, what="pool of vectors with NaN where nothing counts")
    mask[-1], clean[-1] = False, 0
    assert_close(tools.pool(vectors, mask), clean, what="pool where nothing counts in one text")


@check(points=2, needs="pools_what_counts", hint="count axes from the end: axis=-2, mask[..., None]")
def test_pool_takes_any_leading_axes(tools, sizes, rng):
    """One text, a batch, or a batch of batches: pool works on the last two axes"""
    outer, batch, time_, width = sizes(4)
    vectors, mask = rng.normal(size=(outer, batch, time_, width)), rng.random((outer, batch, time_)) < 0.6
    mask[..., 0] = True
    kept = np.where(mask[..., None], vectors, 0)
    means = kept.sum(axis=2) / mask.sum(axis=2, keepdims=True)
    assert_close(tools.pool(vectors, mask), means, what="pool with two leading axes")
    assert_close(tools.pool(vectors[0, 0], mask[0, 0]), means[0, 0], what="pool without leading axes")


@check(
    points=2,
    needs=["finds_the_range_of_each_window", "has_no_loop"],
    hint="values[indices] copies each window; a view by strides shows them all in the memory of one array",
)
def test_windows_need_no_copies(tools, rng):
    """Wide windows take no more memory than narrow ones"""
    values = rng.normal(size=50_000)
    values[rng.integers(len(values), size=30)] *= 10
    width = int(rng.integers(1_990, 2_010))  # 800 MB, if every window were copied
    answer = expect_array(tools.window_ranges(values, width), shape=(len(values) - width + 1,))
    for start in (0, *rng.integers(len(answer), size=200), len(answer) - 1):
        window = values[start : start + width]
        assert_close(answer[start], window.max() - window.min(), what="window_ranges of wide windows")


@check(
    points=2,
    needs="counts_tokens",
    hint="-1 is a place, too: the last one. Leave out what has ended before you count",
)
def test_padding_is_not_counted(tools, sizes, rng):
    """Where a text has ended nothing is counted"""
    batch, vocabulary = sizes(2)
    tokens = rng.integers(vocabulary, size=(batch, 30))
    ends = rng.integers(5, 25, size=batch)
    tokens[np.arange(30) >= ends[:, None]] = -1
    tokens[-1] = -1
    truth = np.stack([np.bincount(text[text >= 0], minlength=vocabulary) for text in tokens])
    answer = tools.count_tokens(tokens, vocabulary)
    assert_close(answer, truth, dtype=INTEGERS, what="count_tokens of texts that have ended")


@metric(
    points=6,
    better="higher",
    unit="times less processor time than a loop, of at most 8",
    scale="log",
    needs=["measures_all_distances", "finds_the_range_of_each_window", "scores_each_pair"],
    hint="hand whole arrays to NumPy: what runs over elements must be its loop, not yours",
)
def test_is_faster_than_a_loop(tools, races, rng):
    """Whole arrays at once are many times faster than a Python loop over their elements"""
    gains = {race.name: _gain(tools, race, rng) for race in races}
    value = round(math.exp(np.mean(np.log(list(gains.values())))), 6)  # the logarithm leaves crumbs
    notes = tuple(f"{name}: {gain:.1f} times" for name, gain in gains.items())
    return Measurement(value=value, n=len(gains), notes=(*notes, f"{ENOUGH:g} or more count as {ENOUGH:g}"))


def _gain(tools, race, rng):
    """Return how many times less processor time than a loop an answer takes, from 1 to ENOUGH."""
    question, gains = getattr(tools, race.name), []
    while len(gains) < TRIES and max(gains, default=0) < ENOUGH:
        inputs = race.draw(rng)  # fresh ones: an answer that is remembered is of no use
        began, clock = tools.cpu_seconds(), time.perf_counter()
        answer = question(*inputs)
        clock, ended = time.perf_counter() - clock, tools.cpu_seconds()
        seconds = clock if began is None or ended is None else ended - began
        assert_close(answer, race.truth(*inputs), rtol=1e-6, atol=1e-6, what=f"{race.name} in the race")
        gains.append(race.loop_seconds(inputs) / max(seconds, 1e-6))
    return min(max(1.0, *gains), ENOUGH)
