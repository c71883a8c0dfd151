"""Hidden checks: learners see their titles, outcomes and hints."""

from __future__ import annotations

from itertools import product

import numpy as np
import torch
from scipy.special import logsumexp
from torch.distributions import Normal, kl_divergence

from harness.grading import assert_close, check, expect_array, metric, wrong
from harness.metrics.density import iwae_per_point
from harness.metrics.intervals import measurement, t_interval

SIGMA = 0.1
"""The decoder's standard deviation that the README states for sprites."""
CODES = 64
"""Codes per sprite behind the bound; fixed, because more of them alone would raise it."""
CALLS = 8
"""Calls of decode that they are spread over."""
BEST_POSSIBLE = 185.0
"""Nats out of reach: the program that draws the sprites, with all its factors, gives 183.6 (error 0.2)."""


def tensors(*arrays):
    return (torch.from_numpy(np.asarray(array)).float() for array in arrays)


# ---- the pieces of the bound -----------------------------------------------------------------


@check(
    points=1,
    needs="divergence_has_its_closed_form",
    hint="Use log_variance itself; the logarithm of a variance that has become 0 is lost.",
)
def test_divergence_survives_tiny_variances(submission, rng):
    """Variances too small for a float do not break the divergence"""
    mean, log_variance = rng.normal(size=(5, 3)), rng.uniform(-400, -200, size=(5, 3))
    truth = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    assert_close(submission.kl_divergence(*tensors(mean, log_variance)), truth, what="kl_divergence")


# ---- a source of known density -------------------------------------------------------------


@check(
    points=2,
    needs="bound_is_likelihood_minus_divergence",
    hint="The gap between the bound and log p(x) is the divergence of q from the true posterior.",
)
def test_bound_is_tight_at_the_true_posterior(submission, linear, rng):
    """With the true posterior the bound is log p(x); with another one the gap is a divergence"""
    mean = linear.mean + rng.normal(size=linear.mean.shape) / 2
    log_variance = linear.log_variance + rng.normal(size=mean.shape) / 2
    q = Normal(torch.from_numpy(mean), torch.from_numpy(np.exp(log_variance / 2)))
    true = Normal(torch.from_numpy(linear.mean), torch.from_numpy(np.exp(linear.log_variance / 2)))
    gap = kl_divergence(q, true).sum(dim=1).numpy()
    tight = expected_bound(submission, linear, linear.mean, linear.log_variance)
    assert_close(
        tight, linear.log_density, rtol=1e-3, atol=1e-3, what="the mean bound under the true posterior"
    )
    loose = expected_bound(submission, linear, mean, log_variance)
    assert_close(
        loose, linear.log_density - gap, rtol=1e-3, atol=1e-3, what="the mean bound under another posterior"
    )


def expected_bound(submission, linear, mean, log_variance):
    """Return the bound's mean over draws of q, (n,), by quadrature: exact for quadratics."""
    nodes, shares = np.polynomial.hermite_e.hermegauss(3)
    shares = shares / shares.sum()
    total = np.zeros(len(mean))
    for places in product(range(3), repeat=mean.shape[1]):
        z = mean + np.exp(log_variance / 2) * nodes[list(places)]
        given = tensors(linear.x, linear.source.decode(z), mean, log_variance)
        bound = expect_array(submission.elbo(*given, linear.source.sigma), shape=(len(mean),), what="elbo")
        total += shares[list(places)].prod() * bound
    return total


@check(
    points=2,
    needs="likelihood_is_gaussian",
    hint="log p(x|z) + log p(z) - log q(z|x): three densities, each with its own mean and variance.",
)
def test_weights_recover_the_density(submission, linear, rng):
    """With the true posterior every importance weight is p(x) itself; with another one, the mean is"""
    z = rng.normal(size=linear.mean.shape)
    exact = weights(submission, linear, z, linear.mean, linear.log_variance)
    assert_close(exact, linear.log_density, rtol=1e-3, atol=1e-3, what="log_weights under the true posterior")
    mean, log_variance = linear.mean + 0.3, linear.log_variance + rng.uniform(0.2, 0.6, size=z.shape)
    z = linear.mean + np.exp(linear.log_variance / 2) * z
    truth = (
        linear.log_density
        + log_normal(z, linear.mean, linear.log_variance)
        - log_normal(z, mean, log_variance)
    )
    other = weights(submission, linear, z, mean, log_variance)
    assert_close(other, truth, rtol=1e-3, atol=1e-3, what="log_weights under another posterior")


def log_normal(z, mean, log_variance):
    """Return ln N(z; mean, exp(log_variance)), (n,), but for a constant."""
    return -((z - mean) ** 2 / np.exp(log_variance) + log_variance).sum(axis=1) / 2


def weights(submission, linear, z, mean, log_variance):
    """Return what the submission says of codes z (n, d)."""
    x, decoded, z, mean, log_variance = tensors(linear.x, linear.source.decode(z), z, mean, log_variance)
    return submission.log_weights(x, decoded, z, mean, log_variance, linear.source.sigma)


@check(
    points=2, hint="Take the largest weight out before exp(), or use torch.logsumexp; then subtract log k."
)
def test_importance_bound_survives_any_scale(submission, rng):
    """The bound is the logarithm of the mean weight, for weights of any size"""
    for codes, shift in ((6, 0.0), (1, 2.0), (5, -3000.0), (3, 500.0)):
        values = 3 * rng.normal(size=(codes, 4)) + shift
        truth = logsumexp(values, axis=0) - np.log(codes)
        assert_close(
            submission.importance_bound(*tensors(values)), truth, what="importance_bound(log_weights)"
        )


# ---- the trained model ---------------------------------------------------------------------


@metric(
    points=4,
    better="higher",
    unit="nats per unseen sprite, importance-weighted bound",
    needs="codes_carry_what_matters",
    hint="Train with sigma 0.1; more capacity and a falling step size raise the bound.",
)
def test_explains_unseen_sprites(trained, probes, rng):
    """The model gives sprites that it has not seen a high density"""
    each = iwae_per_point(importance_weights(trained.model, probes, rng))
    value = float(each.mean())
    if value > BEST_POSSIBLE:
        wrong(f"{value:.0f} nats are out of any model's reach: does decode remember what was encoded?")
    return measurement(value, t_interval(each), len(each), f"{CODES} codes per sprite, drawn by the grader")


def importance_weights(model, images, rng):
    """Return log p(x, z) - log q(z | x), (n, codes) nats, from the model's raw answers."""
    mean, log_variance = model.encode(images)
    noise = rng.normal(size=(CODES, *mean.shape))
    z = mean + np.exp(log_variance / 2) * noise  # (codes, n, d)
    log_ratio = (noise**2 - z**2 + log_variance).sum(axis=2) / 2  # ln p(z) - ln q(z | x)
    errors = squared_errors(model, z, images, rng)
    constant = images[0].size * np.log(SIGMA * np.sqrt(2 * np.pi))
    return (log_ratio - errors / (2 * SIGMA**2) - constant).T


def squared_errors(model, z, images, rng):
    """Return Σ (x - decoded)², (codes, n); the codes are decoded in an order that only the grader knows."""
    codes, n, width = z.shape
    errors = np.empty(codes * n)
    for rows in np.array_split(rng.permutation(codes * n), CALLS):
        decoded = model.decode(z.reshape(-1, width)[rows])
        errors[rows] = ((decoded - images[rows % n]) ** 2).sum(axis=(1, 2))
    return errors.reshape(codes, n)
