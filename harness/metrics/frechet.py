"""Fréchet distance between Gaussians fitted to features: FID in any feature space.

FID = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)   (Dowson & Landau 1982; Heusel et al. 2017)

with unbiased covariances S = F^T F. The last trace is the nuclear norm of F1 F2^T, so no matrix
square root is needed. Why not torchmetrics: its one-pass covariance loses everything for features
with a large mean (shifted by 1e7 it reports -3.8 for 1.27), it rounds to the features' dtype, and its
general eigenvalues cost several times more. Agreement is tested in tests/metrics/test_frechet.py.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, eigh, lapack, svdvals  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, matrix, real_array

_EPSILON: Final = float(np.finfo(np.float64).eps)
"""Rounding of float64, relative."""
_ROWS: Final = 1024
"""Rows centred at a time; bounds the working copy."""
_LARGEST: Final = 1e70
"""Beyond it products of two covariances might overflow."""


class FeatureStatistics:
    """Mean and covariance of features, gathered batch by batch in memory that does not grow.

    Each batch is centred by its own mean (corrected two-pass) and merged by the update of Chan, Golub
    & LeVeque (1983), so the result is that of a two-pass computation over everything, whatever the
    offset. Statistics of a reference are worth keeping: its factor is computed once.
    """

    def __init__(self, features: npt.ArrayLike | None = None) -> None:
        """Start empty, or with a first batch (n, d)."""
        self.count = 0
        self.mean: Floats = np.zeros(0)
        self._scatter: Floats = np.zeros((0, 0))  # (d, d), lower triangle, column-major as LAPACK takes it
        self._cholesky: Floats | None = None
        if features is not None:
            self.update(features)

    @property
    def dimensions(self) -> int:
        """Features per sample; 0 before the first batch."""
        return len(self.mean)

    @property
    def covariance(self) -> Floats:
        """(d, d), unbiased; needs two samples."""
        lower = self._scatter / self._freedom()
        return lower + np.tril(lower, -1).T

    @property
    def trace(self) -> float:
        """Total variance, the trace of the covariance."""
        return float(np.trace(self._scatter)) / self._freedom()

    @property
    def norm(self) -> float:
        """Frobenius norm of the covariance."""
        lower, diagonal = np.linalg.norm(self._scatter), np.linalg.norm(self._scatter.diagonal())
        return math.sqrt(2 * lower**2 - diagonal**2) / self._freedom()

    @property
    def rank_warning(self) -> str:
        """Words for the report where the samples cannot span the feature space, else empty."""
        if self.count > self.dimensions:
            return ""
        return f"{self.count} samples for {self.dimensions} features: the covariance is singular"

    def update(self, features: npt.ArrayLike) -> None:
        """Add a batch of features (n, d); nothing changes if it is refused."""
        batch = real_array(features, "features")
        if batch.ndim != 2 or (self.count and batch.shape[1] != self.dimensions):
            width = self.dimensions or "features"
            raise ValueError(f"features have the wrong shape: {batch.shape}, expected (n, {width})")
        if max(float(batch.max()), -float(batch.min())) > _LARGEST:
            raise ValueError(f"features are too large: beyond {_LARGEST:g}")
        self._start(batch.shape[1])
        work = np.empty((min(len(batch), _ROWS) + 1, self.dimensions))
        for start in range(0, len(batch), _ROWS):
            self._add_rows(batch[start : start + _ROWS], work)

    def merge(self, other: FeatureStatistics) -> None:
        """Add what another worker gathered."""
        if self.count and other.count and self.dimensions != other.dimensions:
            raise ValueError(f"features have different widths: {self.dimensions} and {other.dimensions}")
        if other.count:
            self._start(other.dimensions)
            step = self._move_mean(other.count, other.mean)
            self._scatter += other._scatter
            self._scatter = blas.dsyr(1.0, step, a=self._scatter, lower=1, overwrite_a=1)

    def cholesky(self) -> Floats | None:
        """Return L, (d, d), with L L^T the covariance times n - 1 (lower triangle), or None if singular."""
        if self._cholesky is None:
            lower, fault = lapack.dpotrf(self._scatter, lower=1)
            self._cholesky = np.zeros((0, 0)) if fault else lower
        return self._cholesky if self._cholesky.size else None

    def factor(self) -> Floats:
        """Return F, (rank, d), with F^T F the covariance.

        Pivoted Cholesky stops where what is left is rounding noise of the largest variance, and keeps
        small variances to more digits than eigenvectors would, at a tenth of the cost.
        """
        lower, pivots, rank, _ = lapack.dpstrf(self._scatter / self._freedom(), lower=1)
        rows = np.zeros((rank, self.dimensions))
        rows[:, pivots - 1] = np.tril(lower)[:, :rank].T
        return rows

    def _start(self, dimensions: int) -> None:
        """Make room at the first batch; what was computed from earlier ones is stale in any case."""
        self._cholesky = None
        if not self.count:
            self.mean = np.zeros(dimensions)
            self._scatter = np.zeros((dimensions, dimensions), order="F")

    def _add_rows(self, rows: npt.NDArray[Any], work: Floats) -> None:
        """Add rows, using `work` for them and for the step between the means, which is one more row."""
        count = len(rows)
        centred = work[:count]
        mean = rows.mean(axis=0, dtype=np.float64)
        np.subtract(rows, mean, out=centred)
        rest = centred.mean(axis=0)  # what rounding left of the mean
        centred -= rest
        work[count] = self._move_mean(count, mean + rest)
        self._scatter = blas.dsyrk(1.0, work[: count + 1].T, 1.0, self._scatter, lower=1, overwrite_c=1)

    def _move_mean(self, count: int, mean: Floats) -> Floats:
        """Take samples into count and mean; return the row whose square the scatter gains by it."""
        total = self.count + count
        step = mean - self.mean
        row = step * math.sqrt(self.count * count / total)
        self.mean = self.mean + step * (count / total)
        self.count = total
        return np.asarray(row, dtype=np.float64)

    def _freedom(self) -> int:
        if self.count < 2:
            raise ValueError(f"features are too few: {self.count}, needed at least 2")
        return self.count - 1


Features = npt.ArrayLike | FeatureStatistics


def frechet_distance(features: Features, reference: Features) -> float:
    """Return the Fréchet distance between Gaussians fitted to two sets of features.

    Args:
        features: (n, d) of the samples, n at least 2, or statistics gathered in batches.
        reference: (m, d) of held-out real data, or statistics; pass statistics when it is used often.

    Returns:
        0 for equal moments, without upper end, in squared units of the features; lower is better.
        Biased upwards by c/n: compare only values of the same n on both sides.
    """
    a, b = _statistics(features), _statistics(reference)
    traces = a.trace + b.trace
    if a.dimensions != b.dimensions:
        raise ValueError(f"features and reference have different widths: {a.dimensions} and {b.dimensions}")
    step = a.mean - b.mean
    apart = float(step @ step) + traces
    return max(apart - 2 * _root_trace(a, b, apart), 0.0)


def relative_fid(features: Features, reference: Features) -> float:
    """Return FID divided by the reference's total variance: without units, comparable across encoders.

    0 for equal moments, about 1 for samples that share the mean and have no spread; lower is better.
    """
    known = _statistics(reference)
    if not known.trace > 0:
        raise ValueError("reference has no spread: all of its features are equal")
    return frechet_distance(features, known) / known.trace


def extrapolated_frechet_distance(features: npt.ArrayLike, reference: Features, *, seed: int) -> float:
    """Return FID extrapolated to infinitely many samples, 2 FID(n) - FID(n/2) (after Chong & Forsyth 2020).

    FID(n) = FID + c/n to first order, which two points remove; noisier than FID(n), may be below 0.
    """
    rows = matrix(features, "features", least=4)
    known = _statistics(reference)
    order = np.random.default_rng(seed).permutation(len(rows))
    halves = [frechet_distance(rows[part], known) for part in (order[::2], order[1::2])]
    return float(2 * frechet_distance(rows, known) - np.mean(halves))


def _statistics(features: Features) -> FeatureStatistics:
    return features if isinstance(features, FeatureStatistics) else FeatureStatistics(features)


def _root_trace(a: FeatureStatistics, b: FeatureStatistics, apart: float) -> float:
    """Return tr (Sa Sb)^(1/2) = |Fa Fb^T|_*, by the quick route where its error cannot show in the result."""
    quick = _root_trace_of_eigenvalues(a, b, apart)
    return _root_trace_of_singular_values(a, b) if quick is None else quick


def _root_trace_of_singular_values(a: FeatureStatistics, b: FeatureStatistics) -> float:
    product = a.factor() @ b.factor().T
    return float(svdvals(product, check_finite=False).sum()) if product.size else 0.0


def _root_trace_of_eigenvalues(a: FeatureStatistics, b: FeatureStatistics, apart: float) -> float | None:
    """Return the sum of root eigenvalues of L^T Sa L, Sb = L L^T, or None where that may be too coarse.

    An eigenvalue may be off by epsilon |Sa| |Sb|, which the square root magnifies for the small ones. The
    bound that is summed here is pessimistic: where it grants four digits of the distance, ten were
    measured. It fails for singular covariances and for (nearly) equal sets.
    """
    lower = b.cholesky()
    noise = _EPSILON * a.norm * b.norm
    if lower is None or a.rank_warning or not noise > 0:
        return None
    product, _ = lapack.dsygst(a._scatter, lower, itype=2, lower=1)  # noqa: SLF001
    values = eigh(product, lower=True, eigvals_only=True, driver="evd", overwrite_a=True, check_finite=False)
    roots = np.sqrt(np.maximum(values, 0.0) / ((a.count - 1) * (b.count - 1)))
    error = 2 * float((noise / (roots + np.sqrt(noise))).sum())
    total = float(roots.sum())
    return total if error <= 1e-4 * (apart - 2 * total) else None
