import math

import numpy as np
import pytest

from harness.metrics.modes import modes_covered

ANGLES = np.arange(8) * np.pi / 4
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
DEVIATION = 0.05
EACH = np.repeat(np.arange(8), 100)


def around(modes, deviation=DEVIATION, seed=0):
    return RING[modes] + deviation * np.random.default_rng(seed).normal(size=(len(modes), 2))


def test_the_truth_covers_everything():
    got = modes_covered(around(EACH), RING, DEVIATION)
    assert (got.covered, got.modes) == (8, 8)
    assert got.high_quality_share == pytest.approx(
        1 - math.exp(-4.5), abs=0.012
    )  # P(radius < 3) in the plane
    assert got.spread_ratio == pytest.approx(1, abs=0.05)
    assert got.occupancy_divergence == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize(
    ("samples", "covered", "quality", "spread", "divergence"),
    [
        pytest.param(around(np.arange(800) % 6), 6, 0.989, 1, math.log(8 / 6), id="two-modes-dropped"),
        pytest.param(RING[EACH], 8, 1, 0, 0, id="collapsed-to-the-centres"),
        pytest.param(around(EACH, 1.3 * DEVIATION), 8, 0.93, 1.18, 0, id="a-third-too-wide"),
        pytest.param(RING[EACH] * 0.5, 0, 0, 0, math.log(8), id="between-the-modes"),
        pytest.param(RING[[0] * 792 + list(range(8))], 1, 1, 0, 1.99, id="one-lucky-sample-each"),
    ],
)
def test_modes_covered_known_answers(samples, covered, quality, spread, divergence):
    got = modes_covered(samples, RING, DEVIATION)
    assert got.covered == covered
    assert got.high_quality_share == pytest.approx(quality, abs=0.02)
    assert got.spread_ratio == pytest.approx(spread, abs=0.05)
    assert got.occupancy_divergence == pytest.approx(divergence, abs=0.04)
    assert sum(got.counts) == round(got.high_quality_share * 800)


def test_weights_are_expected_of_the_samples():
    weights = np.array([0.93] + [0.01] * 7)
    skewed = np.repeat(np.arange(8), [744, 8, 8, 8, 8, 8, 8, 8])
    got = modes_covered(around(skewed), RING, DEVIATION, weights=weights)
    assert got.covered == 8
    assert got.occupancy_divergence < 0.01


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(
            lambda: modes_covered(np.zeros((4, 3)), RING, 1.0), "different shapes", id="other-dimension"
        ),
        pytest.param(lambda: modes_covered(RING * np.nan, RING, 1.0), "NaN", id="nan"),
        pytest.param(lambda: modes_covered(RING, RING, 0.0), "out of range", id="no-deviation"),
        pytest.param(lambda: modes_covered(RING, RING, 1.0, weights=[1.0]), "not 8 positive", id="weights"),
    ],
)
def test_modes_covered_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()
