"""Can a simple observer tell samples from real data? Classifier two-sample test and sliced Wasserstein."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, matrices, matrix
from harness.metrics.distances import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierTest:
    """How well held-out points are told apart."""

    accuracy: float
    """About 0.5 where the sets are alike, 1 where every point gives itself away; lower is better."""
    p_value: float
    """Of an accuracy this high by chance (normal approximation)."""
    n: int
    """Points that were classified."""


def nearest_neighbour_test(samples: npt.ArrayLike, reference: npt.ArrayLike, *, seed: int) -> ClassifierTest:
    """Return the accuracy of a k-nearest-neighbour classifier on held-out halves (Lopez-Paz & Oquab 2017).

    Both sets are cut to the same size, split in half at random, and k is the odd number nearest to the root
    of the training size, as in the paper. Copies look real to it: pair it with `memorisation`.

    Args:
        samples: (n, ...), at least 8.
        reference: (m, ...), at least 8, not the data a copier could have seen.
        seed: of the split.
    """
    a, b = matrices(samples, reference, ("samples", "reference"), least=8)
    half = min(len(a), len(b)) // 2
    rng = np.random.default_rng(seed)
    fakes, reals = (rows[rng.permutation(len(rows))[: 2 * half]] for rows in (a, b))
    known = np.concatenate([fakes[:half], reals[:half]])
    asked = np.concatenate([fakes[half:], reals[half:]])
    neighbours = nearest(asked, known, _odd_root(len(known))).indices
    says_fake = (neighbours < half).mean(axis=1) > 0.5
    accuracy = float(np.mean(says_fake == (np.arange(len(asked)) < half)))
    z = (accuracy - 0.5) / math.sqrt(0.25 / len(asked))
    return ClassifierTest(accuracy=accuracy, p_value=float(special.ndtr(-z)), n=len(asked))


def sliced_wasserstein(
    samples: npt.ArrayLike, reference: npt.ArrayLike, *, seed: int, projections: int = 128
) -> float:
    """Return the sliced 2-Wasserstein distance over random directions (Bonneel et al. 2015).

    Args:
        samples: (n, ...).
        reference: (m, ...); sizes may differ, quantiles are matched.
        seed: of the directions; distances compare only for one seed.
        projections: directions drawn.

    Returns:
        0 or more, in units of the data; lower is better. It has a floor: equal distributions read well
        above 0 at a few hundred points, see `sliced_wasserstein_floor`.
    """
    a, b = matrices(samples, reference, ("samples", "reference"))
    directions = np.random.default_rng(seed).standard_normal((a.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    shares = (np.arange(max(len(a), len(b))) + 0.5) / max(len(a), len(b))
    gaps = _quantiles(a @ directions, shares) - _quantiles(b @ directions, shares)
    return float(math.sqrt(np.mean(gaps**2)))


def sliced_wasserstein_floor(reference: npt.ArrayLike, n: int, *, seed: int, projections: int = 128) -> float:
    """Return the distance between two disjoint real sets of n points each: what a perfect generator reads."""
    rows = matrix(reference, "reference", least=2 * n)
    order = np.random.default_rng(seed).permutation(len(rows))
    return sliced_wasserstein(rows[order[:n]], rows[order[n : 2 * n]], seed=seed, projections=projections)


def _odd_root(count: int) -> int:
    root = max(1, round(math.sqrt(count)))
    return root if root % 2 else root - 1


def _quantiles(values: Floats, shares: Floats) -> Floats:
    """Return (shares, projections): empirical quantiles, as a step function, of each column."""
    ordered = np.sort(values, axis=0)
    return ordered[np.minimum((shares * len(values)).astype(np.int64), len(values) - 1)]
