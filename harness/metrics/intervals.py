"""How sure a number is: which interval goes with which kind of metric.

Means of independent values take the t interval, shares the Wilson interval, losses of consecutive
tokens block means (neighbours are correlated), FID-like statistics the basic bootstrap. The
percentile bootstrap is absent on purpose: resampling adds its own bias to such statistics, and at
200 samples its "95 %" interval was measured to cover the truth half of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, finite_array, same_shape
from harness.records import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The ends of an interval and which kind it is, for people to read."""

    low: float
    high: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """The mean of a difference over the same items, with its standard error."""

    mean: float
    standard_error: float
    n: int
    """Items compared."""

    @property
    def z(self) -> float:
        """The mean in standard errors; 0 where nothing differs at all."""
        if self.standard_error == 0:
            return math.copysign(math.inf, self.mean) if self.mean else 0.0
        return self.mean / self.standard_error


def measurement(value: float, interval: Interval, n: int, *notes: str, encoder: str = "") -> Measurement:
    """Return the record that a `@metric` check hands back; `encoder` is the digest of what took features."""
    return Measurement(
        value=value,
        low=interval.low,
        high=interval.high,
        interval=interval.kind,
        n=n,
        encoder=encoder,
        notes=notes,
    )


def t_interval(values: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Return Student's interval for the mean of independent values; needs at least two."""
    sample = finite_array(values, "values", dimensions=1)
    spread = standard_error(sample) * t_quantile(0.5 + checked_confidence(confidence) / 2, len(sample) - 1)
    mean = float(sample.mean())
    return Interval(low=mean - spread, high=mean + spread, kind=f"t, {len(sample)} values")


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval for a share (Wilson 1927); inside 0 to 1, sensible at 0 and at 1."""
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes and trials are out of range: {successes} of {trials}")
    z = normal_quantile(0.5 + checked_confidence(confidence) / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2)) / (1 + z * z / trials)
    low = 0.0 if successes == 0 else centre - half  # exact there; rounding would leave 1e-17
    high = 1.0 if successes == trials else centre + half
    return Interval(low=low, high=high, kind=f"Wilson, {trials} trials")


def block_means(values: npt.ArrayLike, block: int = 200) -> Floats:
    """Return the means of consecutive blocks; the last block takes the remainder in.

    Args:
        values: (n,) in the order in which they were made.
        block: items per block, longer than the correlation; fewer than two whole blocks are refused.
    """
    series = finite_array(values, "values", dimensions=1)
    count = len(series) // block if block > 0 else 0
    if count < 2:
        raise ValueError(f"values are too few: {len(series)}, needed two blocks of {block}")
    edges = np.arange(count) * block
    sums = np.add.reduceat(series, edges)
    sizes = np.diff(np.append(edges, len(series)))
    return np.asarray(sums / sizes, dtype=np.float64)


def block_interval(values: npt.ArrayLike, block: int = 200, confidence: float = 0.95) -> Interval:
    """Return a t interval for the mean of a correlated series, such as bits per token."""
    means = block_means(values, block)
    spread = standard_error(means) * t_quantile(0.5 + checked_confidence(confidence) / 2, len(means) - 1)
    mean = float(np.mean(finite_array(values, "values")))
    return Interval(low=mean - spread, high=mean + spread, kind=f"block means, {len(means)} of {block}")


def basic_bootstrap(
    statistic: Callable[[Floats], float],
    sample: npt.ArrayLike,
    *,
    seed: int,
    replicates: int = 200,
    confidence: float = 0.95,
) -> Interval:
    """Return the basic (reflected) bootstrap interval of a statistic (Davison & Hinkley 1997, 5.2.1).

    The quantiles of the replicates are reflected at the value, so that the bias which resampling
    adds is taken away instead of added twice. The low end may be below 0 for a distance.

    Args:
        statistic: takes (n, ...) rows and returns a finite number.
        sample: (n, ...), n at least 2; rows are resampled with replacement.
        seed: the same seed gives the same interval.
        replicates: 200 is enough for two digits of the ends.
        confidence: 0 to 1.
    """
    rows = finite_array(sample, "samples")
    if rows.ndim == 0 or len(rows) < 2 or replicates < 2:
        raise ValueError("samples or replicates are too few for a bootstrap: needed 2 of each")
    rng = np.random.default_rng(seed)
    value = statistic(rows)
    drawn = [statistic(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(replicates)]
    low, high = np.quantile(drawn, [0.5 - checked_confidence(confidence) / 2, 0.5 + confidence / 2])
    return Interval(
        low=float(2 * value - high),
        high=float(2 * value - low),
        kind=f"basic bootstrap, {replicates} replicates",
    )


def paired_difference(values: npt.ArrayLike, others: npt.ArrayLike, block: int = 1) -> PairedDifference:
    """Return the mean of `values - others` over the same items, with the error of block means.

    Args:
        values: (n,), such as a model's bits per token.
        others: (n,), such as the oracle's bits for the same tokens.
        block: 1 for independent items, about 200 for consecutive tokens.
    """
    a, b = finite_array(values, "values", dimensions=1), finite_array(others, "others", dimensions=1)
    same_shape(a, b, ("values", "others"))
    difference = a - b
    error = standard_error(block_means(difference, block))
    return PairedDifference(mean=float(difference.mean()), standard_error=error, n=len(difference))


def standard_error(values: Floats) -> float:
    """Return the standard error of the mean of independent values, at least two of them."""
    if len(values) < 2:
        raise ValueError(f"values are too few: {len(values)}, needed at least 2")
    return float(values.std(ddof=1) / math.sqrt(len(values)))


def t_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t with `freedom` degrees of freedom."""
    return float(special.stdtrit(freedom, probability))


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return float(special.ndtri(probability))


def checked_confidence(confidence: float) -> float:
    """Return the confidence if it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is out of range: {confidence}, allowed between 0 and 1")
    return confidence
