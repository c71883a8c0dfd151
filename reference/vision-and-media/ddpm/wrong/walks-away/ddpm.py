"""Denoising diffusion: a network learns to tell the noise in a picture, and noise becomes pictures.

J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion Probabilistic Models" (2020). Levels count
from 0, the faintest noise; betas[t] is the variance that step t adds, alpha = 1 - beta, and
alpha-bar the product of the alphas up to t. Shapes are written at the end of lines.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 192
Predict = Callable[[Tensor, Tensor], Tensor]
"""From x (n, ...) and levels t (n,) to the noise in x (n, ...)."""


def per_row(values: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """Return values[t], (n, 1, ...): one number for each row of `like` (n, ...), of its dtype."""
    return values[t].to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def diffuse(start: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Return the start after the steps 0 to t have added noise, all at once.

    Args:
        start: (n, ...), data.
        t: (n,) int64, a level for each row.
        noise: The start's shape, standard normal.
        betas: (levels,), each between 0 and 1.

    Returns:
        (n, ...): a draw of q(x at level t | start).
    """
    alpha_bars = (1 - betas).cumprod(dim=0)  # (levels,)
    share = per_row(alpha_bars, t, start)  # (n, 1, ...)
    return share.sqrt() * start + (1 - share).sqrt() * noise


def predict_start(x: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Return the start (n, ...) that `diffuse` turned into x (n, ...) with this noise (n, ...)."""
    alpha_bars = (1 - betas).cumprod(dim=0)  # (levels,)
    share = per_row(alpha_bars, t, x)  # (n, 1, ...)
    return (x - (1 - share).sqrt() * noise) / share.sqrt()


def posterior(start: Tensor, x: Tensor, t: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance of q(x one level below | x at level t, start).

    Args:
        start: (n, ...).
        x: (n, ...), at level t.
        t: (n,) int64; below level 0 is the start itself.
        betas: (levels,).

    Returns:
        The mean (n, ...) and the variance (n,), 0 at level 0.
    """
    alpha_bars = (1 - betas).cumprod(dim=0)  # (levels,)
    before = torch.cat([torch.ones_like(betas[:1]), alpha_bars[:-1]])  # (levels,), one level below
    variances = betas * (1 - before) / (1 - alpha_bars)  # (levels,)
    of_start = betas * before.sqrt() / (1 - alpha_bars)  # (levels,)
    of_x = (1 - before) * (1 - betas).sqrt() / (1 - alpha_bars)  # (levels,)
    mean = per_row(of_start, t, x) * start + per_row(of_x, t, x) * x  # (n, ...)
    return mean, variances[t]


def noise_loss(predict: Predict, start: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Return the mean squared error of the noise that is predicted, a scalar.

    Args:
        predict: From x (n, ...) and t (n,) to noise (n, ...); asked once.
        start: (n, ...).
        t: (n,) int64.
        noise: (n, ...), what is to be predicted.
        betas: (levels,).
    """
    return functional.mse_loss(predict(diffuse(start, t, noise, betas), t), noise)


@torch.no_grad()
def ancestral_sample(predict: Predict, start: Tensor, noises: Tensor, betas: Tensor) -> Tensor:
    """Walk back from noise to data, one level after the other.

    Args:
        predict: From x (n, ...) and t (n,) to noise (n, ...); asked once for each level.
        start: (n, ...), standard normal: x at the last level.
        noises: (levels, n, ...), standard normal; noises[t] is used in the step down from level t.
        betas: (levels,).

    Returns:
        (n, ...), samples; nothing is clipped.
    """
    x = start
    for level in range(len(betas)):
        t = torch.full((len(x),), level)  # (n,)
        guess = predict_start(x, t, predict(x, t), betas)
        mean, variance = posterior(guess, x, t, betas)
        x = mean + per_row(variance.sqrt(), torch.arange(len(x)), x) * noises[level]
    return x


class Denoiser(nn.Module):
    """Predicts the noise in pictures that are scaled to [-1, 1]."""

    def __init__(self, betas: Tensor) -> None:
        super().__init__()
        self.register_buffer("betas", betas)
        self.level = nn.Embedding(len(betas), WIDTH)
        self.enter = nn.Linear(144, WIDTH)
        self.network = nn.Sequential(
            nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, 144)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the noise (n, 12, 12) in pictures x (n, 12, 12) at levels t (n,)."""
        hidden = self.enter(x.flatten(1)) + self.level(t)  # (n, width)
        clean = self.network(hidden).tanh().unflatten(1, (12, 12))  # (n, 12, 12)
        share = per_row((1 - self.betas).cumprod(dim=0), t, x)  # (n, 1, 1)
        return (x - share.sqrt() * clean) / (1 - share).sqrt()


def train(
    images: Tensor, betas: Tensor, *, steps: int, batch: int, seed: int
) -> tuple[Denoiser, list[float]]:
    """Return a denoiser of pictures, and the noise_loss of each step's batch.

    Args:
        images: (N, 12, 12) float32 in [0, 1]; the network sees them scaled to [-1, 1].
        betas: (levels,).
        steps: Updates of the weights.
        batch: Pictures in an update, each at a level drawn at random.
        seed: Makes two trainings alike.
    """
    torch.manual_seed(seed)
    model, pictures = Denoiser(betas), 2 * images - 1
    optimiser = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=steps, pct_start=0.1)
    alpha_bars = (1 - betas).cumprod(dim=0)
    weights = ((1 - alpha_bars) / alpha_bars).clamp(max=1)  # faint noise would outweigh all else
    losses = []
    for _ in range(steps):
        start = pictures[torch.randint(len(pictures), (batch,))]  # (batch, 12, 12)
        t, noise = torch.randint(len(betas), (batch,)), torch.randn_like(start)
        error = (model(diffuse(start, t, noise, betas), t) - noise).square()  # (batch, 12, 12)
        optimiser.zero_grad()
        (per_row(weights, t, error) * error).mean().backward()
        optimiser.step()
        schedule.step()
        losses.append(error.mean().item())
    return model.eval(), losses
