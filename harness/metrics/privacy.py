"""Epsilon of the subsampled Gaussian mechanism, from the noise, sampling rate and steps that were logged.

An accountant of our own, by Rényi differential privacy (Mironov 2017; Mironov, Talwar & Zhang 2019), so
that a claim is not checked by the code that made it. It bounds from above: the truth is not larger, for
Poisson sampling. Shuffling through fixed batches is another mechanism, for which it promises nothing.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats
from harness.metrics.intervals import checked_confidence

ORDERS: Final = (*(1 + x / 10 for x in range(1, 100)), *range(11, 65), 80, 96, 128, 192, 256, 512)
"""Rényi orders searched; the customary grid, with a few more at the top for small epsilon."""


def epsilon(noise_multiplier: float, sample_rate: float, steps: int, delta: float) -> float:
    """Return epsilon at `delta` after `steps` of DP-SGD with Poisson sampling; lower is more private.

    Args:
        noise_multiplier: sigma, noise standard deviation over the clipping norm, 1e-100 to 1e100.
        sample_rate: q, expected batch size over data set size, above 0 and at most 1.
        steps: how many were taken, 1 or more.
        delta: above 0 and below 1, less than 1 / (data set size) to mean anything.
    """
    _check(noise_multiplier, sample_rate, steps, delta)
    bounds = [
        _to_epsilon(steps * renyi_divergence(noise_multiplier, sample_rate, order), order, delta)
        for order in ORDERS
    ]
    return max(min(bounds), 0.0)


def renyi_divergence(noise_multiplier: float, sample_rate: float, order: float) -> float:
    """Return the Rényi divergence of one step, in nats, at an order above 1.

    Integer orders by the binomial sum, others by the two series of Mironov, Talwar & Zhang 2019, section 3.3.
    """
    _check(noise_multiplier, sample_rate, 1, 0.5)
    if not order > 1:
        raise ValueError(f"order is out of range: {order}, needed more than 1")
    if sample_rate == 1:
        return order / (2 * noise_multiplier**2)
    series = _log_moment_whole if float(order).is_integer() else _log_moment_fraction
    return series(noise_multiplier, sample_rate, order) / (order - 1)


def audited_epsilon(
    caught: int, members: int, false_alarms: int, others: int, delta: float = 0.0, confidence: float = 0.95
) -> float:
    """Return a lower bound of epsilon from a membership attack on canaries (Jagielski et al. 2020).

    An attack at one threshold fixed beforehand: epsilon >= log((TPR - delta) / FPR), with both rates at
    the unfavourable ends of Clopper-Pearson intervals. A bound above the claimed epsilon disproves the claim.

    Args:
        caught: members that the attack called members.
        members: canaries that were trained on.
        false_alarms: others that it called members.
        others: canaries that were not.
        delta: of the claim.
        confidence: that both bounds hold, together.
    """
    if not (0 <= caught <= members and 0 <= false_alarms <= others and members and others and 0 <= delta < 1):
        raise ValueError("counts or delta are out of range")
    tail = (1 - checked_confidence(confidence)) / 2
    least_caught = float(special.betaincinv(caught, members - caught + 1, tail)) if caught else 0.0
    most_false = (
        float(special.betaincinv(false_alarms + 1, others - false_alarms, 1 - tail))
        if false_alarms < others
        else 1.0
    )
    return math.log((least_caught - delta) / most_false) if least_caught - delta > most_false else 0.0


def _check(sigma: float, rate: float, steps: int, delta: float) -> None:
    sized = 1e-100 <= sigma <= 1e100  # so that its square is neither 0 nor infinite
    if not (sized and 0 < rate <= 1 and steps >= 1 and 0 < delta < 1):
        raise ValueError(f"noise, rate, steps or delta is out of range: {sigma}, {rate}, {steps}, {delta}")


def _to_epsilon(divergence: float, order: float, delta: float) -> float:
    """Return the epsilon that a Rényi bound implies (Canonne, Kamath & Steinke 2020, proposition 12)."""
    return divergence + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)


def _log_moment_whole(sigma: float, rate: float, order: float) -> float:
    picks = np.arange(int(order) + 1)
    terms = (
        special.gammaln(order + 1) - special.gammaln(picks + 1) - special.gammaln(order - picks + 1)
        + picks * math.log(rate) + (order - picks) * math.log1p(-rate)
        + picks * (picks - 1) / (2 * sigma**2)
    )  # fmt: skip
    return float(special.logsumexp(terms))


def _log_moment_fraction(sigma: float, rate: float, order: float) -> float:
    """Sum both alternating series until their terms vanish; z is where the two densities' weights cross."""
    cross = sigma**2 * math.log(1 / rate - 1) + 0.5
    picks = np.arange(int(order) + 200, dtype=np.float64)
    rest = order - picks
    log_binomial, sign = _log_binomial(order, picks)
    lower = (
        log_binomial + rest * math.log1p(-rate) + picks * math.log(rate)
        + (picks * picks - picks) / (2 * sigma**2) + special.log_ndtr((cross - picks) / sigma)
    )  # fmt: skip
    upper = (
        log_binomial + picks * math.log1p(-rate) + rest * math.log(rate)
        + (rest * rest - rest) / (2 * sigma**2) + special.log_ndtr((rest - cross) / sigma)
    )  # fmt: skip
    return float(special.logsumexp(np.concatenate([lower, upper]), b=np.concatenate([sign, sign])))


def _log_binomial(order: float, picks: Floats) -> tuple[Floats, Floats]:
    """Return logarithm of the size, and sign, of the generalised binomial coefficients."""
    rest = order - picks + 1
    size = special.gammaln(order + 1) - special.gammaln(picks + 1) - special.gammaln(rest)
    return size, special.gammasgn(rest)
