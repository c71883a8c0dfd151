"""Precision, recall, density and coverage: fidelity and diversity by nearest neighbours.

Precision and recall: Kynkäänniemi et al. 2019. Density and coverage: Naeem et al. 2020. Conventions
(k nearest others, strictly inside) follow the latter authors' `prdc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, matrices
from harness.metrics.distances import nearest_others, squared_distances

_STRICTLY: Final = 1 - 1e-9
"""Shrinks a squared radius so that a point exactly on it is outside whatever rounding does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifold:
    """How two sets of points lie in one another's neighbourhoods; higher is better for all four."""

    precision: float
    """Share of samples inside the real manifold, 0 to 1. Alone it rewards the mean image."""
    recall: float
    """Share of real data inside the samples' manifold, 0 to 1. Outliers inflate it."""
    density: float
    """Real neighbourhoods around a sample, over k; 1 for real data, may be above."""
    coverage: float
    """Share of real neighbourhoods that hold a sample, 0 to 1; for real data about 1 - 2^-k at n = m."""


def precision_recall_density_coverage(
    features: npt.ArrayLike, reference: npt.ArrayLike, k: int = 5
) -> Manifold:
    """Return the four shares; compare only values of the same n and m.

    Args:
        features: (n, d) of the samples, n more than k.
        reference: (m, d) of held-out real data, m more than k.
        k: neighbours that define a neighbourhood's radius.
    """
    if k < 1:
        raise ValueError(f"k is out of range: {k}, needed at least 1")
    samples, real = matrices(features, reference, ("features", "reference"), least=k + 1)
    radii = _squared_radii(real, k)  # (m,)
    own_radii = _squared_radii(samples, k)  # (n,)
    around = np.zeros(len(samples))  # real neighbourhoods around each sample
    covered = np.zeros(len(real), dtype=np.bool_)
    recalled = np.zeros(len(real), dtype=np.bool_)
    for rows, squares in squared_distances(real, samples):
        inside = squares < radii[rows, None]
        around += inside.sum(axis=0)
        covered[rows] = inside.any(axis=1)
        recalled[rows] = (squares < own_radii).any(axis=1)
    return Manifold(
        precision=float(np.mean(around > 0)),
        recall=float(recalled.mean()),
        density=float(around.mean() / k),
        coverage=float(covered.mean()),
    )


def _squared_radii(points: Floats, k: int) -> Floats:
    return np.asarray(nearest_others(points, k).distances[:, -1] ** 2 * _STRICTLY, dtype=np.float64)
