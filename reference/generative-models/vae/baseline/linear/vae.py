"""A linear VAE: principal components with noise, whose best weights are known without training.

M. Tipping, C. Bishop, "Probabilistic principal component analysis", JRSS B 61 (1999). What a
network that learns has to beat.

Shapes are written at the end of lines. n counts data points, d the coordinates of a latent
code, k the codes drawn for one data point. All likelihoods are natural logarithms, in nats.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIGMA = 0.1
"""Standard deviation of a sprite's pixels around the decoded picture, in units of brightness."""
LATENTS = 16
"""Coordinates of a code. A sprite has six factors; the coordinates that are not needed cost nothing."""


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Return a draw from N(mean, exp(log_variance)) through which gradients flow.

    Args:
        mean: (n, d).
        log_variance: (n, d); the natural logarithm of the variance, not of the standard deviation.
        noise: (n, d), drawn from the standard normal distribution by the caller.

    Returns:
        (n, d), differentiable with respect to `mean` and `log_variance`.
    """
    return mean + torch.exp(0.5 * log_variance) * noise


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, in closed form.

    Args:
        mean: (n, d).
        log_variance: (n, d).

    Returns:
        (n,), summed over the coordinates; 0 or more, and 0 only at the prior.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def log_likelihood(x: Tensor, decoded: Tensor, sigma: float) -> Tensor:
    """Return log N(x; decoded, sigma²) in nats: how well the decoder explains the data.

    Args:
        x: (n, ...), such as pictures (n, 12, 12).
        decoded: The same shape; the mean of x given its code.
        sigma: Standard deviation of every entry of x around it, above 0.

    Returns:
        (n,), summed over all other axes, its constant included: a density, so it may be above 0.
    """
    error = (x - decoded) / sigma  # (n, ...)
    return (
        -(0.5 * error.square() + math.log(sigma) + 0.5 * math.log(2 * math.pi))
        .flatten(start_dim=1)
        .sum(dim=1)
    )


def elbo(x: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    """Return the evidence lower bound in nats, estimated with one code for each data point.

    Args:
        x: (n, ...).
        decoded: The same shape; decoded from one draw of N(mean, exp(log_variance)).
        mean: (n, d), of the encoder.
        log_variance: (n, d), of the encoder.
        sigma: Standard deviation of the decoder.

    Returns:
        (n,); higher is better. Its mean over draws is at most log p(x).
    """
    return log_likelihood(x, decoded, sigma) - kl_divergence(mean, log_variance)


def log_weights(
    x: Tensor, decoded: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor, sigma: float
) -> Tensor:
    """Return log p(x | z) + log p(z) - log q(z | x) in nats: the log importance weight of each code.

    Args:
        x: (n, ...).
        decoded: The same shape; decoded from z.
        z: (n, d), any codes.
        mean: (n, d); q(z | x) is N(mean, exp(log_variance)), and p(z) is N(0, 1).
        log_variance: (n, d).
        sigma: Standard deviation of the decoder.

    Returns:
        (n,). The mean of exp(log weight) over draws of q is p(x), whatever q is.
    """
    log_prior = -0.5 * z.square().sum(dim=1)  # (n,)
    error = (z - mean).square() / log_variance.exp()  # (n, d)
    log_posterior = -0.5 * (error + log_variance).sum(dim=1)  # (n,)
    return log_likelihood(x, decoded, sigma) + log_prior - log_posterior


def importance_bound(log_weights: Tensor) -> Tensor:
    """Return the logarithm of the mean importance weight: the bound of the IWAE.

    Args:
        log_weights: (k, n) nats, of k codes for each of n data points.

    Returns:
        (n,) nats; finite for finite weights, however far from 0 they are.
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


class VAE(nn.Module):
    """A Gaussian of low rank; its exact posterior is a Gaussian with a diagonal covariance."""

    def __init__(self) -> None:
        super().__init__()
        axes, _ = torch.linalg.qr(torch.randn(144, LATENTS))
        self.register_buffer("axes", axes)  # (144, d), orthonormal
        self.register_buffer("spread", torch.ones(LATENTS))
        self.register_buffer("centre", torch.zeros(144))

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the exact posterior of each picture (n, 12, 12): two tensors (n, d)."""
        variance = 1 / (1 + self.spread.square() / SIGMA**2)  # (d,)
        mean = (images.flatten(1) - self.centre) @ self.axes * self.spread * variance / SIGMA**2
        return mean, variance.log().expand_as(mean)

    def decode(self, z: Tensor) -> Tensor:
        """Return pictures (n, 12, 12) of codes (n, d)."""
        return (z * self.spread @ self.axes.T + self.centre).unflatten(1, (12, 12))


def train(images: Tensor, steps: int, batch: int, seed: int) -> tuple[VAE, list[float]]:
    """Return the best linear model of as many pictures as all batches hold, at most the training set."""
    torch.manual_seed(seed)
    model = VAE()
    rows = images[torch.randperm(len(images))[: steps * batch]].flatten(1)  # (n, 144)
    model.centre.copy_(rows.mean(dim=0))
    _, scales, axes = torch.linalg.svd(rows - model.centre, full_matrices=False)
    variance = scales[:LATENTS].square() / len(rows)
    model.axes.copy_(axes[:LATENTS].T)
    model.spread.copy_((variance - SIGMA**2).clamp(min=0).sqrt())
    mean, log_variance = model.encode(images)
    return model, [-elbo(images, model.decode(mean), mean, log_variance, SIGMA).mean().item()] * steps


@torch.no_grad()
def sample(model: VAE, count: int, seed: int) -> Tensor:
    """Draw pictures (count, 12, 12) in [0, 1]."""
    z = torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    return model.decode(z).clamp(0, 1)
