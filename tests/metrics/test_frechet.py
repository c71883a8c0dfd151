import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.fid import FrechetInceptionDistance

from harness.metrics.frechet import (
    FeatureStatistics,
    extrapolated_frechet_distance,
    frechet_distance,
    relative_fid,
)

RNG = np.random.default_rng(0)


def with_moments(mean, factor, count=200):
    """Return rows whose sample mean and covariance are exactly `mean` and `factor.T @ factor`."""
    white = np.random.default_rng(1).normal(size=(count, len(mean)))
    white -= white.mean(axis=0)
    white = np.linalg.qr(white)[0] * np.sqrt(count - 1)
    return white @ np.asarray(factor, dtype=float) + np.asarray(mean, dtype=float)


def independent(features, reference):
    """FID by QR and singular values of the data themselves, never forming a covariance."""
    factors = []
    for rows in (features, reference):
        centred = rows - rows.mean(axis=0)
        centred -= centred.mean(axis=0)
        factors.append(scipy.linalg.qr(centred / np.sqrt(len(rows) - 1), mode="r")[0])
    a, b = factors
    step = features.mean(axis=0) - reference.mean(axis=0)
    return step @ step + (a**2).sum() + (b**2).sum() - 2 * scipy.linalg.svdvals(a @ b.T).sum()


class Identity(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, features):
        return features


def of_torchmetrics(features, reference):
    metric = FrechetInceptionDistance(
        feature=Identity(features.shape[1]), input_img_size=(features.shape[1],)
    )
    metric.update(torch.from_numpy(np.ascontiguousarray(reference)), real=True)
    metric.update(torch.from_numpy(np.ascontiguousarray(features)), real=False)
    return float(metric.compute())


HERE, THERE = (0, 0), (3, 4)
ONE, FOUR, NONE = np.eye(2), 2 * np.eye(2), np.zeros((2, 2))


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        pytest.param((HERE, ONE), (HERE, ONE), 0, id="equal"),
        pytest.param((HERE, ONE), (THERE, ONE), 25, id="shifted-by-(3,4)"),
        pytest.param((HERE, ONE), (HERE, FOUR), 2, id="twice-as-wide-in-two-dimensions"),
        pytest.param((HERE, ONE), (THERE, FOUR), 27, id="both"),
        pytest.param((HERE, NONE), (THERE, NONE), 25, id="no-spread-at-all"),
        pytest.param((HERE, NONE), (HERE, FOUR), 8, id="one-without-spread"),
        pytest.param((HERE, np.diag([1, 0])), (HERE, np.diag([0, 1])), 2, id="perpendicular-lines"),
        pytest.param((HERE, np.diag([3, 0])), (HERE, np.diag([1, 0])), 4, id="parallel-lines"),
    ],
)
def test_frechet_distance_known_answers(a, b, want):
    first, second = with_moments(*a), with_moments(*b)
    assert frechet_distance(first, second) == pytest.approx(want, abs=1e-9)
    assert frechet_distance(second, first) == pytest.approx(want, abs=1e-9)


def relu(count, scale=1.0, seed=2):
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(99).normal(size=(30, 48))
    return np.maximum(scale * rng.normal(size=(count, 30)) @ weights - 6, 0)


LINE = np.random.default_rng(5).normal(size=(5, 48))
DEGENERATE = {
    "fewer-samples-than-features": (relu(30), relu(30, 1.2, seed=3)),
    "few-samples-full-reference": (relu(30), relu(400, 1.2, seed=3)),
    "five-of-48-directions": (RNG.normal(size=(300, 5)) @ LINE, 1.1 * RNG.normal(size=(300, 5)) @ LINE),
    "dead-features": tuple(np.hstack([RNG.normal(size=(300, 20)), np.zeros((300, 28))]) for _ in range(2)),
    "relu": (relu(300), relu(300, 1.2, seed=3)),
}
REGULAR = {
    "white": (RNG.normal(size=(300, 48)), 1.1 * RNG.normal(size=(300, 48))),
    "decaying": tuple(RNG.normal(size=(300, 48)) * np.logspace(0, -4, 48) * s for s in (1, 1.3)),
    "offset": (RNG.normal(size=(300, 48)) + 5, 1.1 * RNG.normal(size=(300, 48)) + 4),
}


@pytest.mark.parametrize("case", [*DEGENERATE, *REGULAR])
def test_frechet_distance_agrees_with_an_independent_computation(case):
    features, reference = (DEGENERATE | REGULAR)[case]
    want = independent(features, reference)
    assert frechet_distance(features, reference) == pytest.approx(want, rel=1e-9)
    assert frechet_distance(reference, features) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize(
    ("case", "digits"), [*((case, 1e-4) for case in DEGENERATE), *((case, 1e-6) for case in REGULAR)]
)
def test_frechet_distance_agrees_with_torchmetrics(case, digits):
    features, reference = (DEGENERATE | REGULAR)[case]
    assert frechet_distance(features, reference) == pytest.approx(
        of_torchmetrics(features, reference), rel=digits
    )


def test_frechet_distance_is_accurate_when_it_is_tiny():
    rows = relu(300)
    assert frechet_distance(rows, rows.copy()) <= 1e-12 * rows.var(axis=0).sum()
    nearly = with_moments((0, 0), ONE), with_moments((0, 0), 1.0001 * ONE)
    assert frechet_distance(*nearly) == pytest.approx(2e-8, rel=1e-5)


@pytest.mark.parametrize("offset", [1e6, 1e7, 1e8])
def test_a_huge_offset_is_harmless_here_and_ruins_torchmetrics(offset):
    a, b = (rows - rows.mean(axis=0) for rows in REGULAR["white"])
    want = independent(a, b)
    step = np.spacing(offset)  # what the data themselves lose
    assert frechet_distance(a + offset, b + offset) == pytest.approx(want, rel=10 * step)
    if offset > 1e7:
        assert of_torchmetrics(a + offset, b + offset) != pytest.approx(want, rel=0.5)


def test_float32_features_are_summed_in_float64():
    features, reference = (rows.astype(np.float32) for rows in REGULAR["offset"])
    want = independent(features.astype(float), reference.astype(float))
    assert frechet_distance(features, reference) == pytest.approx(want, rel=1e-12)
    assert frechet_distance(torch.from_numpy(features), torch.from_numpy(reference)) == pytest.approx(
        want, rel=1e-12
    )


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.sampled_from([0.0, 1e6]))
@settings(max_examples=30, deadline=None)
def test_statistics_do_not_depend_on_the_batches(sizes, offset):
    rows = np.random.default_rng(sum(sizes)).normal(size=(sum(sizes) + 1, 4)) + offset
    streamed = FeatureStatistics(rows[:1])
    parts = np.split(rows[1:], np.cumsum(sizes)[:-1])
    for part in parts:
        streamed.update(part)
    merged = FeatureStatistics()
    for part in (rows[:1], *parts):
        merged.merge(FeatureStatistics(part))
    want = np.cov(rows.T)
    for got in (streamed, merged):
        assert got.count == len(rows)
        assert np.allclose(got.mean, rows.mean(axis=0), rtol=1e-14)
        assert np.allclose(got.covariance, want, rtol=1e-8, atol=1e-8)
        assert got.trace == pytest.approx(np.trace(want), rel=1e-8)


def test_statistics_keep_no_samples():
    got = FeatureStatistics()
    for seed in range(5):
        got.update(np.random.default_rng(seed).normal(size=(5000, 3)))
    held = [value for value in vars(got).values() if isinstance(value, np.ndarray)]
    assert sum(array.size for array in held) <= 3 + 9


def test_a_refused_batch_leaves_the_statistics_alone():
    got = FeatureStatistics(REGULAR["white"][0])
    before = got.covariance
    for batch in (np.full((2, 48), np.nan), np.ones((2, 47)), np.full((2, 48), 1e200) * [[1], [-1]]):
        with pytest.raises(ValueError, match=r"NaN|wrong shape|too large"):
            got.update(batch)
    assert np.array_equal(got.covariance, before)


def test_the_factor_of_a_reference_is_kept_until_new_samples_arrive():
    got = FeatureStatistics(REGULAR["white"][0])
    first = got.cholesky()
    assert got.cholesky() is first
    got.update(REGULAR["white"][1])
    lower = np.tril(got.cholesky())
    assert np.allclose(lower @ lower.T, got.covariance * (got.count - 1))


@pytest.mark.parametrize("case", ["white", "five-of-48-directions", "fewer-samples-than-features"])
def test_factors_give_the_covariance_back_at_its_rank(case):
    got = FeatureStatistics((DEGENERATE | REGULAR)[case][0])
    rows = got.factor()
    assert np.allclose(rows.T @ rows, got.covariance)
    assert len(rows) == {"white": 48, "five-of-48-directions": 5, "fewer-samples-than-features": 29}[case]
    assert got.norm == pytest.approx(np.linalg.norm(got.covariance))


def test_rank_warning_names_the_numbers():
    assert FeatureStatistics(np.eye(5)[:, :3]).rank_warning == ""
    assert FeatureStatistics(np.eye(3)).rank_warning == "3 samples for 3 features: the covariance is singular"


def test_relative_fid_has_no_units():
    a, b = REGULAR["offset"]
    assert relative_fid(1000 * a, 1000 * b) == pytest.approx(relative_fid(a, b), rel=1e-10)
    assert relative_fid(np.repeat(b.mean(axis=0)[None], 5, axis=0), b) == pytest.approx(1)
    with pytest.raises(ValueError, match="no spread"):
        relative_fid(a, np.ones((5, 48)))


def test_frechet_distance_falls_with_the_number_of_samples_and_extrapolation_takes_that_away():
    """Real against real is c/n."""
    rng = np.random.default_rng(7)
    reference = FeatureStatistics(rng.normal(size=(20_000, 16)))
    values = {
        n: np.mean([frechet_distance(rng.normal(size=(n, 16)), reference) for _ in range(20)])
        for n in (100, 400)
    }
    assert values[100] * 100 == pytest.approx(values[400] * 400, rel=0.2)
    flat = [extrapolated_frechet_distance(rng.normal(size=(400, 16)), reference, seed=s) for s in range(20)]
    assert abs(np.mean(flat)) < values[400] / 4


@pytest.mark.parametrize(
    ("features", "reference", "words"),
    [
        pytest.param(np.zeros((0, 2)), np.eye(2), "empty", id="nothing"),
        pytest.param(np.ones((1, 2)), np.eye(2), "too few: 1", id="one-sample"),
        pytest.param(np.full((3, 2), np.nan), np.eye(2), "NaN", id="nan"),
        pytest.param(np.full((3, 2), -np.inf), np.eye(2), "infinity", id="infinity"),
        pytest.param(np.eye(3), np.eye(2), "different widths: 3 and 2", id="other-encoder"),
        pytest.param(np.ones(3), np.eye(2), "wrong shape", id="flat"),
        pytest.param(FeatureStatistics(), np.eye(2), "too few: 0", id="empty-statistics"),
        pytest.param(np.array([[1e200, 0], [-1e200, 0]]), np.eye(2), "too large", id="overflow"),
    ],
)
def test_frechet_distance_refuses(features, reference, words):
    with pytest.raises(ValueError, match=words):
        frechet_distance(features, reference)
