"""What quantisation and pruning cost, and whether they happened."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, finite_array, same_shape
from harness.metrics.language import log_softmax

BEST_SQNR: Final = 200.0
"""What an exact copy scores, in dB; beyond what float32 can hold."""


def sqnr(original: npt.ArrayLike, quantised: npt.ArrayLike) -> float:
    """Return the signal-to-quantisation-noise ratio, 10 log10(sum x^2 / sum (x - q)^2), in dB.

    About 6 dB per bit; int8 weights read 39, int4 14. Higher is better, at most `BEST_SQNR`.

    Args:
        original: weights or activations, any shape, not all 0.
        quantised: the same shape, dequantised.
    """
    signal, rounded = _pair(original, quantised, ("original values", "quantised values"))
    power, noise = float((signal**2).sum()), float(((signal - rounded) ** 2).sum())
    if not 0 < power < math.inf or not math.isfinite(noise):
        raise ValueError("original values are all 0, or squares overflow: no ratio")
    return min(10 * math.log10(power / noise), BEST_SQNR) if noise > 0 else BEST_SQNR


def logit_divergence(original: npt.ArrayLike, quantised: npt.ArrayLike) -> float:
    """Return the mean KL divergence from the original model's predictions to the quantised one's, nats.

    Args:
        original: (..., classes) logits.
        quantised: the same shape.

    Returns:
        0 or more; lower is better.
    """
    _pair(original, quantised, ("original logits", "quantised logits"))
    p, q = log_softmax(original), log_softmax(quantised)
    return max(float((np.exp(p) * (p - q)).sum(axis=-1).mean()), 0.0)


def flip_rate(original: npt.ArrayLike, quantised: npt.ArrayLike) -> float:
    """Return the share of predictions (largest logit) that changed, 0 to 1; lower is better.

    A tie in the quantised logits counts as changed: constant outputs must not look faithful.
    """
    p, q = _pair(original, quantised, ("original logits", "quantised logits"))
    kept = np.take_along_axis(q, p.argmax(axis=-1)[..., None], axis=-1)  # (..., 1)
    beaten = (q >= kept).sum(axis=-1) > 1
    return float(beaten.mean())


def levels_in_use(values: npt.ArrayLike, axis: int | None = None) -> int:
    """Return how many different values a saved tensor holds, the most over any slice along `axis`.

    A tensor quantised to b bits holds at most 2^b of them per scale: what a report claims, a file must show.

    Args:
        values: stored weights.
        axis: the axis of per-channel scales; one scale for all if not given.
    """
    stored = finite_array(values, "values")
    if axis is None:
        return len(np.unique(stored))
    if not -stored.ndim <= axis < stored.ndim:
        raise ValueError(f"axis is out of range: {axis} of {stored.ndim}")
    return max(len(np.unique(part)) for part in np.moveaxis(stored, axis, 0))


def _pair(original: npt.ArrayLike, quantised: npt.ArrayLike, names: tuple[str, str]) -> tuple[Floats, Floats]:
    first, second = finite_array(original, names[0]), finite_array(quantised, names[1])
    same_shape(first, second, names)
    if first.ndim == 0:
        raise ValueError(f"{names[0]} have the wrong shape: ()")
    return first, second
