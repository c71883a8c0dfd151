"""Compares the squared length with 1."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

WIDTH = 64
CRITIC_UPDATES = 2
"""Updates of the critic before each update of the generator."""
WEIGHT = 1.0
"""Of the penalty."""


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return what the critic lowers: minus its estimate of the distance, from scores (n,) and (m,)."""
    return fake_scores.mean() - real_scores.mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Return what the generator lowers, from scores (n,) of its points."""
    return -fake_scores.mean()


def interpolate(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """Return points on the lines between pairs.

    Args:
        real: (n, d).
        fake: (n, d).
        shares: (n,) in [0, 1]: how much of the real point each one takes.

    Returns:
        (n, d); `real` where the share is 1, `fake` where it is 0.
    """
    part = shares.unsqueeze(1)  # (n, 1)
    return part * real + (1 - part) * fake


def gradient_penalty(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return how far the critic's slopes at some points are from 1: the mean of (|slope| - 1)².

    Args:
        critic: From (n, d) to scores (n,), each row on its own.
        points: (n, d).

    Returns:
        A scalar through which gradients flow back to the critic's weights.
    """
    points = points.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)  # (n, d)
    return (slopes.square().sum(dim=1) - 1).square().mean()


def critic_gradients(
    critic: nn.Module, real: Tensor, fake: Tensor, shares: Tensor, weight: float
) -> dict[str, Tensor]:
    """Return the gradient of the critic's whole objective by each of its parameters.

    The objective is critic_loss + weight * gradient_penalty, the penalty at the points between.

    Args:
        critic: From (n, d) to (n,).
        real: (n, d).
        fake: (n, d).
        shares: (n,) in [0, 1].
        weight: Of the penalty.

    Returns:
        A gradient for each name of `critic.named_parameters()`, shaped like the parameter.
    """
    penalty = gradient_penalty(critic, interpolate(real, fake, shares))
    objective = critic_loss(critic(real), critic(fake)) + weight * penalty
    named = dict(critic.named_parameters())
    slopes = torch.autograd.grad(objective, list(named.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(named, slopes, strict=True))


def layers(inputs: int, outputs: int) -> nn.Sequential:
    """Return a small network."""
    return nn.Sequential(
        nn.Linear(inputs, WIDTH),
        nn.LeakyReLU(0.2),
        nn.Linear(WIDTH, WIDTH),
        nn.LeakyReLU(0.2),
        nn.Linear(WIDTH, outputs),
    )


class Generator(nn.Module):
    """From noise to points."""

    def __init__(self) -> None:
        super().__init__()
        self.network = layers(2, 2)

    def forward(self, z: Tensor) -> Tensor:
        """Return points (n, 2) for standard normal noise z (n, 2)."""
        return self.network(z)


class Critic(nn.Module):
    """From points to scores without bounds; it has no normalisation over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.network = layers(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (n,) for points (n, 2)."""
        return self.network(x).squeeze(1)


def train(
    data: Tensor, *, steps: int, batch: int, seed: int
) -> tuple[Generator, Critic, list[float]]:
    """Return a generator, its critic, and the critic's estimate of the distance at each step.

    Args:
        data: (n, 2) float32.
        steps: Updates of the generator.
        batch: Points in each update.
        seed: Makes two trainings alike.
    """
    torch.manual_seed(seed)
    generator, critic = Generator(), Critic()
    make = torch.optim.Adam(generator.parameters(), betas=(0.5, 0.9))
    judge = torch.optim.Adam(critic.parameters(), betas=(0.5, 0.9))
    estimates = []
    for step in range(steps):
        make.param_groups[0]["lr"] = judge.param_groups[0]["lr"] = learning_rate(step, steps)
        for _ in range(CRITIC_UPDATES):
            real = data[torch.randint(len(data), (batch,))]
            fake = generator(torch.randn(batch, 2)).detach()
            slopes = critic_gradients(critic, real, fake, torch.rand(batch), WEIGHT)
            for name, parameter in critic.named_parameters():
                parameter.grad = slopes[name]
            judge.step()
        with torch.no_grad():
            estimates.append(-critic_loss(critic(real), critic(fake)).item())
        loss = generator_loss(critic(generator(torch.randn(batch, 2))))
        make.zero_grad()
        loss.backward()
        make.step()
    return generator, critic, estimates


def learning_rate(step: int, steps: int, peak: float = 3e-3) -> float:
    """Return the rate of one step: constant for the first half, then falling to 0 along a line."""
    return peak * min(1.0, 2 * (1 - step / steps))
