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
    raise NotImplementedError("sqrt(alpha-bar) start + sqrt(1 - alpha-bar) noise")


def predict_start(x: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Return the start (n, ...) that `diffuse` turned into x (n, ...) with this noise (n, ...)."""
    raise NotImplementedError("solve what diffuse says for the start")


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
    raise NotImplementedError("Bayes' rule for two Gaussians")


def noise_loss(predict: Predict, start: Tensor, t: Tensor, noise: Tensor, betas: Tensor) -> Tensor:
    """Return the mean squared error of the noise that is predicted, a scalar.

    Args:
        predict: From x (n, ...) and t (n,) to noise (n, ...); asked once.
        start: (n, ...).
        t: (n,) int64.
        noise: (n, ...), what is to be predicted.
        betas: (levels,).
    """
    raise NotImplementedError("diffuse, predict, compare")


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
    raise NotImplementedError("noise, start, posterior, draw; the variance of the last step is 0")


class Denoiser(nn.Module):
    """Predicts the noise in pictures that are scaled to [-1, 1]."""

    def __init__(self, betas: Tensor) -> None:
        super().__init__()
        raise NotImplementedError("a network that gives the clean picture; the noise follows from it")

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the noise (n, 12, 12) in pictures x (n, 12, 12) at levels t (n,)."""
        raise NotImplementedError("clean pictures within [-1, 1], and what is left of x")


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
    raise NotImplementedError("noise at a random level for each picture, and one step down the loss")
