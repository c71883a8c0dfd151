"""From runs of the reference to the number that earns full marks.

A metric is admitted only if it tells the reference from the baseline (`discrimination_ratio`), and
full marks are set where a fresh honest run falls inside with a stated probability (`full_mark_bar`):
one reference run taken as the bar was measured to fail 44 to 47 % of honest re-runs.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, finite_array
from harness.metrics.intervals import t_quantile

Better = Literal["lower", "higher"]
Scale = Literal["linear", "log"]
Admission = Literal["refuse", "three seeds", "one seed"]

LEAST_RATIO: Final = 5.0
ONE_SEED_RATIO: Final = 10.0


def discrimination_ratio(
    reference: npt.ArrayLike, baseline: npt.ArrayLike, better: Better, scale: Scale = "linear"
) -> float:
    """Return D = (distance from baseline to reference) / (sd of the reference over seeds).

    Positive where the reference beats the baseline, negative where it loses; infinite where the
    reference's seeds agree exactly. A graded metric needs 5, better 10.

    Args:
        reference: (seeds,) values of the reference, at least two.
        baseline: (seeds,) values of the strongest baseline that must be beaten, at least one.
        better: which way the metric improves.
        scale: `log` for ratio-scale metrics such as FID, MSE, excess bits; then values must be positive.
    """
    runs, rivals = _scaled(reference, "reference values", scale), _scaled(baseline, "baseline values", scale)
    _need(runs, 2)
    gain = float(rivals.mean() - runs.mean()) * (1 if better == "lower" else -1)
    spread = float(runs.std(ddof=1))
    if spread == 0:
        return math.copysign(math.inf, gain) if gain else 0.0
    return gain / spread


def admission(ratio: float) -> Admission:
    """Return how a metric with this discrimination ratio may be graded: not, on three seeds, or on one."""
    if math.isnan(ratio):
        raise ValueError("ratio is NaN")
    if ratio < LEAST_RATIO:
        return "refuse"
    return "three seeds" if ratio < ONE_SEED_RATIO else "one seed"


def full_mark_bar(
    reference_values: npt.ArrayLike,
    better: Better,
    k: int = 1,
    confidence: float = 0.975,
    scale: Scale = "linear",
) -> float:
    """Return the value that the mean of `k` fresh honest runs reaches with probability `confidence`.

    T = m + t(confidence, S - 1) * s * sqrt(1/k + 1/S), the one-sided prediction bound for the mean of
    k future normal observations given S (Hahn 1970); mirrored where higher is better. On the log
    scale the bound is taken of the logarithms, so m is their mean (a geometric mean).

    Args:
        reference_values: (S,) one value per seed, at least two; five or more are advised.
        better: which way the metric improves.
        k: the learner's seeds.
        confidence: share of honest re-runs that reach the bar, 0.5 to 1.
        scale: `log` for ratio-scale metrics; then values must be positive.
    """
    values = _scaled(reference_values, "reference values", scale)
    _need(values, 2)
    if k < 1 or not 0.5 <= confidence < 1:
        raise ValueError(f"k or confidence is out of range: {k}, {confidence}")
    slack = t_quantile(confidence, len(values) - 1) * math.sqrt(1 / k + 1 / len(values))
    bound = float(values.mean() + (1 if better == "lower" else -1) * slack * values.std(ddof=1))
    return math.exp(bound) if scale == "log" else bound


def false_fail_rate(values: npt.ArrayLike, bar: float, better: Better) -> float:
    """Return the share of honest values, 0 to 1, that miss the bar; lower is better."""
    runs = finite_array(values, "values", dimensions=1)
    if not math.isfinite(bar):
        raise ValueError(f"bar is not finite: {bar}")
    return float(np.mean(runs > bar if better == "lower" else runs < bar))


def _scaled(values: npt.ArrayLike, name: str, scale: Scale) -> Floats:
    array = finite_array(values, name, dimensions=1)
    if scale == "linear":
        return array
    if array.min() <= 0:
        raise ValueError(f"{name} are not positive: {array.min():.4g} has no logarithm")
    return np.asarray(np.log(array), dtype=np.float64)


def _need(values: Floats, least: int) -> None:
    if len(values) < least:
        raise ValueError(f"reference values are too few: {len(values)}, needed at least {least}")
