import numpy as np
import pytest
from scipy.stats import multivariate_normal

from harness.sources.gaussians import Mixture, grid, make_mixture, ring


def by_scipy(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    parts = zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    return np.stack([w * multivariate_normal(m, c).pdf(x) for w, m, c in parts], axis=1)


MIXTURES = [
    pytest.param(ring(), id="ring"),
    pytest.param(grid(), id="grid"),
    pytest.param(make_mixture(seed=0), id="tilted"),
    pytest.param(make_mixture(seed=1, modes=3, dimensions=4), id="four-dimensions"),
]


@pytest.mark.parametrize("mixture", MIXTURES)
def test_density_and_responsibilities_agree_with_scipy(mixture):
    x = mixture.sample(200, 5)
    joint = by_scipy(mixture, x)
    np.testing.assert_allclose(mixture.log_density(x), np.log(joint.sum(axis=1)), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        mixture.responsibilities(x), joint / joint.sum(axis=1, keepdims=True), atol=1e-9
    )


def test_far_points_do_not_underflow():
    mixture = ring()
    far = np.array([[1e4, 0.0]])
    assert np.isfinite(mixture.log_density(far)).all()
    np.testing.assert_allclose(mixture.responsibilities(far).sum(axis=1), 1)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_score_is_the_gradient_of_the_log_density(mixture):
    x = mixture.sample(20, 1)
    step = 1e-5 * np.eye(x.shape[1])
    numeric = [(mixture.log_density(x + s) - mixture.log_density(x - s)) / 2e-5 for s in step]
    np.testing.assert_allclose(mixture.score(x), np.stack(numeric, axis=1), rtol=1e-4, atol=1e-4)


def test_samples_have_the_moments():
    mixture = make_mixture(seed=3)
    x = mixture.sample(200_000, 4)
    mean = mixture.weights @ mixture.means
    spread = mixture.means - mean
    covariance = np.einsum("k,kij->ij", mixture.weights, mixture.covariances)
    covariance += np.einsum("k,ki,kj->ij", mixture.weights, spread, spread)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), covariance, rtol=0.02, atol=0.1)


@pytest.mark.parametrize("mixture", MIXTURES)
def test_noised_law_is_that_of_noised_samples(mixture):
    scale, sigma = 0.8, 0.6
    noised = mixture.noised(scale, sigma)
    noise = np.random.default_rng(0).normal(size=(50_000, mixture.means.shape[1]))
    x = scale * mixture.sample(50_000, 1) + sigma * noise
    # the mean of ln p differs from minus the entropy for any other law
    own = noised.log_density(noised.sample(50_000, 2))
    assert noised.log_density(x).mean() == pytest.approx(own.mean(), abs=5 * own.std() / np.sqrt(25_000))


def test_denoiser_is_the_posterior_mean():
    mixture = make_mixture(seed=5)
    scale, sigma = 0.7, 0.9
    noisy = mixture.noised(scale, sigma).sample(3, 2)
    x = mixture.sample(400_000, 3)
    for row, answer in zip(noisy, mixture.denoise(noisy, scale, sigma), strict=True):
        weights = np.exp(-((row - scale * x) ** 2).sum(axis=1) / (2 * sigma**2))
        np.testing.assert_allclose(weights @ x / weights.sum(), answer, atol=0.03)


def test_no_other_denoiser_has_less_error():
    mixture = ring()
    rng = np.random.default_rng(0)
    x = mixture.sample(20_000, rng)
    noisy = 0.6 * x + 0.5 * rng.normal(size=x.shape)
    best = mixture.denoise(noisy, 0.6, 0.5)
    error = ((best - x) ** 2).mean()
    for other in (noisy, noisy / 0.6, 0.95 * best, best + 0.05, mixture.denoise(noisy, 0.6, 0.4)):
        assert ((other - x) ** 2).mean() > error


@pytest.mark.parametrize(
    ("point", "mode"),
    [
        pytest.param((2.0, 0.0), 0, id="first-mode"),
        pytest.param((0.0, 2.29), 2, id="within-three-deviations"),
        pytest.param((0.0, 2.31), -1, id="beyond-three-deviations"),
        pytest.param((-2.0, 0.0), 4, id="opposite"),
        pytest.param((0.0, 0.0), -1, id="in-the-middle"),
    ],
)
def test_assign_known_answers(point, mode):
    assert ring().assign(np.array([point]))[0] == mode


def test_all_modes_are_drawn_and_recognised():
    for mixture in (ring(), grid()):
        modes = mixture.assign(mixture.sample(20_000, 0))
        assert (modes >= 0).mean() == pytest.approx(1 - np.exp(-4.5), abs=0.003)  # 3 sd in a plane
        shares = np.bincount(modes[modes >= 0], minlength=len(mixture.weights)) / 20_000
        np.testing.assert_allclose(shares, mixture.weights, atol=0.012)
