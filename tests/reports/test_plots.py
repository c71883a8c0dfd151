"""Dots and bars stand where their values are, and a sentence says the same."""

import math

import pytest
from cohort_samples import BITS, FID

from reports.cohort import Measured
from reports.plots import bars, scatter, spark, strips


def measured(values, seconds=None, spec=FID):
    made = Measured(name="m", title="M", spec=spec)
    for i, value in enumerate(values):
        made.values.append(value)
        made.seconds.append(seconds[i] if seconds else float(i))
        made.passed.append(value < spec.zero)
    return made


def test_bars_are_as_high_as_their_share_of_the_highest():
    drawn = bars([0, 4, 2, 0], 0.5)
    assert [bar[2] for bar in drawn.bars] == [0, 100, 50, 0]
    assert [bar[3] for bar in drawn.bars] == [False, False, True, True]
    assert "4 learners from 25 to 50 % of the points" in drawn.sentence
    assert bars([0, 0], 0.7).most == 1


def test_scatter_needs_a_value():
    assert scatter(measured([])) is None


@pytest.mark.parametrize("spec", [FID, BITS], ids=["linear", "logarithmic"])
@pytest.mark.parametrize(
    "values", [[0.1], [0.1, 0.1], [0.05, 0.4, 3.0], [1e-300, 1e300], [-1.0, 0.0, 1.0]], ids=str
)
def test_scatter_dots_lie_within_the_drawing(spec, values):
    drawn = scatter(measured(values, spec=spec))
    dots = [part.split("h")[0].split() for part in (drawn.passed + drawn.others).split("M")[1:]]
    assert len(dots) == len(values)
    assert all(0 <= float(x) <= 1000 and 0 <= float(y) <= 100 for x, y in dots)


def test_scatter_thins_what_is_one_blot():
    assert scatter(measured([i / 9000 for i in range(9000)])).passed.count("M") <= 1500


def test_strips_put_better_values_to_the_right():
    drawn = strips(FID, {"good": [0.06], "bad": [0.42], "beyond": [-50.0], "odd": [math.nan]})
    middles = {row.name: row.middle for row in drawn.rows}
    assert middles["bad"] < middles["good"] < middles["beyond"] <= 97
    assert middles["good"] == pytest.approx(drawn.full)
    assert "odd" not in middles
    assert strips(FID, {"nothing": []}) is None


def test_spark_needs_two_stretches_of_time():
    assert spark([("a", "a", 0.5, 3)]) is None
    drawn = spark([("a", "b", 0.0, 3), ("c", "d", 1.0, 4)])
    assert drawn.points == "0,95 1000,5"
    assert "100 % of 4 by d" in drawn.sentence
