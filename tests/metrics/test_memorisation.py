import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from harness.metrics import memorisation
from harness.metrics.memorisation import authenticity, copying_statistic, nearest_ratio, unique_share

RNG = np.random.default_rng(0)
TRAIN, HELDOUT, FRESH = (RNG.normal(size=(n, 5)) for n in (600, 300, 300))


def test_authenticity_known_answers():
    train = np.array([[0.0], [1.0], [10.0]])
    assert (
        authenticity([[0.4], [-0.9], [-1.1], [30.0]], train) == 50
    )  # the last two are further than the neighbour
    assert authenticity(train, train) == 0


def test_authenticity_is_dgm_evals():
    """dgm-eval's compute_authpct: share of samples further from their training point than its own neighbour."""
    apart = cdist(TRAIN, TRAIN)
    np.fill_diagonal(apart, np.inf)
    near = cdist(TRAIN, FRESH)
    want = 100 * np.mean(near.min(axis=0) > apart.min(axis=1)[near.argmin(axis=0)])
    assert authenticity(FRESH, TRAIN) == pytest.approx(want)


@pytest.mark.parametrize("digits", [1, 6], ids=["with-ties", "without"])
def test_compared_is_mann_whitneys_u(digits):
    a, b = RNG.normal(size=80).round(digits), (RNG.normal(size=90) + 0.3).round(digits)
    got = memorisation.compared(a, b)
    want = stats.mannwhitneyu(a, b, alternative="less", use_continuity=False, method="asymptotic")
    assert stats.norm.cdf(got.z) == pytest.approx(want.pvalue, rel=1e-9)
    assert got.samples_median == np.median(a)


@pytest.mark.parametrize(
    ("samples", "low", "high"),
    [
        pytest.param(FRESH, -3.5, 3.5, id="new-data"),
        pytest.param(TRAIN[:300], -np.inf, -8, id="copies"),
        pytest.param(TRAIN[:300] + 0.05 * RNG.normal(size=(300, 5)), -np.inf, -8, id="noisy-copies"),
        pytest.param(3 * FRESH, 4, np.inf, id="off-the-manifold"),
    ],
)
def test_copying_statistic_by_sign(samples, low, high):
    assert low < copying_statistic(samples, TRAIN, HELDOUT).z < high


def test_new_data_is_standard_normal_under_copying_statistic():
    scores = [
        copying_statistic(RNG.normal(size=(100, 3)), TRAIN[:, :3], RNG.normal(size=(100, 3))).z
        for _ in range(200)
    ]
    assert abs(np.mean(scores)) < 0.3
    assert np.std(scores) == pytest.approx(1, abs=0.15)


def test_noise_that_hides_copies_from_distances_does_not_hide_them_from_ratios():
    """Twenty of a hundred dimensions matter; the noise moves copies further away than new data is."""
    rng = np.random.default_rng(4)
    mix = rng.normal(size=(20, 100))
    train, heldout = rng.normal(size=(1000, 20)) @ mix, rng.normal(size=(300, 20)) @ mix
    noisy = train[:300] + 7 * rng.normal(size=(300, 100))
    assert copying_statistic(noisy, train, heldout).z > 3
    assert authenticity(noisy, train) > 90
    assert nearest_ratio(noisy, train, heldout).z < -8
    assert abs(nearest_ratio(rng.normal(size=(300, 20)) @ mix, train, heldout).z) < 3.5


def test_a_source_that_repeats_itself_is_not_accused():
    """Ten different images in all: new data equals training data."""
    train, heldout, fresh = (RNG.integers(10, size=(n, 1)).astype(float) for n in (500, 200, 200))
    assert abs(copying_statistic(fresh, train, heldout).z) < 3.5
    assert abs(nearest_ratio(fresh, train, heldout).z) < 3.5
    assert memorisation.exact_copies(fresh, train) == memorisation.exact_copies(heldout, train) == 1
    assert memorisation.more_often(1.0, 200, 1.0, 200) == 0


@pytest.mark.parametrize(
    ("samples", "want"),
    [([[1], [2], [3], [4]], 1), ([[1], [1], [1], [1]], 0.25), ([[1, 2], [1, 3], [1, 2]], 2 / 3)],
)
def test_unique_share_known_answers(samples, want):
    assert unique_share(samples) == want


def test_exact_copies_and_their_excess():
    samples = np.concatenate([TRAIN[:10], FRESH[:90]])
    share = memorisation.exact_copies(samples, TRAIN)
    assert share == 0.1
    assert memorisation.more_often(share, 100, 0.0, 300) == pytest.approx(
        5.55, abs=0.01
    )  # two proportions, by hand


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: authenticity(FRESH[:, :3], TRAIN), id="other-width"),
        pytest.param(lambda: authenticity(FRESH, TRAIN[:1]), id="one-training-point"),
        pytest.param(lambda: copying_statistic(FRESH[:1], TRAIN, HELDOUT), id="one-sample"),
        pytest.param(lambda: copying_statistic(FRESH, TRAIN, HELDOUT * np.nan), id="nan"),
        pytest.param(lambda: nearest_ratio(FRESH, TRAIN[:4], HELDOUT), id="fewer-than-the-neighbours"),
        pytest.param(lambda: unique_share([]), id="nothing"),
    ],
)
def test_memorisation_refuses(call):
    with pytest.raises(ValueError, match=r"different shapes|too few|NaN|out of range|empty"):
        call()
