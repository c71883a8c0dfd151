"""A VAE with an encoder that looks at patches, with the densities taken from torch.distributions and the training set shuffled in epochs."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Normal

SIGMA = 0.1
LATENTS = 10


def reparameterise(mean, log_variance, noise):
    return torch.addcmul(mean, noise, (log_variance / 2).exp())


def kl_divergence(mean, log_variance):
    return -(1 + log_variance - mean.pow(2) - log_variance.exp()).sum(-1) / 2


def log_likelihood(x, decoded, sigma):
    return Normal(decoded, sigma).log_prob(x).reshape(len(x), -1).sum(1)


def elbo(x, decoded, mean, log_variance, sigma):
    return log_likelihood(x, decoded, sigma) - kl_divergence(mean, log_variance)


def log_weights(x, decoded, z, mean, log_variance, sigma):
    prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    posterior = Normal(mean, (log_variance / 2).exp()).log_prob(z).sum(1)
    return log_likelihood(x, decoded, sigma) + prior - posterior


def importance_bound(log_weights):
    largest = log_weights.max(dim=0).values
    return largest + (log_weights - largest).exp().mean(dim=0).log()


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.inward = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 9, 192),
            nn.ReLU(),
        )
        self.mean = nn.Linear(192, LATENTS)
        self.log_variance = nn.Linear(192, LATENTS)
        self.outward = nn.Sequential(
            nn.Linear(LATENTS, 256),
            nn.ReLU(),
            nn.Linear(256, 256),
            nn.ReLU(),
            nn.Linear(256, 144),
            nn.Unflatten(1, (1, 12, 12)),
        )

    def encode(self, images):
        hidden = self.inward(images.unsqueeze(1))
        return self.mean(hidden), self.log_variance(hidden)

    def decode(self, z):
        return self.outward(z).squeeze(1).sigmoid()


def batches(images, batch, generator):
    """Yield batches for ever, the set in a new order each time it is through."""
    while True:
        for rows in torch.randperm(len(images), generator=generator).split(batch):
            if len(rows) == min(batch, len(images)):
                yield images[rows]


def train(images, steps, batch, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = VAE()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    losses = []
    for step, x in zip(range(steps), batches(images, batch, generator)):
        optimiser.param_groups[0]["lr"] = 1e-2 * min(1, (step + 1) / 100) * (1 + math.cos(math.pi * step / steps)) / 2
        mean, log_variance = model.encode(x)
        noise = torch.randn(mean.shape, generator=generator)
        decoded = model.decode(reparameterise(mean, log_variance, noise))
        loss = (F.mse_loss(decoded, x, reduction="sum") / (2 * SIGMA**2) + kl_divergence(mean, log_variance).sum()) / len(x)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return model, losses


def sample(model, count, seed):
    z = torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return model.decode(z)
