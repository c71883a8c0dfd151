"""Where things stand in a drawing, and the sentence that says the same to who cannot see it.

Only geometry: `templates/charts.html` draws it as inline SVG. Positions are per cent of
the drawing's width from the left, or of its height from the top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.numbers import number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.records import Curve, Measurement, MetricSpec, Result, Score

CURVE_POINTS: Final = 240
"""Points a curve is drawn with at most; about two for a pixel of a phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A value between the zero mark (left end) and the full mark (right end): right is always better."""

    at: float
    beyond: str
    """`left` or `right` where the value lies outside and is drawn at the end, else empty."""
    low: float
    """The interval's end towards the zero mark; equals `at` where no interval was computed."""
    high: float
    passes: float
    """From where the check counts as passed."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A curve as points for SVG polylines, 1000 wide and 100 high, and its labelled heights."""

    pieces: tuple[str, ...]
    """One polyline for each stretch of finite values."""
    dots: tuple[tuple[float, float], ...]
    """Finite values that stand alone between gaps, as (x, y) in per cent."""
    ticks: tuple[tuple[float, str], ...]
    """(height in per cent, label), from the top down."""
    first: str
    last: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBar:
    """Shares of all points, in per cent from the left."""

    earned: float
    ungraded: float
    mark: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One column for each attempt, the latest last."""

    columns: tuple[tuple[float, float, float, bool], ...]
    """(left, width, height, passed), in per cent."""
    mark: float
    sentence: str


def position(value: float, spec: MetricSpec) -> float:
    """Return how far a value is from the zero mark (0) to the full mark (1); outside is below 0 or above 1.

    nan where the marks span nothing, or where a logarithm does not exist.
    """
    zero, full = spec.zero, spec.full
    if spec.scale == "log":
        zero, full, value = _logarithm(zero), _logarithm(full), _logarithm(value)
    # Halves first: marks as far apart as floats go must not overflow.
    span = full / 2 - zero / 2
    return (value / 2 - zero / 2) / span if span and math.isfinite(span) else math.nan


def gauge(spec: MetricSpec, measured: Measurement) -> Gauge | None:
    """Return where the value, its interval and the passing share stand, or None if nothing can be drawn."""
    at = position(measured.value, spec)
    if math.isnan(at):
        return None
    interval = [position(end, spec) for end in (measured.low, measured.high) if end is not None]
    ends = [end for end in interval if not math.isnan(end)] or [at]
    return Gauge(
        at=_inside(at),
        beyond="left" if at < 0 else "right" if at > 1 else "",
        low=_inside(min(ends)),
        high=_inside(max(ends)),
        passes=_inside(spec.pass_share),
        sentence=_gauge_sentence(spec, measured, at),
    )


def curve(series: Curve) -> Line | None:
    """Return the curve thinned to what a screen can show, or None where no value is finite."""
    values = series.values
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    spots = [(_across(i, len(values)), _height(values[i], low, high)) for i in _thinned(values)]
    runs = _runs(spots)
    return Line(
        pieces=tuple(" ".join(f"{10 * x:.1f},{y:.2f}" for x, y in run) for run in runs if len(run) > 1),
        dots=tuple(run[0] for run in runs if len(run) == 1),
        ticks=_ticks(low, high),
        first=f"{series.x_label} 1",
        last=f"{series.x_label} {len(values):,}",
        sentence=_curve_sentence(series, finite),
    )


def score_bar(score: Score, pass_mark: float) -> ScoreBar | None:
    """Return the shares of the points, or None where there is no point to earn."""
    if not (0 < score.possible < math.inf):
        return None
    earned = _inside(score.earned / score.possible)
    return ScoreBar(
        earned=earned,
        ungraded=min(_inside(score.ungraded / score.possible), 100 - earned),
        mark=_inside(pass_mark),
        sentence=f"{percent(earned / 100)} of the points earned; the pass mark is {percent(pass_mark)}",
    )


def trend(attempts: Sequence[Result]) -> Trend:
    """Return a column for each attempt, as high as its share of the points."""
    width = 100 / max(len(attempts), 1)
    heights = [share(attempt.score) for attempt in attempts]
    words = ", ".join(percent(height / 100) for height in heights)
    return Trend(
        columns=tuple(
            (i * width, width, height, attempt.score.passed)
            for i, (height, attempt) in enumerate(zip(heights, attempts, strict=True))
        ),
        mark=_inside(attempts[-1].pass_mark) if attempts else 0,
        sentence=f"Share of the points in each attempt, oldest first: {words}",
    )


def share(score: Score) -> float:
    """Return the share of the points that were earned, in per cent from 0 to 100."""
    return _inside(score.earned / score.possible) if 0 < score.possible < math.inf else 0.0


def _inside(part: float) -> float:
    return 100 * min(max(part, 0.0), 1.0) if not math.isnan(part) else 0.0


def _logarithm(value: float) -> float:
    if value <= 0:
        return -math.inf if value == 0 else math.nan
    return math.log(value)


def _gauge_sentence(spec: MetricSpec, measured: Measurement, at: float) -> str:
    where = (
        "worse than the zero mark" if at < 0 else "beyond the full mark" if at > 1 else "between the marks"
    )
    where = "at the zero mark" if at == 0 else "at the full mark" if at == 1 else where
    parts = [
        f"{number(measured.value)}, {where}: no points at {number(spec.zero)}, all at {number(spec.full)}"
    ]
    if measured.low is not None and measured.high is not None:
        parts.append(f"interval {number(measured.low)} to {number(measured.high)}")
    return "; ".join([*parts, f"{spec.better} is better"])


def _curve_sentence(series: Curve, finite: list[float]) -> str:
    start, end = number(finite[0]), number(finite[-1])
    lost = len(series.values) - len(finite)
    gaps = f"; {lost:,} not finite, left out" if lost else ""
    return (
        f"{series.y_label} over {len(series.values):,} values of {series.x_label}: from {start} to {end}, "
        f"lowest {number(min(finite))}, highest {number(max(finite))}{gaps}"
    )


def _thinned(values: Sequence[float]) -> list[int]:
    """Return the indices to draw: of each bucket its lowest and highest value and its first gap."""
    if len(values) <= CURVE_POINTS:
        return list(range(len(values)))
    bucket = math.ceil(len(values) / (CURVE_POINTS // 2))
    kept: set[int] = {0, len(values) - 1}
    for start in range(0, len(values), bucket):
        indices = range(start, min(start + bucket, len(values)))
        finite = [i for i in indices if math.isfinite(values[i])]
        kept.update(next(([i] for i in indices if not math.isfinite(values[i])), []))
        kept.update(
            [min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)] if finite else []
        )
    return sorted(kept)


def _runs(spots: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for spot in spots:
        if math.isnan(spot[1]):
            runs.append([])
        else:
            runs[-1].append(spot)
    return [run for run in runs if run]


def _across(index: int, count: int) -> float:
    return 100 * index / (count - 1) if count > 1 else 50.0


def _height(value: float, low: float, high: float) -> float:
    """Return per cent from the top; a tenth above and below stays free for the line's width."""
    if not math.isfinite(value):
        return math.nan
    span = high / 2 - low / 2
    part = (value / 2 - low / 2) / span if span else 0.5
    return 95 - 90 * part


def _ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Return three or so round values between the lowest and the highest, from the top down."""
    span = high - low
    if not (1e-300 < span < math.inf):
        return ((_height(low, low, high), number(low)),)
    rough = span / 2.5
    power = 10.0 ** math.floor(math.log10(rough))
    step = max((m * power for m in (1, 2, 5) if m * power <= rough), default=rough)
    steps = range(math.ceil(low / step), math.floor(high / step) + 1)
    ticks = [(_height(k * step, low, high), number(k * step)) for k in steps]
    return tuple(reversed(ticks)) or ((_height(high, low, high), number(high)),)
