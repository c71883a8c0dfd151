import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.stats import multivariate_normal

from harness.sources.ppca import PPCA, make_ppca


@pytest.mark.parametrize(("dimensions", "latents"), [(2, 1), (8, 2), (5, 5)])
def test_density_agrees_with_scipy(dimensions, latents):
    source = make_ppca(seed=1, dimensions=dimensions, latents=latents)
    x = source.sample(50, 2)
    expected = multivariate_normal(source.mu, source.covariance)
    np.testing.assert_allclose(source.log_density(x), expected.logpdf(x), rtol=1e-10)
    assert source.entropy == pytest.approx(expected.entropy(), rel=1e-12)


def test_density_is_the_integral_over_the_latents():
    source = make_ppca(seed=0, dimensions=3, latents=2)
    x = source.sample(1, 3)[0]

    def joint(a, b):
        z = np.array([a, b])
        noise = (x - source.decode(z)) / source.sigma
        constant = 5 * np.log(2 * np.pi) + 2 * 3 * np.log(source.sigma)
        return np.exp(-0.5 * (z @ z + noise @ noise + constant))

    integral, _ = dblquad(joint, -8, 8, -8, 8, epsabs=1e-10)
    assert np.exp(source.log_density(x[None])[0]) == pytest.approx(integral, rel=1e-5)


def test_posterior_and_joint_give_the_density_by_bayes_at_any_latent():
    source = make_ppca(seed=4)
    x = source.sample(20, 1)
    mean, covariance = source.posterior(x)
    assert mean.shape == (20, 2)
    assert covariance.shape == (2, 2)
    z = np.random.default_rng(0).normal(size=(20, 2))
    likelihood = [
        multivariate_normal(centre, source.sigma**2 * np.eye(8)).logpdf(row)
        for centre, row in zip(source.decode(z), x, strict=True)
    ]
    prior = multivariate_normal(np.zeros(2), np.eye(2)).logpdf(z)
    posterior = [multivariate_normal(m, covariance).logpdf(row) for m, row in zip(mean, z, strict=True)]
    np.testing.assert_allclose(likelihood + prior - posterior, source.log_density(x), rtol=1e-9)


def test_latent_directions_are_orthogonal_so_the_posterior_is_diagonal():
    source = make_ppca(seed=3, dimensions=7, latents=4)
    _, covariance = source.posterior(source.sample(1, 0))
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(source.W, axis=0), [2, 1.75, 1.5, 1.25])


def test_samples_have_the_moments_and_the_entropy():
    source = make_ppca(seed=2)
    x = source.sample(100_000, 3)
    np.testing.assert_allclose(x.mean(axis=0), source.mu, atol=0.03)
    np.testing.assert_allclose(np.cov(x.T), source.covariance, atol=0.06)
    surprise = -source.log_density(x)
    assert surprise.mean() == pytest.approx(source.entropy, abs=4 * surprise.std() / np.sqrt(len(x)))


def test_seeds_change_the_source_and_not_its_difficulty():
    one, other = make_ppca(seed=1), make_ppca(seed=2)
    assert one.entropy == pytest.approx(other.entropy, rel=1e-12)
    assert np.abs(one.W - other.W).max() > 0.1
    np.testing.assert_array_equal(one.sample(5, 9), PPCA(one.W, one.mu, one.sigma).sample(5, 9))
