"""Does a sampler draw from the distribution it should? For temperature, top-k and top-p sampling."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, indices, probabilities, same_shape

_LEAST_EXPECTED = 5.0
"""Outcomes expected less often than this are taken together (Cochran's rule)."""


def goodness_of_fit(counts: npt.ArrayLike, expected: npt.ArrayLike) -> float:
    """Return the p value of Pearson's chi-square test of draws against a known distribution.

    Args:
        counts: (outcomes,) how often each was drawn; 50 draws or more make sense.
        expected: (outcomes,) probabilities that sum to 1.

    Where all outcomes but the likeliest are expected less than 5 times together, it is the exact binomial
    test of the likeliest against the rest instead.

    Returns:
        0 to 1. An honest sampler is below p with probability p: fail it below 1e-6 only, and draw anew
        before. Exactly 0 where an outcome of probability 0 was drawn.
    """
    seen = indices(counts, "counts")
    shares = probabilities(expected, "expected probabilities")
    same_shape(seen, shares, ("counts", "expected probabilities"))
    if seen.ndim != 1 or not seen.sum():
        raise ValueError("counts are empty: nothing was drawn")
    if seen[shares == 0].any():
        return 0.0
    possible = shares > 0
    if possible.sum() == 1:
        return 1.0  # it is certain, and it is what was drawn
    if seen.sum() < 2 * _LEAST_EXPECTED:
        raise ValueError(f"counts are too few: {seen.sum()} draws cannot tell anything")
    drawn, wanted = _merged(seen[possible].astype(np.float64), shares[possible] * seen.sum())
    if len(wanted) < 2:
        likeliest = shares.argmax()
        return _binomial(int(seen.sum() - seen[likeliest]), int(seen.sum()), float(1 - shares[likeliest]))
    statistic = float(((drawn - wanted) ** 2 / wanted).sum())
    return float(special.gammaincc((len(wanted) - 1) / 2, statistic / 2))


def total_variation(counts: npt.ArrayLike, expected: npt.ArrayLike) -> float:
    """Return half the L1 distance between shares and probabilities, 0 to 1; lower is better.

    Biased upwards by about sqrt(outcomes / draws) / 2.5; for showing, not for judging.
    """
    seen = indices(counts, "counts")
    shares = probabilities(expected, "expected probabilities")
    same_shape(seen, shares, ("counts", "expected probabilities"))
    if not seen.sum():
        raise ValueError("counts are empty: nothing was drawn")
    return float(math.fsum(np.abs(seen / seen.sum() - shares)) / 2)


def _binomial(hits: int, draws: int, share: float) -> float:
    """Return twice the smaller tail of the binomial distribution, at most 1."""
    upper = float(special.betainc(hits, draws - hits + 1, share)) if hits else 1.0
    lower = float(special.betaincc(hits + 1, draws - hits, share)) if hits < draws else 1.0
    return min(1.0, 2 * min(lower, upper))


def _merged(drawn: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    rare = wanted < _LEAST_EXPECTED
    if not rare.any():
        return drawn, wanted
    kept = ~rare
    if wanted[rare].sum() < _LEAST_EXPECTED and kept.any():
        kept[np.flatnonzero(kept)[wanted[kept].argmin()]] = False  # the rare ones alone are still too few
    return np.append(drawn[kept], drawn[~kept].sum()), np.append(wanted[kept], wanted[~kept].sum())
