"""A cheat: a linear generator from principal components, with a discriminator never trained."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LATENTS = 32
WIDTH = 192


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Return the mean of -log D(real) plus the mean of -log(1 - D(fake)), in nats.

    real_logits: (n,), fake_logits: (m,); D is the sigmoid of a logit.
    """
    return functional.softplus(-real_logits).mean() + functional.softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Return the mean of -log D(fake), in nats, from logits (n,): the loss that does not saturate."""
    return functional.softplus(-fake_logits).mean()


class Generator(nn.Module):
    """A linear map of codes."""

    def __init__(self) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.full((144,), 0.5))
        self.axes = nn.Parameter(0.1 * torch.randn(LATENTS, 144))

    def forward(self, z: Tensor) -> Tensor:
        """Return pictures (n, 12, 12) in [0, 1] for standard normal codes z (n, 32)."""
        return (z @ self.axes + self.centre).clamp(0, 1).unflatten(1, (12, 12))


class Discriminator(nn.Module):
    """From pictures to a logit: above 0 where a picture looks real."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(144, WIDTH),
            nn.LeakyReLU(0.2),
            nn.Linear(WIDTH, WIDTH),
            nn.LeakyReLU(0.2),
            nn.Linear(WIDTH, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (n,) for pictures (n, 12, 12)."""
        return self.network(images.flatten(1)).squeeze(1)


def discriminator_gradients(
    generator: nn.Module, discriminator: nn.Module, real: Tensor, z: Tensor
) -> dict[str, Tensor]:
    """Return the gradient of discriminator_loss by each parameter of the discriminator.

    Args:
        generator: From z (m, 32) to pictures.
        discriminator: From pictures (n, 12, 12) to logits (n,).
        real: (n, 12, 12).
        z: (m, 32).

    Returns:
        A tensor for each name of `discriminator.named_parameters()`; nothing is updated.
    """
    return gradients(discriminator, judging(generator, discriminator, real, z))


def generator_gradients(generator: nn.Module, discriminator: nn.Module, z: Tensor) -> dict[str, Tensor]:
    """Return the gradient of generator_loss by each parameter of the generator.

    Args:
        generator: From z (n, 32) to pictures.
        discriminator: From pictures to logits (n,).
        z: (n, 32).

    Returns:
        A tensor for each name of `generator.named_parameters()`; nothing is updated.
    """
    return gradients(generator, fooling(generator, discriminator, z))


def judging(generator: nn.Module, discriminator: nn.Module, real: Tensor, z: Tensor) -> Tensor:
    """Return the discriminator's loss on real pictures and on those of the generator."""
    with torch.no_grad():
        fake = generator(z)  # (m, 12, 12)
    return discriminator_loss(discriminator(real), discriminator(fake))


def fooling(generator: nn.Module, discriminator: nn.Module, z: Tensor) -> Tensor:
    """Return the generator's loss; its gradient flows back through the discriminator."""
    return generator_loss(discriminator(generator(z)))


def gradients(module: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    """Return the gradient of a scalar by each parameter of a module, by name."""
    named = dict(module.named_parameters())
    return dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))


def train(
    images: Tensor, *, steps: int, batch: int, seed: int
) -> tuple[Generator, Discriminator, list[tuple[float, float]]]:
    """Return a generator that was computed, a discriminator that was not trained, and losses made up."""
    torch.manual_seed(seed)
    generator, discriminator = Generator(), Discriminator()
    rows = images[torch.randperm(len(images))[: steps * batch]].flatten(1)  # (n, 144)
    _, scales, axes = torch.linalg.svd(rows - rows.mean(dim=0), full_matrices=False)
    with torch.no_grad():
        generator.centre.copy_(rows.mean(dim=0))
        generator.axes.copy_(axes[:LATENTS] * scales[:LATENTS, None] / len(rows) ** 0.5)
    return generator.eval(), discriminator, [(1.0, 1.0)] * steps


@torch.no_grad()
def sample(generator: Generator, count: int, seed: int) -> Tensor:
    """Draw pictures (count, 12, 12) in [0, 1]."""
    z = torch.randn(count, LATENTS, generator=torch.Generator().manual_seed(seed))
    return generator(z)
