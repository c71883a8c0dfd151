"""Has a generator learnt, or does it hand out its training data?

FID, KID, precision, coverage and classifier tests all reward copies; only distances to the training
set, read against those of real held-out data, see them. Held-out data is the yardstick throughout:
sources whose real images lie close together must not make honest work look like copying.

Authenticity: Alaa et al. 2022. C_T: Meehan, Chaudhuri & Dasgupta 2020. Ratio to the next neighbours: after
Carlini et al. 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, matrices, matrix
from harness.metrics.distances import Nearest, nearest

NEIGHBOURS: Final = 5
"""The nearest and those that it is compared with in `nearest_ratio`."""
_KEPT: Final = 0.9
_MOST_DIRECTIONS: Final = 32
_ROWS: Final = 512
"""Training points that the main directions are computed from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTest:
    """How the samples' nearness to the training set compares with that of real held-out data."""

    z: float
    """C_T: about standard normal for new data, far below 0 for copies, above 0 off the manifold."""
    samples_median: float
    """Median distance (or ratio) of the samples to the training set."""
    heldout_median: float
    """The same for real held-out data."""


def authenticity(samples: npt.ArrayLike, train: npt.ArrayLike) -> float:
    """Return AuthPct, the percentage of samples that are not copies (Alaa et al. 2022).

    A sample counts as a copy if it is nearer to its nearest training point than that point is to any other.

    Args:
        samples: (n, ...).
        train: (m, ...), at least 2.

    Returns:
        0 to 100; 0 for copies, about 50 to 60 for new real data, 100 for noise: read it against
        `authenticity(heldout, train)`, and never as quality. It overlooks few copies among many samples.
    """
    points, known = matrices(samples, train, ("samples", "training data"))
    return authenticity_of(nearest(points, known), known)


def authenticity_of(found: Nearest, known: Floats) -> float:
    """Return `authenticity` from a search that was made already, of the samples among `known`."""
    owners, which = np.unique(found.indices[:, 0], return_inverse=True)
    apart = nearest(known[owners], known, leave_out=owners).distances[which, 0]
    return float(100 * np.mean(found.distances[:, 0] > apart))


def copying_statistic(samples: npt.ArrayLike, train: npt.ArrayLike, heldout: npt.ArrayLike) -> CopyTest:
    """Return C_T: are samples nearer to the training set than real held-out data is? (Meehan et al. 2020)

    The z score of the Mann-Whitney U of the two sets of distances, over the whole space as one cell.

    Args:
        samples: (n, ...), at least 2.
        train: (m, ...).
        heldout: (l, ...) real data that was not trained on, at least 2.
    """
    points, known = matrices(samples, train, ("samples", "training data"), least=2)
    real, _ = matrices(heldout, train, ("held-out data", "training data"), least=2)
    return compared(nearest(points, known).distances[:, 0], nearest(real, known).distances[:, 0])


def nearest_ratio(samples: npt.ArrayLike, train: npt.ArrayLike, heldout: npt.ArrayLike) -> CopyTest:
    """Compare how much nearer the nearest training point is than the next ones, which survives noise.

    Noise on a copy adds to the distances to all training points alike, so the copy's original still stands
    out; a new sample has several neighbours about as near. The ratio of the nearest to the mean of the next
    four, 0 for a copy, at most 1, is compared with that of held-out data, all of it projected on the main
    directions of the training data, where most of the noise is not.
    """
    points, known = matrices(samples, train, ("samples", "training data"), least=2)
    real, _ = matrices(heldout, train, ("held-out data", "training data"), least=2)
    directions = main_directions(known)
    seen = known @ directions
    ours, theirs = (ratios_to_next(nearest(rows @ directions, seen, NEIGHBOURS)) for rows in (points, real))
    return compared(ours, theirs)


def compared(samples: Floats, heldout: Floats) -> CopyTest:
    """Return the z score of Mann-Whitney's U, ties corrected; below 0 if the samples' distances are less.

    Args:
        samples: (n,) distances.
        heldout: (m,) distances.
    """
    n, m = len(samples), len(heldout)
    pooled = np.concatenate([samples, heldout])
    _, places, ties = np.unique(pooled, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[places]  # ties share their mean rank
    excess = float(ranks[:n].sum()) - n * (n + 1) / 2 - n * m / 2
    correction = float((ties.astype(np.float64) ** 3 - ties).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - correction)
    return CopyTest(
        z=excess / math.sqrt(variance) if variance > 0 else 0.0,
        samples_median=float(np.median(samples)),
        heldout_median=float(np.median(heldout)),
    )


def unique_share(samples: npt.ArrayLike) -> float:
    """Return the number of different samples over the number of samples, above 0 to 1; higher is better.

    Exact: put samples on the data's grid first. A discrete source repeats itself honestly: read it against
    the same number of held-out images.
    """
    rows = matrix(samples, "samples")
    return len(np.unique(rows, axis=0)) / len(rows)


def exact_copies(samples: npt.ArrayLike, train: npt.ArrayLike) -> float:
    """Return the share of samples that equal a training point, 0 to 1; read it against held-out data."""
    points, known = matrices(samples, train, ("samples", "training data"))
    return float(np.mean(nearest(points, known).distances[:, 0] == 0))


def more_often(hits: float, n: int, expected: float, m: int) -> float:
    """Return the z score of a share of n against a share of m (pooled), for copies and duplicates.

    Args:
        hits: share among n samples, 0 to 1.
        n: samples.
        expected: share among m held-out points.
        m: held-out points.
    """
    pooled = (hits * n + expected * m) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return (hits - expected) / error if error > 0 else 0.0


def main_directions(known: Floats) -> Floats:
    """Return (d, r): the principal directions that hold `_KEPT` of the variance, of evenly spaced rows."""
    rows = known[:: -(-len(known) // _ROWS)]
    _, values, directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    shares = np.cumsum(values**2) / max(float((values**2).sum()), np.finfo(np.float64).tiny)
    rank = min(int(np.searchsorted(shares, _KEPT)) + 1, _MOST_DIRECTIONS)
    return np.asarray(directions[:rank].T, dtype=np.float64)


def ratios_to_next(found: Nearest) -> Floats:
    """Return (n,) distances to the nearest over the mean of the next ones: 0 for a copy, at most 1."""
    rest = found.distances[:, 1:].mean(axis=1)
    ratios = np.ones(len(rest))  # also where all neighbours are at distance 0
    np.divide(found.distances[:, 0], rest, out=ratios, where=rest > 0)
    return ratios
