"""A Wasserstein GAN with gradient penalty, for points in the plane.

I. Gulrajani and others, "Improved Training of Wasserstein GANs" (2017). Shapes are written at
the end of lines; n counts points.
"""

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
    raise NotImplementedError("fake scores go down, real ones up")


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Return what the generator lowers, from scores (n,) of its points."""
    raise NotImplementedError("the critic's scores of what was made shall go up")


def interpolate(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """Return points on the lines between pairs.

    Args:
        real: (n, d).
        fake: (n, d).
        shares: (n,) in [0, 1]: how much of the real point each one takes.

    Returns:
        (n, d); `real` where the share is 1, `fake` where it is 0.
    """
    raise NotImplementedError("every pair has a share of its own")


def gradient_penalty(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return how far the critic's slopes at some points are from 1: the mean of (|slope| - 1)².

    Args:
        critic: From (n, d) to scores (n,), each row on its own.
        points: (n, d).

    Returns:
        A scalar through which gradients flow back to the critic's weights.
    """
    raise NotImplementedError("slopes by autograd, with a graph of their own; a length for each point")


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
    raise NotImplementedError("objective, then gradients; zeros where a parameter plays no part")


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
    raise NotImplementedError("the critic first, several times; then the generator, once")


def learning_rate(step: int, steps: int, peak: float = 3e-3) -> float:
    """Return the rate of one step: constant for the first half, then falling to 0 along a line."""
    return peak * min(1.0, 2 * (1 - step / steps))
