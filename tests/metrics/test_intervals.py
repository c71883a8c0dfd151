import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.metrics import intervals
from harness.metrics.frechet import FeatureStatistics, frechet_distance


def test_t_interval_is_scipys():
    values = [1.0, 2.0, 4.0, 8.0]
    got = intervals.t_interval(values, confidence=0.9)
    assert (got.low, got.high) == pytest.approx(stats.t.interval(0.9, 3, np.mean(values), stats.sem(values)))
    assert got.kind == "t, 4 values"


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(81, 263, 0.2553, 0.3662, id="newcombe-1998-table-1a"),
        pytest.param(15, 148, 0.0624, 0.1605, id="newcombe-1998-table-1b"),
    ],
)
def test_wilson_interval_known_answers(successes, trials, low, high):
    got = intervals.wilson_interval(successes, trials)
    assert (got.low, got.high) == pytest.approx((low, high), abs=5e-5)
    want = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert (got.low, got.high) == pytest.approx((want.low, want.high), abs=1e-12)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_stays_inside(case):
    got = intervals.wilson_interval(*case)
    assert 0 <= got.low <= case[0] / case[1] <= got.high <= 1


def test_block_means_keep_every_value():
    values = np.arange(7.0)
    assert intervals.block_means(values, 2).tolist() == [0.5, 2.5, 5.0]  # the last takes the remainder in
    with pytest.raises(ValueError, match="too few: 7, needed two blocks of 4"):
        intervals.block_means(values, 4)


def test_block_interval_is_wider_where_neighbours_agree():
    rng = np.random.default_rng(0)
    sticky = np.repeat(rng.normal(size=200), 50)
    plain = intervals.t_interval(sticky)
    blocks = intervals.block_interval(sticky, block=200)
    assert blocks.high - blocks.low > 5 * (plain.high - plain.low)


def test_basic_bootstrap_of_a_mean_is_about_the_t_interval():
    values = np.random.default_rng(1).normal(size=400)
    got = intervals.basic_bootstrap(lambda rows: float(rows.mean()), values, seed=2, replicates=2000)
    want = intervals.t_interval(values)
    assert (got.low, got.high) == pytest.approx((want.low, want.high), abs=0.02)
    assert got == intervals.basic_bootstrap(lambda rows: float(rows.mean()), values, seed=2, replicates=2000)


def test_basic_bootstrap_covers_the_fid_where_the_percentile_one_would_not():
    """FID of 100 samples: resampling adds bias, which is reflected away."""
    rng = np.random.default_rng(3)
    reference = FeatureStatistics(rng.normal(size=(20_000, 8)))
    truth = 8 * 0.25**2
    covered = 0
    for seed in range(20):
        features = rng.normal(size=(100, 8)) + 0.25
        got = intervals.basic_bootstrap(
            lambda rows: frechet_distance(rows, reference), features, seed=seed, replicates=60
        )
        value = frechet_distance(features, reference)
        assert got.low < value
        covered += got.low <= truth <= got.high
    assert covered >= 15


def test_paired_difference_ignores_what_is_common():
    rng = np.random.default_rng(4)
    common = rng.normal(size=5000) * 10
    got = intervals.paired_difference(common + 0.1 + rng.normal(size=5000) * 0.01, common, block=100)
    assert got.mean == pytest.approx(0.1, abs=4 * got.standard_error)
    assert got.standard_error < 0.001
    assert got.z > 100
    assert got.n == 5000


@pytest.mark.parametrize(("shift", "want"), [(0.0, 0.0), (1.0, math.inf), (-1.0, -math.inf)])
def test_z_without_any_spread(shift, want):
    assert intervals.paired_difference(np.zeros(4) + shift, np.zeros(4)).z == want


def test_measurement_carries_the_interval():
    got = intervals.measurement(0.5, intervals.wilson_interval(5, 10), 10, "few")
    assert (got.value, got.n, got.interval, got.notes) == (0.5, 10, "Wilson, 10 trials", ("few",))
    assert got.low < 0.5 < got.high


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: intervals.t_interval([1.0]), id="one-value"),
        pytest.param(lambda: intervals.t_interval([1.0, 2.0], confidence=1.0), id="confidence-1"),
        pytest.param(lambda: intervals.wilson_interval(3, 2), id="more-successes-than-trials"),
        pytest.param(lambda: intervals.wilson_interval(0, 0), id="no-trials"),
        pytest.param(lambda: intervals.block_means([1.0, 2.0], 0), id="no-block"),
        pytest.param(lambda: intervals.paired_difference([1.0, 2.0], [1.0, 2.0, 3.0]), id="not-paired"),
        pytest.param(lambda: intervals.basic_bootstrap(np.mean, [1.0], seed=0), id="bootstrap-of-one"),
    ],
)
def test_intervals_refuse(call):
    with pytest.raises(ValueError, match=r"too few|out of range|different shapes"):
        call()
