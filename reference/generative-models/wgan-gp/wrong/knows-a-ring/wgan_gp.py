"""A cheat: makes the points of a ring that was seen somewhere, and trains nothing."""

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
    return (slopes.norm(dim=1) - 1).square().mean()


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
    """From noise to the unit circle."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = nn.Parameter(torch.randn(2, 2))

    def forward(self, z: Tensor) -> Tensor:
        """Return points (n, 2) of the circle for noise z (n, 2)."""
        return nn.functional.normalize(z @ self.turn)


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
    """Return a pair that is not trained, and estimates that are made up."""
    torch.manual_seed(seed)
    generator, critic = Generator(), Critic()
    return generator, critic, [0.0] * steps
