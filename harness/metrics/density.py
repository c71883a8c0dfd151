"""Likelihoods of density models: bounds from importance weights, and bits per dimension."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, finite_array


def elbo(log_weights: npt.ArrayLike) -> float:
    """Return the evidence lower bound in nats per data point: the mean log importance weight.

    Args:
        log_weights: (n, k), log p(x, z) - log q(z | x) of k latents that the grader drew for each x.
    """
    return float(_log_weights(log_weights).mean())


def iwae_bound(log_weights: npt.ArrayLike) -> float:
    """Return the importance-weighted bound, mean of log (1/k sum of weights) (Burda et al. 2016).

    Args:
        log_weights: (n, k), log p(x, z) - log q(z | x); the grader fixes k and draws the latents:
            a larger k alone tightens the bound.

    Returns:
        Nats per data point, at least the ELBO, at most log p(x) in expectation; higher is better.
        On a source of known density, the gap to its exact log-likelihood is the score; a mean clearly
        above it proves leakage or a density that does not integrate to 1.
    """
    return float(iwae_per_point(log_weights).mean())


def iwae_per_point(log_weights: npt.ArrayLike) -> Floats:
    """Return the bound of each data point, (n,) nats, for paired differences with the exact density."""
    weights = _log_weights(log_weights)
    return np.asarray(special.logsumexp(weights, axis=1) - math.log(weights.shape[1]), dtype=np.float64)


def effective_sample_size(log_weights: npt.ArrayLike) -> Floats:
    """Return (n,) effective numbers of latents, 1 to k; near 1 the bound hangs on one draw."""
    weights = _log_weights(log_weights)
    twice = 2 * special.logsumexp(weights, axis=1) - special.logsumexp(2 * weights, axis=1)
    return np.asarray(np.exp(twice), dtype=np.float64)


def bits_per_dimension(log_likelihood: npt.ArrayLike, dimensions: int, bin_width: float = 1.0) -> float:
    """Return the mean negative log-likelihood in bits per dimension (Theis et al. 2016, 3.1).

    Args:
        log_likelihood: (n,) nats of each data point; a density's for dequantised data, else a probability's.
        dimensions: numbers per data point, such as height times width.
        bin_width: of one grey level in the model's units, 1/256 for bytes scaled to [0, 1]; turns a
            density into a probability. 1 where the likelihood is a probability already.

    Returns:
        Bits; lower is better. At most log2(levels) for a uniform guess; below 0 is impossible for a
        probability and betrays a missing bin width or dequantisation.
    """
    nats = finite_array(log_likelihood, "log-likelihoods", dimensions=1)
    if dimensions < 1 or not 0 < bin_width < math.inf:
        raise ValueError(f"dimensions or bin_width is out of range: {dimensions}, {bin_width}")
    return float(-nats.mean() / (dimensions * math.log(2)) - math.log2(bin_width))


def _log_weights(values: npt.ArrayLike) -> Floats:
    return finite_array(values, "log-weights", dimensions=2)
