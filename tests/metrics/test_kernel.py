import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from harness.metrics import kernel
from harness.metrics.kernel import kernel_distance, maximum_mean_discrepancy, standardised_kernel_distance

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(120, 6)), RNG.normal(size=(100, 6)) + 0.5


def by_hand(a, b):
    """The double sums of the definition, one pair at a time."""

    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    xx = np.mean([k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    yy = np.mean([k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    return xx + yy - 2 * np.mean([k(x, y) for x in a for y in b])


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        pytest.param([[0.0], [0.0]], [[0.0], [0.0]], 0, id="equal"),
        pytest.param([[1.0], [1.0]], [[0.0], [0.0]], 8 + 1 - 2, id="points-one-apart"),
        pytest.param([[1.0], [-1.0]], [[0.0], [0.0]], 0 + 1 - 2, id="unbiased-may-be-negative"),
    ],
)
def test_kernel_distance_known_answers(a, b, want):
    assert kernel_distance(a, b) == pytest.approx(want, abs=1e-12)


def test_kernel_distance_is_the_definition_in_any_blocks(monkeypatch):
    want = by_hand(A[:30], B[:20])
    assert kernel_distance(A[:30], B[:20]) == pytest.approx(want, rel=1e-12)
    monkeypatch.setattr(kernel, "_BLOCK", 100)
    assert kernel_distance(A[:30], B[:20]) == pytest.approx(want, rel=1e-12)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`:UserWarning")
def test_kernel_distance_agrees_with_torchmetrics_on_one_whole_subset():
    class Identity(torch.nn.Module):
        num_features = 6

        def forward(self, features):
            return features

    metric = KernelInceptionDistance(feature=Identity(), subsets=1, subset_size=100)
    metric.update(torch.from_numpy(B), real=True)
    metric.update(torch.from_numpy(A[:100]), real=False)
    assert kernel_distance(A[:100], B) == pytest.approx(float(metric.compute()[0]), rel=1e-6)


def test_kernel_distance_is_unbiased():
    draws = [kernel_distance(RNG.normal(size=(20, 4)), RNG.normal(size=(30, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / 20


def test_standardised_kernel_distance_ignores_units():
    assert standardised_kernel_distance(1e3 * A + 7, 1e3 * B + 7) == pytest.approx(
        standardised_kernel_distance(A, B)
    )
    still = np.hstack([A, np.ones((120, 1))]), np.hstack([B, np.ones((100, 1))])
    assert np.isfinite(standardised_kernel_distance(*still))


def test_mmd_sees_a_dropped_mode_but_not_a_wider_one():
    """An eight-Gaussian ring at n = 250."""
    angles = np.arange(8) * np.pi / 4
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def draw(modes, deviation, seed):
        rng = np.random.default_rng(seed)
        return ring[rng.integers(modes, size=250)] + deviation * rng.normal(size=(250, 2))

    real = draw(8, 0.10, 0)
    assert maximum_mean_discrepancy(draw(6, 0.10, 1), real, seed=0).p_value < 0.02
    assert maximum_mean_discrepancy(draw(8, 0.10, 2), real, seed=0).p_value > 0.05
    assert maximum_mean_discrepancy(draw(8, 0.13, 3), real, seed=0).p_value > 0.05


def test_mmd_of_identical_points_is_nothing():
    got = maximum_mean_discrepancy(np.ones((5, 2)), np.ones((6, 2)), seed=0)
    assert got.value == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "words"),
    [
        pytest.param(A[:1], "too few: 1", id="one-sample"),
        pytest.param(A[:, :5], "different shapes: 5 and 6", id="other-width"),
        pytest.param(np.full((3, 6), np.nan), "NaN", id="nan"),
        pytest.param(np.full((3, 6), 1e160), "too large", id="overflow"),
    ],
)
def test_kernel_distance_refuses(a, words):
    with pytest.raises(ValueError, match=words):
        kernel_distance(a, B)
