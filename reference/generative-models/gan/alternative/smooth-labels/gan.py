"""Training with smoothed labels and two rates; losses by log-sum-exp."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn


def surprise(logits: Tensor, label: float) -> Tensor:
    """Cross-entropy of a label between 0 and 1, averaged."""
    zero = torch.zeros_like(logits)
    return (torch.logaddexp(zero, logits) - label * logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return surprise(real_logits, 1.0) + surprise(fake_logits, 0.0)


def generator_loss(fake_logits: Tensor) -> Tensor:
    return surprise(fake_logits, 1.0)


def block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, momentum=0.05), nn.LeakyReLU(0.05)]


class Generator(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(*block(32, 160), *block(160, 240), nn.Linear(240, 144), nn.Sigmoid(), nn.Unflatten(1, (12, 12)))


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inward, self.across, self.outward = nn.Linear(144, 240), nn.Linear(240, 160), nn.Linear(160, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = nn.functional.leaky_relu(self.inward(images.reshape(len(images), 144)), 0.2)
        return self.outward(nn.functional.leaky_relu(self.across(x), 0.2)).reshape(len(images))


def by_name(module: nn.Module, value: Tensor) -> dict[str, Tensor]:
    names, weights = zip(*module.named_parameters())
    return {name: slope for name, slope in zip(names, torch.autograd.grad(value, weights))}


def discriminator_gradients(generator, discriminator, real: Tensor, z: Tensor) -> dict[str, Tensor]:
    logits = discriminator(torch.cat([real, generator(z)]))
    return by_name(discriminator, discriminator_loss(logits[: len(real)], logits[len(real) :]))


def generator_gradients(generator, discriminator, z: Tensor) -> dict[str, Tensor]:
    return by_name(generator, generator_loss(discriminator(generator(z))))


def train(images: Tensor, steps: int, batch: int, seed: int):
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    generator, discriminator = Generator(), Discriminator()
    make = torch.optim.AdamW(generator.parameters(), betas=(0.5, 0.98), weight_decay=0.0)
    judge = torch.optim.AdamW(discriminator.parameters(), betas=(0.5, 0.98), weight_decay=0.0)
    losses = []
    for step in range(steps):
        factor = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        make.param_groups[0]["lr"], judge.param_groups[0]["lr"] = 1.5e-3 * factor, 2e-3 * factor
        real = images[torch.from_numpy(draw.integers(len(images), size=batch))]
        fake = generator(torch.from_numpy(draw.normal(size=(batch, 32))).float())
        logits, others = discriminator(real), discriminator(fake.detach())
        judge.zero_grad()
        (surprise(logits, 0.95) + surprise(others, 0.0)).backward()
        judge.step()
        fooled = generator_loss(discriminator(fake))
        for weight, slope in zip(generator.parameters(), torch.autograd.grad(fooled, list(generator.parameters()))):
            weight.grad = slope
        make.step()
        losses.append([discriminator_loss(logits, others).item(), fooled.item()])
    generator.eval()
    return generator, discriminator, np.array(losses)


def sample(generator: Generator, count: int, seed: int) -> Tensor:
    z = np.random.default_rng(seed).standard_normal((count, 32)).astype(np.float32)
    with torch.no_grad():
        return generator(torch.from_numpy(z))
