"""Probabilistic PCA: a latent-variable model whose exact density a VAE's bound can be held against.

M. Tipping, C. Bishop, "Probabilistic principal component analysis", JRSS B 61 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.sources import Floats, Seed


@dataclass(frozen=True, slots=True)
class PPCA:
    """x = W z + mu + sigma eps with z and eps standard normal."""

    W: Floats
    """(dimensions, latents)."""
    mu: Floats
    """(dimensions,)."""
    sigma: float
    """Standard deviation of the noise, > 0."""

    @property
    def covariance(self) -> Floats:
        """(dimensions, dimensions) of x."""
        covariance: Floats = self.W @ self.W.T + self.sigma**2 * np.eye(len(self.mu))
        return covariance

    @property
    def entropy(self) -> float:
        """Differential entropy of x in nats: the least mean -ln q(x) of any model q."""
        log_determinant = np.linalg.slogdet(self.covariance).logabsdet
        return float(0.5 * (len(self.mu) * (np.log(2 * np.pi) + 1) + log_determinant))

    def sample(self, count: int, seed: Seed) -> Floats:
        """Return x, (count, dimensions)."""
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((count, self.W.shape[1]))
        return self.decode(z) + self.sigma * rng.standard_normal((count, len(self.mu)))

    def decode(self, z: Floats) -> Floats:
        """Return the mean (n, dimensions) of x given z (n, latents)."""
        mean: Floats = z @ self.W.T + self.mu
        return mean

    def log_density(self, x: Floats) -> Floats:
        """Return ln p(x) in nats, (n,), for x (n, dimensions)."""
        factor = np.linalg.cholesky(self.covariance)
        whitened = np.linalg.solve(factor, (x - self.mu).T)  # (dimensions, n)
        constant = len(self.mu) * np.log(2 * np.pi) + 2 * np.log(np.diag(factor)).sum()
        log_density: Floats = -0.5 * ((whitened**2).sum(axis=0) + constant)
        return log_density

    def posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Return mean (n, latents) and covariance (latents, latents, the same for every x) of z given x."""
        precision: Floats = np.eye(self.W.shape[1]) + self.W.T @ self.W / self.sigma**2
        covariance = np.linalg.inv(precision).astype(np.float64, copy=False)
        return (x - self.mu) @ self.W @ covariance / self.sigma**2, covariance


def make_ppca(*, seed: Seed, dimensions: int = 8, latents: int = 2, sigma: float = 0.5) -> PPCA:
    """Draw a source with orthogonal latent directions of length 2, 2 - 1/latents, ... 1 + 1/latents.

    So the posterior of z has a diagonal covariance, which a VAE's encoder can reach.
    """
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.standard_normal((dimensions, latents)))
    spread = 2 - np.arange(latents) / latents
    return PPCA(W=axes * spread, mu=rng.standard_normal(dimensions), sigma=sigma)
