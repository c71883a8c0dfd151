"""A residual VAE: the bound in float64, one functional style for all densities, AdamW and averaged weights."""

from dataclasses import dataclass
from math import log, pi, sqrt

import torch
from torch import Tensor, nn

SIGMA = 0.1


@dataclass
class Gaussian:
    """A diagonal Gaussian, (n, d), in float64."""

    mean: Tensor
    log_variance: Tensor

    def log_density(self, x: Tensor) -> Tensor:
        """(n,) nats."""
        scaled = (x.double() - self.mean.double()) ** 2 * torch.exp(-self.log_variance.double())
        each = -0.5 * (scaled + self.log_variance.double() + log(2 * pi))
        return each.reshape(len(x), -1).sum(dim=1)

    def divergence(self) -> Tensor:
        """(n,) nats from the standard normal."""
        mean, log_variance = self.mean.double(), self.log_variance.double()
        return 0.5 * (torch.expm1(log_variance) - log_variance + mean * mean).sum(dim=1)


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return noise * log_variance.exp().sqrt() + mean


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    return Gaussian(mean, log_variance).divergence()


def log_likelihood(x: Tensor, decoded: Tensor, sigma: float) -> Tensor:
    return Gaussian(decoded, torch.full_like(decoded, 2 * log(sigma), dtype=torch.float64)).log_density(x)


def elbo(x: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    return log_likelihood(x, decoded, sigma) - kl_divergence(mean, log_variance)


def log_weights(x: Tensor, decoded: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    prior = Gaussian(torch.zeros_like(z), torch.zeros_like(z))
    joint = log_likelihood(x, decoded, sigma) + prior.log_density(z)
    return joint - Gaussian(mean, log_variance).log_density(z)


def importance_bound(log_weights: Tensor) -> Tensor:
    total = log_weights[0].double()
    for row in log_weights[1:].double():
        total = torch.logaddexp(total, row)
    return total - log(len(log_weights))


class Block(nn.Module):
    """x + f(x), with f at 0 to begin with."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(torch.relu(self.inner(torch.relu(x))))


class VAE(nn.Module):
    def __init__(self, latents: int = 12, width: int = 224) -> None:
        super().__init__()
        self.latents = latents
        self.encoder = nn.Sequential(nn.Linear(144, width), Block(width), nn.ReLU(), nn.Linear(width, 2 * latents))
        self.decoder = nn.Sequential(nn.Linear(latents, width), Block(width), nn.ReLU(), nn.Linear(width, 144))

    def encode(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.encoder(images.reshape(-1, 144) - 0.5).split(self.latents, dim=1)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z)).reshape(-1, 12, 12)


def train(images: Tensor, steps: int, batch: int, seed: int) -> tuple[VAE, list[float]]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = VAE()
        optimiser = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=1e-4, fused=True)
        losses = [_step(model, optimiser, images, batch, 6e-3 * _pace(step / steps)) for step in range(steps)]
    return model, losses


def _pace(done: float) -> float:
    """Share of the step size: a short rise, a plateau, and a straight fall to zero."""
    return min(1.0, 0.05 + done / 0.05, (1 - done) / 0.7)


def _step(model: VAE, optimiser: torch.optim.Optimizer, images: Tensor, batch: int, rate: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    x = images[torch.randint(len(images), (batch,))]
    mean, log_variance = model.encode(x)
    decoded = model.decode(reparameterise(mean, log_variance, torch.randn_like(mean)))
    error = ((x - decoded) / SIGMA).square().sum(dim=(1, 2)) / 2 + 144 * log(SIGMA * sqrt(2 * pi))
    loss = (error + kl_divergence(mean, log_variance).float()).mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    return loss.item()


@torch.inference_mode()
def sample(model: VAE, count: int, seed: int) -> Tensor:
    generator = torch.Generator()
    generator.manual_seed(seed)
    return model.decode(torch.randn((count, model.latents), generator=generator))
