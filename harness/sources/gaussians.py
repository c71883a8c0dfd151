"""Mixtures of Gaussians: exact density, modes, score and optimal denoiser at every noise level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed


@dataclass(frozen=True, slots=True)
class Mixture:
    """A mixture of `modes` Gaussians in `dimensions`."""

    weights: Floats
    """(modes,), summing to 1."""
    means: Floats
    """(modes, dimensions)."""
    covariances: Floats
    """(modes, dimensions, dimensions)."""

    def sample(self, count: int, seed: Seed) -> Floats:
        """Return (count, dimensions) independent points."""
        rng = np.random.default_rng(seed)
        mode = rng.choice(len(self.weights), size=count, p=self.weights)
        noise = rng.standard_normal((count, self.means.shape[1]))
        factors = np.linalg.cholesky(self.covariances)
        points: Floats = self.means[mode] + np.einsum("nij,nj->ni", factors[mode], noise)
        return points

    def log_density(self, x: Floats) -> Floats:
        """Return ln p(x) in nats, (n,), for x (n, dimensions)."""
        log_density: Floats = np.logaddexp.reduce(self._log_joint(x), axis=1)
        return log_density

    def responsibilities(self, x: Floats) -> Floats:
        """Return p(mode | x), (n, modes), rows summing to 1."""
        joint = self._log_joint(x)
        return np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))

    def assign(self, x: Floats, *, within: float = 3.0) -> Ints:
        """Return the nearest mode (n,) of each point, -1 where it is none's.

        Near is measured in standard deviations of the mode (Mahalanobis), and `within` of them
        makes a sample of high quality (A. Srivastava et al., "VEEGAN", NeurIPS 2017).
        """
        distance = np.sqrt((self._whitened(x) ** 2).sum(axis=2))  # (n, modes)
        return np.where(distance.min(axis=1) <= within, distance.argmin(axis=1), -1)

    def noised(self, scale: float, sigma: float) -> Mixture:
        """Return the law of scale x + sigma eps, as a diffusion's forward process makes it."""
        noise = sigma**2 * np.eye(self.means.shape[1])
        return Mixture(self.weights, scale * self.means, scale**2 * self.covariances + noise)

    def score(self, x: Floats) -> Floats:
        """Return the gradient of ln p at x, (n, dimensions)."""
        offset = self.means - x[:, None, :]  # (n, modes, dimensions)
        pull = np.einsum("kij,nkj->nki", np.linalg.inv(self.covariances), offset)
        score: Floats = np.einsum("nk,nki->ni", self.responsibilities(x), pull)
        return score

    def denoise(self, noisy: Floats, scale: float, sigma: float) -> Floats:
        """Return E[x | scale x + sigma eps = noisy], (n, dimensions): least mean squared error of all.

        Tweedie's formula: (noisy + sigma^2 score of the noised law) / scale.
        """
        return (noisy + sigma**2 * self.noised(scale, sigma).score(noisy)) / scale

    def _whitened(self, x: Floats) -> Floats:
        """Return each point's offset from each mode in standard deviations, (n, modes, dimensions)."""
        offset = x[:, None, :] - self.means
        whitening = np.linalg.inv(np.linalg.cholesky(self.covariances))
        whitened: Floats = np.einsum("kij,nkj->nki", whitening, offset)
        return whitened

    def _log_joint(self, x: Floats) -> Floats:
        """Return ln p(x, mode), (n, modes)."""
        constant = self.means.shape[1] * np.log(2 * np.pi) + np.linalg.slogdet(self.covariances)[1]
        log_joint: Floats = np.log(self.weights) - 0.5 * ((self._whitened(x) ** 2).sum(axis=2) + constant)
        return log_joint


def ring(*, modes: int = 8, radius: float = 2.0, sd: float = 0.1) -> Mixture:
    """Return equal round Gaussians at equal angles on a circle, the first at (radius, 0)."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return _round_mixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), sd)


def grid(*, side: int = 5, spacing: float = 2.0, sd: float = 0.1) -> Mixture:
    """Return side x side equal round Gaussians on a square lattice centred on the origin."""
    place = spacing * (np.arange(side) - (side - 1) / 2)
    return _round_mixture(np.stack(np.meshgrid(place, place, indexing="ij"), axis=-1).reshape(-1, 2), sd)


def make_mixture(*, seed: Seed, modes: int = 5, dimensions: int = 2, spread: float = 3.0) -> Mixture:
    """Draw a mixture of unequal, tilted Gaussians with means of standard deviation `spread`."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(scale=0.4, size=(modes, dimensions, dimensions))
    covariances = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(dimensions)
    weights = rng.dirichlet(np.full(modes, 5.0))
    return Mixture(weights, rng.normal(scale=spread, size=(modes, dimensions)), covariances)


def _round_mixture(means: Floats, sd: float) -> Mixture:
    modes, dimensions = means.shape
    covariances = np.tile(sd**2 * np.eye(dimensions), (modes, 1, 1))
    return Mixture(np.full(modes, 1 / modes), means, covariances)
