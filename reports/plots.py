"""Drawings of many learners at once: where dots and bars stand, and the sentence that says the same.

Geometry only, in per cent as in `charts`; `templates/plots.html` draws it.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.charts import position
from reports.numbers import counted, duration, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.records import MetricSpec
    from reports.cohort import Measured

DOTS: Final = 1500
"""Dots of one drawing at most; more are one blot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A histogram of scores."""

    bars: tuple[tuple[float, float, float, bool, str], ...]
    """(left, width, height, from the pass mark on, words)."""
    mark: float
    most: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A metric's values against the time they took, as two SVG paths, 1000 wide and 100 high."""

    passed: str
    others: str
    marks: tuple[tuple[float, str], ...]
    """(height in per cent, words) of the zero and the full mark, where they lie within the drawing."""
    ticks: tuple[str, str, str, str]
    """Lowest and highest time, lowest and highest value."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The values of one group between the zero mark (left) and the full mark (right) and beyond."""

    name: str
    dots: str
    """An SVG path, 1000 wide and 100 high."""
    middle: float
    """The median, in per cent from the left."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """Several groups on one scale on which right is better."""

    rows: tuple[Strip, ...]
    zero: float
    full: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spark:
    """Pass rates over time as one polyline, 1000 wide and 100 high."""

    points: str
    last: float
    sentence: str


def bars(counts: Sequence[int], pass_mark: float) -> Bars:
    """Return a histogram of shares of the points, in equal ranges from 0 to 100 %."""
    most, width = max([*counts, 1]), 100 / len(counts)
    drawn = tuple(
        (
            i * width,
            width,
            100 * count / most,
            (i + 0.5) * width >= 100 * pass_mark,
            _bar_words(i, width, count),
        )
        for i, count in enumerate(counts)
    )
    filled = "; ".join(words for *_, words in drawn if not words.startswith("0 "))
    mark = 100 * min(max(pass_mark, 0.0), 1.0)
    return Bars(
        bars=drawn, mark=mark, most=most, sentence=f"{filled}. The pass mark is {percent(pass_mark)}."
    )


def scatter(measured: Measured) -> Scatter | None:
    """Return the metric's values against the seconds that its check took, or None without a value."""
    if not measured.values:
        return None
    across = _Axis.over(measured.seconds)
    up = _Axis.over([*measured.values, *_near_marks(measured)], logarithm=measured.spec.scale == "log")
    chosen = range(0, len(measured.values), math.ceil(len(measured.values) / DOTS))
    spots = [
        (across.at(measured.seconds[i]), 100 - up.at(measured.values[i]), bool(measured.passed[i]))
        for i in chosen
    ]
    return Scatter(
        passed=_path((x, y) for x, y, passed in spots if passed),
        others=_path((x, y) for x, y, passed in spots if not passed),
        marks=tuple(
            (100 - up.at(value), words)
            for value, words in ((measured.spec.zero, "no points"), (measured.spec.full, "all points"))
            if up.low <= value <= up.high
        ),
        ticks=(duration(across.low), duration(across.high), number(up.low), number(up.high)),
        sentence=_scatter_sentence(measured),
    )


def strips(spec: MetricSpec, groups: Mapping[str, Sequence[float]]) -> Strips | None:
    """Return the values of each group on the scale of the marks, or None where nothing can be placed."""
    placed = {
        name: [at for value in values if not math.isnan(at := position(value, spec))]
        for name, values in groups.items()
    }
    everything = [min(max(at, -0.5), 1.5) for values in placed.values() for at in values]
    if not everything:
        return None
    axis = _Axis.over([0.0, 1.0, *everything])
    rows = tuple(_strip(name, groups[name], values, axis) for name, values in placed.items() if values)
    return Strips(
        rows=rows,
        zero=axis.at(0.0),
        full=axis.at(1.0),
        sentence="; ".join(f"{row.name}: {row.words}" for row in rows) + f". {spec.better} is better",
    )


def spark(rates: Sequence[tuple[str, str, float, int]]) -> Spark | None:
    """Return pass rates over time, or None where there is but one stretch of time."""
    if len(rates) < 2:
        return None
    step = 1000 / (len(rates) - 1)
    points = " ".join(f"{i * step:.0f},{95 - 90 * rate:.0f}" for i, (*_, rate, _) in enumerate(rates))
    words = ", ".join(f"{percent(round(rate, 2))} of {asked} by {last}" for _, last, rate, asked in rates)
    return Spark(points=points, last=95 - 90 * rates[-1][2], sentence=f"Pass rate over time: {words}")


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range with a little room at both ends."""

    low: float
    high: float
    logarithm: bool = False

    @classmethod
    def over(cls, values: Iterable[float], *, logarithm: bool = False) -> _Axis:
        found = list(values)
        low, high = min(found), max(found)
        return cls(low, high, logarithm and low > 0)

    def at(self, value: float) -> float:
        """Return per cent from the low end, between 3 and 97."""
        low, high, here = (
            (math.log(self.low), math.log(self.high), math.log(max(value, self.low)))
            if self.logarithm
            else (self.low, self.high, value)
        )
        span = high / 2 - low / 2
        part = (here / 2 - low / 2) / span if span > 0 and math.isfinite(span) else 0.5
        return 3 + 94 * min(max(part, 0.0), 1.0)


def _path(spots: Iterable[tuple[float, float]]) -> str:
    """Return dots as strokes without length: a few bytes each, and round where they are drawn."""
    return "".join(f"M{10 * x:.0f} {y:.1f}h0" for x, y in spots)


def _near_marks(measured: Measured) -> list[float]:
    """Return the marks that lie near the values; one far away would press all dots into a line."""
    low, high = min(measured.values), max(measured.values)
    room = 1.5 * (high / 2 - low / 2) * 2 or abs(high)
    return [mark for mark in (measured.spec.zero, measured.spec.full) if low - room <= mark <= high + room]


def _bar_words(index: int, width: float, count: int) -> str:
    start, end = index * width, (index + 1) * width
    return f"{counted(count, 'learner')} from {start:.0f} to {end:.0f} % of the points"


def _scatter_sentence(measured: Measured) -> str:
    values, shortest, longest = measured.values, min(measured.seconds), max(measured.seconds)
    return (
        f"{counted(len(values), 'value')} from {number(min(values))} to {number(max(values))}, "
        f"median {number(statistics.median(values))}, in {duration(shortest)} to {duration(longest)}; "
        f"{sum(measured.passed)} of them pass; {measured.spec.better} is better"
    )


def _strip(name: str, values: Sequence[float], placed: list[float], axis: _Axis) -> Strip:
    chosen = placed[:: math.ceil(len(placed) / DOTS)]
    words = f"{counted(len(values), 'run')}, median {number(statistics.median(values))}"
    if len(values) > 1:
        words += f", {number(min(values))} to {number(max(values))}"
    return Strip(
        name=name,
        dots=_path((axis.at(at), 50) for at in chosen),
        middle=axis.at(statistics.median(placed)),
        words=words,
    )
