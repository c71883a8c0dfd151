"""From runs to the zero and full marks of a metric: one rule, when they are measured and when they are read.

A calibration stores the runs beside the marks that follow from them, so that whoever reads
it can tell whether the marks were changed by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import special  # type: ignore[import-untyped]

from harness.anchors import Anchor
from harness.metrics.calibration import admission, discrimination_ratio, full_mark_bar
from harness.records import MetricSpec
from harness.scoring import require_marks

MOST_MISSES: Final = 0.01
"""Share of honest runs that may miss full marks."""
TOLERANCE: Final = 1e-6
"""How far, relative, a stored number may be from what follows from the runs: processors round differently."""
Better = Literal["lower", "higher"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What one metric measured, by who was measured."""

    reference: tuple[float, ...]
    baseline: Mapping[str, tuple[float, ...]]
    reruns: tuple[float, ...] = ()

    @property
    def honest(self) -> tuple[float, ...]:
        """Return all runs that should earn full marks."""
        return (*self.reference, *self.reruns)


def anchored(runs: Runs, better: Better, scale: Scale, confidence: float) -> Anchor:
    """Return a metric's marks; raises `ValueError` where runs do not fit the scale or tell nothing.

    Zero marks stand at the mean of the baseline that is hardest to beat, full marks where a
    fresh run of the reference falls inside with probability `confidence`; if more than 1 %
    of honest runs would miss those, all of them make the full marks.
    """
    means = {name: _mean(several, scale) for name, several in runs.baseline.items()}
    if not means:
        raise ValueError("there are no runs of a baseline")
    hardest = (min if better == "lower" else max)(means, key=lambda name: means[name])
    ratio = discrimination_ratio(runs.reference, runs.baseline[hardest], better, scale)
    full = _full_mark(runs, better, scale, confidence)
    spec = MetricSpec(better=better, unit="", zero=means[hardest], full=full, scale=scale)
    if (full < spec.zero) != (better == "lower"):
        raise ValueError(
            f"full marks at {full:.4g} would not be better than {spec.zero:.4g}, what the baseline reaches:"
            " the reference varies too much, or is no better"
        )
    require_marks(spec)
    return Anchor(
        zero=means[hardest],
        full=full,
        better=better,
        scale=scale,
        reference=runs.reference,
        baseline=runs.baseline,
        discrimination=ratio if np.isfinite(ratio) else None,
        confidence=confidence,
        false_fail=missing_share(runs.honest, full, better, scale),
        reruns=runs.reruns,
    )


def _full_mark(runs: Runs, better: Better, scale: Scale, confidence: float) -> float:
    """Return the full mark: from the reference's runs, or, if other honest runs would miss it, from all."""
    full = full_mark_bar(runs.reference, better, confidence=confidence, scale=scale)
    if missing_share(runs.honest, full, better, scale) <= MOST_MISSES:
        return full
    return full_mark_bar(runs.honest, better, confidence=confidence, scale=scale)


def _mean(values: Iterable[float], scale: Scale) -> float:
    """Return the mean, of the logarithms on a log scale; raises `ValueError` for what has none."""
    array = np.asarray(list(values), dtype=np.float64)
    if scale == "linear":
        return float(array.mean())
    if array.min() <= 0:
        raise ValueError(f"a value of {array.min():.4g} has no logarithm")
    return float(np.exp(np.log(array).mean()))


def missing_share(values: Sequence[float], bar: float, better: Better, scale: Scale) -> float:
    """Return the share of honest runs expected to miss the bar, 0 to 1; lower is better.

    The probability that a further normal observation lies beyond the bar, given the values:
    t = (bar - m) / (s * sqrt(1 + 1/n)) with n - 1 degrees of freedom.
    """
    array = np.asarray(values, dtype=np.float64)
    limit = bar
    if scale == "log":
        array, limit = np.log(array), float(np.log(bar))
    spread = float(array.std(ddof=1)) * np.sqrt(1 + 1 / len(array))
    room = (limit - float(array.mean())) * (1 if better == "lower" else -1)
    if spread == 0:
        return 0.0 if room >= 0 else 1.0
    return float(special.stdtr(len(array) - 1, -room / spread))


def refusals_of(told: Anchor) -> Iterator[str]:
    """Yield why a metric with these marks may not be graded."""
    if told.discrimination is not None and admission(told.discrimination) == "refuse":
        yield (
            f"does not discriminate: the baseline is {told.discrimination:.1f} standard deviations of the"
            " reference away, and at least 5 are needed"
        )
    if told.false_fail > MOST_MISSES:
        yield (
            f"{told.false_fail:.1%} of honest runs would miss full marks, and at most {MOST_MISSES:.0%} may;"
            " ask for more confidence"
        )


def altered(told: Anchor) -> tuple[str, ...]:
    """Return the names of the stored numbers that do not follow from the stored runs; all if none can."""
    runs = Runs(reference=told.reference, baseline=told.baseline, reruns=told.reruns)
    names = ("zero", "full", "discrimination", "false_fail")
    try:
        follows = anchored(runs, told.better, told.scale, told.confidence)
    except ValueError:
        return names
    return tuple(name for name in names if not _same(getattr(told, name), getattr(follows, name)))


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.isclose(one, other, rtol=TOLERANCE, atol=TOLERANCE**2))
