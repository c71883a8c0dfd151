import numpy as np
import pytest
from scipy.spatial.distance import cdist

from harness.metrics import distances
from harness.metrics.manifold import precision_recall_density_coverage

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(300, 4))


def by_definition(samples, real, k):
    """Naeem et al. 2020, from whole distance matrices."""
    radii = np.sort(cdist(real, real), axis=1)[:, k]
    own = np.sort(cdist(samples, samples), axis=1)[:, k]
    apart = cdist(real, samples)
    inside = apart < radii[:, None]
    return (
        inside.any(axis=0).mean(),
        (apart < own).any(axis=1).mean(),
        inside.sum(axis=0).mean() / k,
        (apart.min(axis=1) < radii).mean(),
    )


def values(samples, real, k=5):
    got = precision_recall_density_coverage(samples, real, k)
    return got.precision, got.recall, got.density, got.coverage


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_agrees_with_the_definition(k, scale, monkeypatch):
    monkeypatch.setattr(distances, "_BLOCK", 3000)  # several blocks
    samples = scale * RNG.normal(size=(250, 4)) + 0.3
    assert values(samples, REAL, k) == pytest.approx(by_definition(samples, REAL, k))


LINE = np.arange(8.0)[:, None]  # one apart, so every radius is 1 in the middle for k = 1


@pytest.mark.parametrize(
    ("samples", "want"),
    [
        pytest.param(
            LINE + 0.5, (1.0, 1.0, 2 - 1 / 8, 1.0), id="between-neighbours"
        ),  # the last has one around it
        pytest.param(LINE + 1.0, (7 / 8, 7 / 8, 7 / 8, 7 / 8), id="on-the-points-but-one-further"),
        pytest.param(LINE + 100, (0, 0, 0, 0), id="elsewhere"),
        pytest.param(np.full((8, 1), 3.5), (1, 0, 2, 2 / 8), id="all-in-one-place"),
    ],
)
def test_known_answers_on_a_line(samples, want):
    assert values(samples, LINE, k=1) == pytest.approx(want)


def test_real_data_reads_as_the_literature_says():
    fresh = np.random.default_rng(1).normal(size=(300, 4))
    precision, recall, density, coverage = values(fresh, REAL)
    assert precision > 0.9
    assert recall > 0.9
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.04)


def test_precision_and_density_reward_the_mean_and_coverage_does_not():
    middle = np.tile(REAL.mean(axis=0), (300, 1)) + 1e-3 * RNG.normal(size=(300, 4))
    precision, recall, density, coverage = values(middle, REAL)
    assert precision == 1
    assert density > 0.9
    assert recall < 0.01
    assert coverage < 0.2


@pytest.mark.parametrize(
    ("samples", "k", "words"),
    [
        pytest.param(REAL[:5], 5, "too few: 5, needed at least 6", id="no-more-than-k"),
        pytest.param(REAL[:, :3], 5, "different shapes: 3 and 4", id="other-width"),
        pytest.param(np.full((10, 4), np.nan), 5, "NaN", id="nan"),
        pytest.param(REAL, 0, "k is out of range", id="k-0"),
    ],
)
def test_refuses(samples, k, words):
    with pytest.raises(ValueError, match=words):
        precision_recall_density_coverage(samples, REAL, k)
