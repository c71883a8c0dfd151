"""Slopes by torch.func, one point at a time; three updates of the critic; a generator that bends noise in steps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad, vmap


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return fake_scores.sum() / len(fake_scores) - real_scores.sum() / len(real_scores)


def generator_loss(fake_scores: Tensor) -> Tensor:
    return fake_scores.neg().mean()


def interpolate(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    return fake + torch.diag(shares) @ (real - fake)


def gradient_penalty(critic, points: Tensor) -> Tensor:
    slopes = vmap(grad(lambda point: critic(point[None])[0]))(points)
    return F.mse_loss(torch.linalg.vector_norm(slopes, dim=-1), torch.ones(len(points), dtype=slopes.dtype))


def critic_gradients(critic: nn.Module, real: Tensor, fake: Tensor, shares: Tensor, weight: float) -> dict[str, Tensor]:
    scores = critic(torch.cat([real, fake]))
    objective = critic_loss(*scores.split([len(real), len(fake)]))
    objective = objective + weight * gradient_penalty(critic, interpolate(real, fake, shares))
    names, weights = zip(*critic.named_parameters())
    return {
        name: torch.zeros_like(value) if slope is None else slope
        for name, value, slope in zip(names, weights, torch.autograd.grad(objective, weights, allow_unused=True))
    }


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(2, 64), nn.Linear(64, 2)
        self.bends = nn.ModuleList([nn.Linear(64, 64), nn.Linear(64, 64)])

    def forward(self, z: Tensor) -> Tensor:
        x = self.inward(z)
        for bend in self.bends:
            x = x + bend(F.leaky_relu(x, 0.2))
        return self.outward(F.leaky_relu(x, 0.2))


class Critic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.1), nn.Linear(64, 64), nn.LeakyReLU(0.1))
        self.score = nn.Linear(64, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.score(self.stack(x)).flatten()


def train(data: Tensor, *, steps: int, batch: int, seed: int) -> tuple[Generator, Critic, list[float]]:
    torch.manual_seed(seed)
    dice = torch.Generator().manual_seed(seed + 1)
    generator, critic = Generator(), Critic()
    make = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.0, 0.9))
    judge = torch.optim.Adam(critic.parameters(), lr=4e-3, betas=(0.0, 0.9))
    estimates = []
    for step in range(steps):
        factor = 1.0 if step < 0.6 * steps else 0.5 + 0.5 * math.cos(math.pi * (step / steps - 0.6) / 0.4)
        make.param_groups[0]["lr"], judge.param_groups[0]["lr"] = 2e-3 * factor, 4e-3 * factor
        for _ in range(3):
            real = data[torch.randint(len(data), (batch,), generator=dice)]
            with torch.no_grad():
                fake = generator(torch.randn(batch, 2, generator=dice))
            slopes = critic_gradients(critic, real, fake, torch.rand(batch, generator=dice), 0.5)
            for name, parameter in critic.named_parameters():
                parameter.grad = slopes[name]
            judge.step()
        with torch.no_grad():
            estimates.append((critic(real).mean() - critic(fake).mean()).item())
        generator_loss(critic(generator(torch.randn(batch, 2, generator=dice)))).backward()
        make.step()
        make.zero_grad()
    return generator, critic, estimates
