import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics import density

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("weights", "elbo", "iwae", "size"),
    [
        pytest.param([[0.0, 0.0]], 0, 0, 2, id="equal-weights"),
        pytest.param([[math.log(3), 0.0]], math.log(3) / 2, math.log(2), 16 / 10, id="three-to-one"),
        pytest.param([[-1e4, -2e4]], -1.5e4, -1e4 - math.log(2), 1, id="far-below-underflow"),
        pytest.param([[5.0], [1.0]], 3, 3, 1, id="one-latent"),
    ],
)
def test_bounds_known_answers(weights, elbo, iwae, size):
    assert density.elbo(weights) == pytest.approx(elbo)
    assert density.iwae_bound(weights) == pytest.approx(iwae)
    assert density.effective_sample_size(weights).mean() == pytest.approx(size)


@given(st.integers(1, 30), st.integers(0, 100))
def test_iwae_lies_between_the_elbo_and_the_best_weight(latents, seed):
    weights = 5 * np.random.default_rng(seed).normal(size=(4, latents))
    assert density.elbo(weights) - 1e-12 <= density.iwae_bound(weights) <= weights.max(axis=1).mean() + 1e-12


def test_iwae_tightens_with_k_towards_the_exact_density():
    """x = z + noise, both standard normal: p(x) is N(0, 2); q is the prior, a poor proposal."""
    x, k = RNG.normal(size=2000) * math.sqrt(2), 256
    z = RNG.normal(size=(2000, k))
    weights = -0.5 * (x[:, None] - z) ** 2 - 0.5 * math.log(2 * math.pi)
    exact = np.mean(-(x**2) / 4 - 0.5 * math.log(4 * math.pi))
    gaps = [exact - density.iwae_bound(weights[:, :n]) for n in (1, 8, 64, 256)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.3
    assert abs(gaps[-1]) < 0.01


@pytest.mark.parametrize(
    ("log_likelihood", "dimensions", "width", "want"),
    [
        pytest.param([-64 * math.log(256)], 64, 1.0, 8, id="uniform-bytes-as-probability"),
        pytest.param([0.0], 64, 1 / 256, 8, id="uniform-density-on-the-unit-cube"),
        pytest.param([-10.0, -20.0], 10, 1.0, 1.5 / math.log(2), id="mean-of-two"),
    ],
)
def test_bits_per_dimension_known_answers(log_likelihood, dimensions, width, want):
    assert density.bits_per_dimension(log_likelihood, dimensions, width) == pytest.approx(want)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: density.iwae_bound([1.0, 2.0]), "wrong shape", id="flat"),
        pytest.param(lambda: density.iwae_bound(np.zeros((0, 4))), "empty", id="nothing"),
        pytest.param(lambda: density.iwae_bound([[np.nan]]), "NaN", id="nan"),
        pytest.param(lambda: density.elbo([[-np.inf]]), "infinity", id="impossible"),
        pytest.param(lambda: density.bits_per_dimension([1.0], 0), "out of range", id="no-dimensions"),
        pytest.param(lambda: density.bits_per_dimension([1.0], 4, 0.0), "out of range", id="no-width"),
    ],
)
def test_density_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()
