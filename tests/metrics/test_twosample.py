import numpy as np
import pytest
from scipy import stats

from harness.metrics.twosample import nearest_neighbour_test, sliced_wasserstein, sliced_wasserstein_floor

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(600, 4))


@pytest.mark.parametrize(
    ("samples", "low", "high"),
    [
        pytest.param(RNG.normal(size=(500, 4)), 0.42, 0.58, id="the-same-source"),
        pytest.param(RNG.normal(size=(500, 4)) + 5, 1, 1, id="elsewhere"),
        pytest.param(np.tile(REAL.mean(axis=0), (500, 1)), 0.9, 1, id="one-point"),
    ],
)
def test_nearest_neighbour_test_known_answers(samples, low, high):
    got = nearest_neighbour_test(samples, REAL, seed=0)
    assert low <= got.accuracy <= high
    assert got.n == 500
    assert (got.p_value < 1e-6) == (high == 1)


def test_nearest_neighbour_test_is_fair_on_average():
    scores = [
        nearest_neighbour_test(RNG.normal(size=(100, 3)), RNG.normal(size=(120, 3)), seed=s).accuracy
        for s in range(60)
    ]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.025)


def test_sliced_wasserstein_in_one_dimension_is_the_wasserstein_distance():
    a, b = RNG.normal(size=(80, 1)), RNG.normal(size=(80, 1)) + 1
    want = np.sqrt(np.mean((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2))
    assert sliced_wasserstein(a, b, seed=0) == pytest.approx(want, rel=1e-12)
    assert want > stats.wasserstein_distance(a[:, 0], b[:, 0])  # the first order is smaller


@pytest.mark.parametrize(
    ("shift", "want"),
    [pytest.param(0.0, 0.0, id="equal"), pytest.param(3.0, 3.0, id="shifted")],
)
def test_sliced_wasserstein_known_answers(shift, want):
    """A shift s is seen as s * cos(angle): its mean square over directions in d dimensions is s^2 / d."""
    got = sliced_wasserstein(REAL + shift, REAL, seed=0, projections=4000)
    assert got == pytest.approx(want, rel=0.05)  # shift of 3 along (1, 1, 1, 1) has length 6 in 4 dimensions


def test_sliced_wasserstein_of_equal_sources_has_a_floor():
    floors = [sliced_wasserstein_floor(RNG.normal(size=(1200, 4)), n, seed=0) for n in (50, 500)]
    assert floors[0] > 2 * floors[1] > 0
    assert sliced_wasserstein(RNG.normal(size=(500, 4)), REAL[:500], seed=0) == pytest.approx(
        floors[1], rel=0.6
    )


def test_sizes_may_differ():
    assert sliced_wasserstein(np.repeat(REAL, 2, axis=0), REAL, seed=0) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: nearest_neighbour_test(REAL[:5], REAL, seed=0), id="too-few"),
        pytest.param(lambda: nearest_neighbour_test(REAL * np.inf, REAL, seed=0), id="infinity"),
        pytest.param(lambda: sliced_wasserstein(REAL[:, :2], REAL, seed=0), id="other-width"),
        pytest.param(lambda: sliced_wasserstein_floor(REAL, 400, seed=0), id="floor-of-too-many"),
    ],
)
def test_twosample_refuses(call):
    with pytest.raises(ValueError, match=r"too few|infinity|NaN|different shapes"):
        call()
