"""Where values stand: the zero mark left, the full mark right, whichever way is better."""

import math

import pytest
from learner_samples import check, result

from harness.records import Curve, Measurement, MetricSpec, Score
from reports.charts import CURVE_POINTS, curve, gauge, position, score_bar, share, trend


def spec(zero, full, scale="linear", pass_share=0.5):
    better = "lower" if full < zero else "higher"
    return MetricSpec(better=better, unit="u", zero=zero, full=full, scale=scale, pass_share=pass_share)


@pytest.mark.parametrize(
    ("value", "marks", "want"),
    [
        pytest.param(10, spec(10, 2), 0, id="lower-at-zero-mark"),
        pytest.param(2, spec(10, 2), 1, id="lower-at-full-mark"),
        pytest.param(6, spec(10, 2), 0.5, id="lower-half-way"),
        pytest.param(0.2, spec(0.2, 0.8), 0, id="higher-at-zero-mark"),
        pytest.param(0.8, spec(0.2, 0.8), 1, id="higher-at-full-mark"),
        pytest.param(14, spec(10, 2), -0.5, id="worse-than-zero"),
        pytest.param(-2, spec(10, 2), 1.5, id="better-than-full"),
        pytest.param(10, spec(100, 1, "log"), 0.5, id="logarithm"),
        pytest.param(0, spec(100, 1, "log"), math.inf, id="logarithm-of-zero"),
        pytest.param(math.inf, spec(10, 2), -math.inf, id="infinite"),
        pytest.param(0, spec(-1e308, 1e308), 0.5, id="as-far-apart-as-floats-go"),
    ],
)
def test_position(value, marks, want):
    assert position(value, marks) == pytest.approx(want)


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        pytest.param(math.nan, spec(10, 2), id="nan"),
        pytest.param(3, spec(2, 2), id="marks-are-one"),
        pytest.param(3, spec(math.inf, 2), id="infinite-mark"),
        pytest.param(-1, spec(100, 1, "log"), id="logarithm-of-negative"),
        pytest.param(3, spec(0, 1, "log"), id="logarithm-of-zero-mark"),
    ],
)
def test_a_value_without_a_place_has_no_gauge(value, marks):
    assert math.isnan(position(value, marks))
    assert gauge(marks, Measurement(value=value)) is None


@pytest.mark.parametrize(
    ("value", "at", "beyond"),
    [
        pytest.param(10, 0, "", id="at-the-left-end"),
        pytest.param(2, 100, "", id="at-the-right-end"),
        pytest.param(40, 0, "left", id="clamped-left"),
        pytest.param(-40, 100, "right", id="clamped-right"),
        pytest.param(math.inf, 0, "left", id="infinite"),
    ],
)
def test_gauge_clamps_with_an_arrow(value, at, beyond):
    drawn = gauge(spec(10, 2), Measurement(value=value))
    assert (drawn.at, drawn.beyond) == (at, beyond)


def test_gauge_interval_runs_left_to_right_whichever_way_is_better():
    drawn = gauge(spec(10, 2), Measurement(value=6, low=5, high=8))
    assert (drawn.low, drawn.at, drawn.high) == pytest.approx((25, 50, 62.5))
    drawn = gauge(spec(2, 10), Measurement(value=6, low=5, high=8))
    assert (drawn.low, drawn.at, drawn.high) == pytest.approx((37.5, 50, 75))


def test_gauge_without_interval_is_a_point():
    drawn = gauge(spec(10, 2), Measurement(value=6))
    assert drawn.low == drawn.high == drawn.at == 50


def test_gauge_interval_that_is_not_finite_stays_inside():
    drawn = gauge(spec(10, 2), Measurement(value=6, low=-math.inf, high=math.nan))
    assert (drawn.low, drawn.high) == (100, 100)


def test_gauge_says_what_it_draws():
    sentence = gauge(spec(10, 2), Measurement(value=6, low=5, high=8)).sentence
    assert sentence == "6, between the marks: no points at 10, all at 2; interval 5 to 8; lower is better"
    assert "beyond the full mark" in gauge(spec(10, 2), Measurement(value=1)).sentence
    assert "worse than the zero mark" in gauge(spec(10, 2), Measurement(value=11)).sentence


def spots(drawn):
    return [tuple(map(float, spot.split(","))) for piece in drawn.pieces for spot in piece.split()]


def test_curve_spans_the_drawing():
    drawn = curve(Curve(title="t", values=(4.0, 2.0, 3.0)))
    assert spots(drawn) == [(0, 5), (500, 95), (1000, 50)]
    assert drawn.first == "step 1"
    assert drawn.last == "step 3"
    assert drawn.sentence == "loss over 3 values of step: from 4 to 3, lowest 2, highest 4"


def test_curve_leaves_gaps_and_says_so():
    drawn = curve(Curve(title="t", values=(1.0, 2.0, math.nan, 5.0, math.inf, 1.0, 2.0)))
    assert len(drawn.pieces) == 2
    assert [x for x, _ in drawn.dots] == [50]
    assert "2 not finite, left out" in drawn.sentence


@pytest.mark.parametrize("values", [(), (math.nan,), (math.inf, -math.inf)], ids=["empty", "nan", "infinite"])
def test_curve_without_finite_values_is_not_drawn(values):
    assert curve(Curve(title="t", values=values)) is None


@pytest.mark.parametrize(
    "values",
    [(3.0,), (2.0, 2.0), (-1e308, 1e308), (5e-324, 0.0), (1e16, 1e16 + 2), (0.0,) * 5_000],
    ids=["one", "constant", "widest", "narrowest", "coarse", "long-constant"],
)
def test_curve_stays_inside_whatever_the_range(values):
    drawn = curve(Curve(title="t", values=values))
    heights = [y for _, y in [*spots(drawn), *drawn.dots]] + [height for height, _ in drawn.ticks]
    assert heights
    assert all(0 <= height <= 100 for height in heights)


def test_long_curve_is_thinned_and_keeps_its_spikes():
    values = [1.0] * 100_000
    values[31_415] = 9.0
    drawn = curve(Curve(title="t", values=tuple(values)))
    assert len(spots(drawn)) <= 2 * CURVE_POINTS
    assert min(y for _, y in spots(drawn)) == 5


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        pytest.param((31.0, 98.0), ["80", "60", "40"], id="tens"),
        pytest.param((0.0, 1.0), ["1", "0.8", "0.6", "0.4", "0.2", "0"], id="unit"),
        pytest.param((2.0, 2.0), ["2"], id="constant"),
    ],
)
def test_ticks_are_round(values, labels):
    assert [label for _, label in curve(Curve(title="t", values=values)).ticks] == labels


@pytest.mark.parametrize(
    ("earned", "possible", "ungraded", "want"),
    [
        (5, 20, 0, (25, 0)),
        (20, 20, 0, (100, 0)),
        (18, 20, 6, (90, 10)),
        (-4, 20, 0, (0, 0)),
        (90, 20, 0, (100, 0)),
    ],
)
def test_score_bar(earned, possible, ungraded, want):
    bar = score_bar(Score(earned=earned, possible=possible, passed=False, ungraded=ungraded), 0.7)
    assert (bar.earned, bar.ungraded) == pytest.approx(want)
    assert bar.mark == pytest.approx(70)


@pytest.mark.parametrize("possible", [0, -1, math.nan, math.inf])
def test_nothing_to_earn_has_no_bar(possible):
    score = Score(earned=0, possible=possible, passed=False)
    assert score_bar(score, 0.7) is None
    assert share(score) == 0


def test_trend_has_a_column_for_each_attempt():
    drawn = trend([result(check(earned=1)), result(check(earned=2))])
    assert [(left, height, passed) for left, _, height, passed in drawn.columns] == [
        (0, 50, False),
        (50, 100, True),
    ]
    assert drawn.sentence.endswith("50 %, 100 %")
