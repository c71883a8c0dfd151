"""Features, FID statistics and perplexity on a device: the same values as `harness.metrics` gives, sooner.

A grader asks here instead of there. What is computed on is the GPU that was lent to the grading, if the
harness's own torch can use it, else the CPU. All but networks compute in float64, as on the CPU:
statistics, distances and bits agree within `TOLERANCE`. Networks give features in float32, without TF32: a
distance made of them agrees within `FEATURE_TOLERANCE`. What is odd about the input is left to the function
of the CPU, which refuses it in its words. A submission may have taken the GPU's memory: what finds no
room there is computed on the CPU.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from harness.metrics import frechet, language
from harness.metrics.checking import Floats
from harness.metrics.frechet import FeatureStatistics

TOLERANCE: Final = 1e-8
"""Relative; between the value on any device and that of `harness.metrics` from the same numbers."""
FEATURE_TOLERANCE: Final = 1e-3
"""Relative; between distances of features that were computed in float32 on two devices."""
CHUNK_BYTES: Final = 1 << 25
"""Of float64 at a time: what the cache of a large card holds, so that a row is read from memory once."""
LARGEST: Final = 1e70
LARGEST_LOGIT: Final = 1e100
EPSILON: Final = float(np.finfo(np.float64).eps)
ENOUGH_DIGITS: Final = 1e-4
"""Relative error that the quick route to a distance may have, by its pessimistic bound; see `frechet`."""


def device() -> torch.device:
    """Return where to compute: the GPU that is lent, which is the only one to be seen, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def features(
    network: torch.nn.Module, pixels: torch.Tensor, *, where: torch.device | None = None, batch: int = 1024
) -> torch.Tensor:
    """Return what a network makes of images, (n, d) float64, on the device.

    Args:
        network: In evaluation mode; it is moved to the device and back.
        pixels: (n, ...) float32 as the network takes them, on any device.
        where: The device; by default `device()`.
        batch: Images at a time.
    """
    place, home = where or device(), next(network.parameters()).device
    network.to(place)
    try:
        with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False, deterministic=True):
            parts = [network(part.to(place)).double() for part in pixels.split(batch)]
            return torch.cat(parts)
    finally:
        network.to(home)


class DeviceStatistics:
    """Mean and covariance of features in float64 on a device, gathered as by `FeatureStatistics`."""

    def __init__(self, found: Any = None, *, where: torch.device | None = None) -> None:
        """Start empty, or with a first batch (n, d), an array or a tensor on any device."""
        self.count = 0
        self._place = where or device()
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._scatter = torch.zeros(0, 0, dtype=torch.float64)
        if found is not None:
            self.update(found)

    def update(self, found: Any) -> None:
        """Add a batch of features (n, d); nothing changes if it is refused."""
        batch = torch.as_tensor(found)
        if not (batch.is_floating_point() or batch.is_complex()):
            batch = batch.double()
        if not self._takes(batch):
            self.on_cpu().update(batch)
            raise ValueError("features cannot be used")  # unreachable while both refuse alike
        try:
            self._add(batch.to(self._place))
        except torch.OutOfMemoryError:
            self._place = torch.device("cpu")
            self._mean, self._scatter = self._mean.cpu(), self._scatter.cpu()
            self._add(batch.cpu())

    def on_cpu(self) -> FeatureStatistics:
        """Return the same statistics for the functions of the CPU."""
        made = FeatureStatistics()
        if self.count:
            made.count, made.mean = self.count, self._mean.cpu().numpy().copy()
            made._scatter = np.asfortranarray(np.tril(self._scatter.cpu().numpy()))  # noqa: SLF001
        return made

    def _takes(self, batch: torch.Tensor) -> bool:
        """Whether a batch is as it should be."""
        if batch.ndim != 2 or not batch.numel() or batch.is_complex():
            return False
        if self.count and batch.shape[1] != len(self._mean):
            return False
        if not bool(torch.isfinite(batch).all()):
            return False
        return batch.dtype is not torch.float64 or bool((batch.abs() <= LARGEST).all())

    def _add(self, batch: torch.Tensor) -> None:
        width = batch.shape[1]
        count, mean, scatter = self.count, self._mean, self._scatter
        if not count:
            mean = torch.zeros(width, dtype=torch.float64, device=self._place)
            scatter = torch.zeros(width, width, dtype=torch.float64, device=self._place)
        added = torch.zeros_like(scatter)
        for rows in batch.split(max(1, CHUNK_BYTES // (8 * width))):
            part = rows.double()
            centre = part.mean(0)
            part = part - centre
            rest = part.mean(0)  # what rounding left of the mean
            part -= rest
            step = centre + rest - mean
            total = count + len(rows)
            added.addmm_(part.T, part)
            added.addr_(step, step, alpha=count * len(rows) / total)
            mean, count = mean + step * (len(rows) / total), total
        self.count, self._mean, self._scatter = count, mean, scatter + added


def frechet_distance(found: DeviceStatistics, reference: DeviceStatistics) -> float:
    """Return the Fréchet distance between two sets of features; see `harness.metrics.frechet`."""
    try:
        quick = _quick_distance(found, reference)
    except (torch.OutOfMemoryError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
        quick = None
    return frechet.frechet_distance(found.on_cpu(), reference.on_cpu()) if quick is None else quick


def relative_fid(found: DeviceStatistics, reference: DeviceStatistics) -> float:
    """Return FID divided by the reference's total variance."""
    if reference.count < 2 or not float(reference._scatter.trace()) > 0:  # noqa: SLF001 - one module
        return frechet.relative_fid(found.on_cpu(), reference.on_cpu())
    total = float(reference._scatter.trace()) / (reference.count - 1)  # noqa: SLF001
    return frechet_distance(found, reference) / total


def _quick_distance(a: DeviceStatistics, b: DeviceStatistics) -> float | None:
    """Return the distance by eigenvalues of L^T Sa L, or None where the CPU has to look closer."""
    width = len(a._mean)  # noqa: SLF001
    if min(a.count, b.count) < 2 or width != len(b._mean) or a.count <= width:  # noqa: SLF001
        return None
    sa, sb = a._scatter, b._scatter.to(a._scatter)  # noqa: SLF001
    lower, fault = torch.linalg.cholesky_ex(sb)
    freedom = (a.count - 1.0, b.count - 1.0)
    noise = EPSILON * float(sa.norm()) / freedom[0] * float(sb.norm()) / freedom[1]
    if int(fault) or not noise > 0:
        return None
    step = a._mean - b._mean.to(a._mean)  # noqa: SLF001
    apart = float(step @ step) + float(sa.trace()) / freedom[0] + float(sb.trace()) / freedom[1]
    values = torch.linalg.eigvalsh(lower.T @ sa @ lower)
    roots = (values.clamp_min(0.0) / (freedom[0] * freedom[1])).sqrt()
    error = 2 * float((noise / (roots + math.sqrt(noise))).sum())
    distance = apart - 2 * float(roots.sum())
    return max(distance, 0.0) if error <= ENOUGH_DIGITS * distance else None


def token_bits(logits: Any, targets: Any, mask: Any = None, *, where: torch.device | None = None) -> Floats:
    """Return the bits that each target costs, in order, for those that count; see `harness.metrics.language`.

    Args:
        logits: (..., vocabulary), an array or a tensor on any device.
        targets: (...), indices into the vocabulary.
        mask: (...), true where a target counts; all count if not given.
        where: The device; by default `device()`.
    """
    try:
        found = _token_bits(torch.as_tensor(logits), np.asarray(targets), mask, where or device())
    except torch.OutOfMemoryError:
        found = None
    return language.token_bits(logits, targets, mask) if found is None else found


def bits_per_token(
    logits: Any, targets: Any, mask: Any = None, *, where: torch.device | None = None
) -> float:
    """Return the mean cross-entropy in bits."""
    return float(token_bits(logits, targets, mask, where=where).mean())


def perplexity(logits: Any, targets: Any, mask: Any = None, *, where: torch.device | None = None) -> float:
    """Return exp of the mean negative log-likelihood over all tokens."""
    bits = bits_per_token(logits, targets, mask, where=where)
    return math.exp(bits * math.log(2)) if bits < 1000 else language.perplexity(logits, targets, mask)


def _token_bits(
    logits: torch.Tensor, targets: npt.NDArray[Any], mask: Any, place: torch.device
) -> Floats | None:
    """Return bits, or None for input that the CPU has to judge."""
    if logits.ndim < 1 or not logits.numel() or logits.is_complex() or targets.dtype.kind not in "biu":
        return None
    counted = np.ones(targets.shape, np.bool_) if mask is None else np.asarray(mask)
    odd = counted.dtype != np.bool_ or counted.shape != targets.shape or not counted.any()
    if odd or logits.shape[:-1] != targets.shape:
        return None
    truth = torch.from_numpy(np.where(counted, targets, 0).astype(np.int64).reshape(-1))
    if int(truth.min()) < 0 or int(truth.max()) >= logits.shape[-1]:
        return None
    rows, truth = logits.reshape(-1, logits.shape[-1]), truth.to(place)
    size = max(1, CHUNK_BYTES // (8 * rows.shape[-1]))
    parts, ends = [], []
    for start in range(0, len(rows), size):
        part = rows[start : start + size].to(place).double()
        right = part.gather(-1, truth[start : start + size, None])[:, 0]
        ends.append(torch.stack(part.aminmax()))
        parts.append(part.logsumexp(-1) - right)
    low, high = _range(ends)
    odd = not (low >= -LARGEST_LOGIT and high <= LARGEST_LOGIT)  # NaN is neither
    if odd or (low >= 0 and high <= 1):  # perhaps these are probabilities
        return None
    bits: Floats = torch.cat(parts).cpu().numpy()[counted.reshape(-1)] / math.log(2)
    return bits


def _range(ends: list[torch.Tensor]) -> tuple[float, float]:
    """Return the least and the largest of all, or NaN."""
    every = torch.stack(ends)
    return float(every[:, 0].min()), float(every[:, 1].max())
