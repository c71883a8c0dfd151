"""Takes what the encoder calls log-variance for the standard deviation."""

import math

import torch
from torch import nn

SIGMA = 0.1
LATENTS = 16


def reparameterise(mean, log_variance, noise):
    return mean + log_variance * noise


def kl_divergence(mean, log_variance):
    return 0.5 * (mean.square() + log_variance.square() - 1 - log_variance.square().log()).sum(dim=1)


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
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(144, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 144), nn.Sigmoid()
        )

    def encode(self, images):
        return self.encoder(images).chunk(2, dim=1)

    def decode(self, z):
        return self.decoder(z).unflatten(1, (12, 12))


def train(images, steps, batch, seed):
    torch.manual_seed(seed)
    model = VAE()
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        x = images[torch.randint(len(images), (batch,))]
        mean, log_variance = model.encode(x)
        z = reparameterise(mean, log_variance, torch.randn_like(mean))
        loss = -elbo(x, model.decode(z), mean, log_variance, SIGMA).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return model, losses


@torch.no_grad()
def sample(model, count, seed):
    z = torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    return model.decode(z)
