"""A VAE without layers: its weights are plain tensors, its densities come from torch.distributions."""

import math

import torch
import torch.distributions as D
from torch import Tensor, nn
from torch.nn.functional import silu

SIGMA = 0.1
LATENTS = 16
WIDTH = 224


def reparameterise(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return (log_variance / 2).exp().mul(noise).add(mean)


def normal(mean: Tensor, log_variance: Tensor) -> D.Independent:
    """Rows of independent normal numbers; a deviation of 0 is raised to the least that has a density."""
    deviation = (log_variance.double() / 2).exp().clamp(min=1e-150)
    return D.Independent(D.Normal(mean.double(), deviation, validate_args=False), 1, validate_args=False)


def standard(like: Tensor) -> D.Independent:
    return normal(torch.zeros_like(like), torch.zeros_like(like))


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    return D.kl_divergence(normal(mean, log_variance), standard(mean))


def log_likelihood(x: Tensor, decoded: Tensor, sigma: float) -> Tensor:
    x, decoded = x.flatten(1), decoded.flatten(1)
    return normal(decoded, torch.full_like(decoded, 2 * math.log(sigma))).log_prob(x.double())


def elbo(x: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    return log_likelihood(x, decoded, sigma).sub(kl_divergence(mean, log_variance))


def log_weights(x: Tensor, decoded: Tensor, z: Tensor, mean: Tensor, log_variance: Tensor, sigma: float) -> Tensor:
    z = z.double()
    gain = standard(z).log_prob(z) - normal(mean, log_variance).log_prob(z)
    return gain + log_likelihood(x, decoded, sigma)


def importance_bound(log_weights: Tensor) -> Tensor:
    shares = torch.full_like(log_weights, -math.log(len(log_weights)))
    return (log_weights + shares).logsumexp(0)


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inward = weights(144, WIDTH, WIDTH, 2 * LATENTS)
        self.outward = weights(LATENTS, WIDTH, WIDTH, 144)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        codes = through(self.inward, images.flatten(1) * 2 - 1)
        return codes[:, :LATENTS], codes[:, LATENTS:]

    def decode(self, z: Tensor) -> Tensor:
        return (through(self.outward, z).tanh() + 1).div(2).unflatten(1, (12, 12))


def weights(*sizes: int) -> nn.ParameterList:
    """Matrices with a row more than there are inputs: the last one is the bias."""
    rows = [torch.randn(before + 1, after) * (0.6 / math.sqrt(before)) for before, after in zip(sizes, sizes[1:])]
    for row in rows:
        row[-1] = 0
    return nn.ParameterList(rows)


def through(layers: nn.ParameterList, x: Tensor) -> Tensor:
    for layer in list(layers)[:-1]:
        x = silu(torch.addmm(layer[-1], x, layer[:-1]))
    return torch.addmm(layers[-1][-1], x, layers[-1][:-1])


def train(images: Tensor, steps: int, batch: int, seed: int) -> tuple[VAE, list[float]]:
    torch.manual_seed(seed)
    model = VAE()
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps, pct_start=0.1)
    constant = 72 * math.log(2 * math.pi * SIGMA**2)
    losses = torch.empty(steps)
    for step, rows in enumerate(torch.randint(len(images), (steps, batch))):
        x = images[rows]
        mean, log_variance = model.encode(x)
        decoded = model.decode(reparameterise(mean, log_variance, torch.randn_like(mean)))
        cost = (mean**2 + log_variance.exp() - log_variance - 1).sum() / 2
        error = ((x - decoded) ** 2).sum() / (2 * SIGMA**2)
        value = (error + cost) / batch + constant
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        pace.step()
        losses[step] = value.detach()
    return model, losses.tolist()


def sample(model: VAE, count: int, seed: int) -> Tensor:
    z = torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    return model.decode(z).detach()
