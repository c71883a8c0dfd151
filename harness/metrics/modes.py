"""Modes covered and high-quality share, for mixtures of Gaussians that are known exactly.

The customary pair for rings and grids of Gaussians (Srivastava et al. 2017; Lin et al. 2018), with two
additions: a mode needs its share of samples to count, and the spread within modes is compared with the
truth, which no two-sample test sees at these sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import finite_array, matrices
from harness.metrics.distances import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeReport:
    """Where samples lie relative to the modes of a known mixture."""

    covered: int
    """Modes with enough high-quality samples; higher is better."""
    modes: int
    high_quality_share: float
    """Share of samples within the radius of a mode, 0 to 1; 0.989 for the truth in 2-D at radius 3."""
    spread_ratio: float
    """Rms distance of high-quality samples to their mode, over the truth's; 1 is right, 0 a collapse."""
    occupancy_divergence: float
    """KL from the samples' shares per mode to the true shares, nats; 0 is right, lower is better."""
    counts: tuple[int, ...]
    """High-quality samples per mode."""


def modes_covered(
    samples: npt.ArrayLike,
    centres: npt.ArrayLike,
    deviation: float,
    *,
    weights: npt.ArrayLike | None = None,
    radius: float = 3.0,
    least_share: float = 0.1,
) -> ModeReport:
    """Count modes and samples near them.

    Args:
        samples: (n, d).
        centres: (modes, d) of the mixture.
        deviation: standard deviation of every mode, in each direction.
        weights: (modes,) probabilities of the modes; equal if not given.
        radius: deviations within which a sample counts as high quality.
        least_share: share of its expected samples that a mode needs to count: one lucky sample is not a mode.
    """
    points, means = matrices(samples, centres, ("samples", "centres"))
    if not (0 < deviation < math.inf and radius > 0 and 0 <= least_share <= 1):
        raise ValueError("deviation, radius or least_share is out of range")
    expected = _shares(weights, len(means))
    found = nearest(points, means)
    near = found.distances[:, 0] <= radius * deviation
    counts = np.bincount(found.indices[near, 0], minlength=len(means))
    needed = np.maximum(least_share * expected * len(points), 1)
    return ModeReport(
        covered=int((counts >= needed).sum()),
        modes=len(means),
        high_quality_share=float(near.mean()),
        spread_ratio=_spread_ratio(found.distances[near, 0] / deviation, points.shape[1], radius),
        occupancy_divergence=_divergence(counts, expected),
        counts=tuple(int(count) for count in counts),
    )


def _shares(weights: npt.ArrayLike | None, modes: int) -> npt.NDArray[np.float64]:
    if weights is None:
        return np.full(modes, 1 / modes)
    shares = finite_array(weights, "weights", dimensions=1)
    if len(shares) != modes or shares.min() <= 0 or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"weights are not {modes} positive probabilities that sum to 1")
    return shares


def _spread_ratio(scaled: npt.NDArray[np.float64], dimensions: int, radius: float) -> float:
    """Return the rms of distances in deviations over that of a Gaussian cut off at the radius."""
    if not len(scaled):
        return 0.0
    from_truth = (
        dimensions * _chi_square_share(radius**2, dimensions + 2) / _chi_square_share(radius**2, dimensions)
    )
    return math.sqrt(float(np.mean(scaled**2)) / from_truth)


def _chi_square_share(value: float, freedom: int) -> float:
    return float(special.gammainc(freedom / 2, value / 2))


def _divergence(counts: npt.NDArray[np.int64], expected: npt.NDArray[np.float64]) -> float:
    if not counts.sum():
        return float(-np.log(expected.min()))  # as bad as all samples on the rarest mode
    shares = counts / counts.sum()
    held = shares > 0
    return float((shares[held] * np.log(shares[held] / expected[held])).sum())
