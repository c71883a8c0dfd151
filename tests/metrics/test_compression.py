import math

import numpy as np
import pytest

from harness.metrics import compression

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(64, 64))


def quantised(values, bits):
    scale = np.abs(values).max() / (2 ** (bits - 1) - 1)
    return np.rint(values / scale) * scale


@pytest.mark.parametrize(
    ("original", "copy", "want"),
    [
        pytest.param([3.0, 4.0], [3.0, 3.5], 20, id="noise-a-tenth"),
        pytest.param([1.0], [0.0], 0, id="nothing-kept"),
        pytest.param([1.0], [1.0], compression.BEST_SQNR, id="exact"),
        pytest.param([1.0], [-1.0], 10 * math.log10(1 / 4), id="sign-flipped"),
    ],
)
def test_sqnr_known_answers(original, copy, want):
    assert compression.sqnr(original, copy) == pytest.approx(want)


def test_a_bit_is_worth_six_decibels():
    values = RNG.uniform(-1, 1, size=100_000)
    gains = np.diff([compression.sqnr(values, quantised(values, bits)) for bits in (4, 5, 6, 7, 8)])
    assert gains == pytest.approx(6.02, abs=0.7)


@pytest.mark.parametrize(
    ("original", "copy", "want"),
    [
        pytest.param([[0.0, 0.0]], [[0.0, 0.0]], 0, id="equal"),
        pytest.param([[0.0, 0.0]], [[7.0, 7.0]], 0, id="shifted"),
        pytest.param(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]), 0.5 * math.log(4 / 3), id="by-hand"),
    ],
)
def test_logit_divergence_known_answers(original, copy, want):
    assert compression.logit_divergence(original, copy) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(
    ("copy", "want"),
    [
        pytest.param([[2.0, 1.0], [0.0, 1.0]], 0, id="the-same"),
        pytest.param([[1.0, 2.0], [0.0, 1.0]], 0.5, id="one-flipped"),
        pytest.param([[0.0, 0.0], [0.0, 0.0]], 1, id="constant-counts-as-flipped"),
    ],
)
def test_flip_rate_known_answers(copy, want):
    assert compression.flip_rate([[3.0, 1.0], [0.0, 5.0]], copy) == want


def test_levels_in_use_show_what_was_really_stored():
    assert compression.levels_in_use(WEIGHTS) == 64 * 64
    assert compression.levels_in_use(quantised(WEIGHTS, 4)) <= 16
    per_channel = np.stack([quantised(row, 4) for row in WEIGHTS])
    assert compression.levels_in_use(per_channel) > 16
    assert compression.levels_in_use(per_channel, axis=0) <= 16


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: compression.sqnr([0.0], [0.0]), "all 0", id="no-signal"),
        pytest.param(lambda: compression.sqnr([1.0], [1.0, 2.0]), "different shapes", id="pruned-shape"),
        pytest.param(lambda: compression.sqnr([1.0], [np.nan]), "NaN", id="nan"),
        pytest.param(lambda: compression.logit_divergence([[1.0]], [[np.inf]]), "infinity", id="infinity"),
        pytest.param(lambda: compression.flip_rate([], []), "empty", id="nothing"),
        pytest.param(
            lambda: compression.levels_in_use(WEIGHTS, axis=2), "axis is out of range", id="no-such-axis"
        ),
    ],
)
def test_compression_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()
