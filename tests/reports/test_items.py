"""Pass rates and discrimination are what a calculator says."""

import math
import random

import numpy as np
import pytest
from learner_samples import check

from harness.records import Outcome, Visibility
from reports.items import Item, hardest_first, rates_over_time


def item(passes, rests, days=None):
    made = Item(name="a", title="A", visibility=Visibility.PUBLIC, points=1)
    for i, (passed, rest) in enumerate(zip(passes, rests, strict=True)):
        outcome = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.UNGRADED}[passed]
        made.take(check("a", outcome, seconds=2.0), rest, days[i] if days else "2026-03-01")
    return made


@pytest.mark.parametrize(
    ("passes", "rests", "want"),
    [
        pytest.param([True] * 3 + [False] * 3, [9, 9, 9, 1, 1, 1], 1, id="only-the-strong"),
        pytest.param([False] * 3 + [True] * 3, [9, 9, 9, 1, 1, 1], -1, id="only-the-weak"),
        pytest.param([True, False] * 3, [1, 1, 5, 5, 9, 9], 0, id="luck"),
        pytest.param([True] * 6, [1, 2, 3, 4, 5, 6], math.nan, id="everybody"),
        pytest.param([False] * 6, [1, 2, 3, 4, 5, 6], math.nan, id="nobody"),
        pytest.param([True, False] * 3, [4] * 6, math.nan, id="no-spread"),
        pytest.param([True, False], [2, 1], math.nan, id="too-few"),
        pytest.param([], [], math.nan, id="no-learner"),
        pytest.param([None] * 6, [1, 2, 3, 4, 5, 6], math.nan, id="all-ungraded"),
        pytest.param(
            [True, True, False, False, True, False, True],
            [9, 8, 1, 2, 9, 1, math.inf],
            0.9918,
            id="infinite-left-out",
        ),
    ],
)
def test_discrimination(passes, rests, want):
    assert item(passes, rests).discrimination == pytest.approx(want, abs=2e-3, nan_ok=True)


def test_discrimination_is_the_point_biserial_correlation():
    deal = random.Random(7)
    rests = [deal.gauss(50, 10) for _ in range(300)]
    passes = [rest + deal.gauss(0, 12) > 55 for rest in rests]
    assert item(passes, rests).discrimination == pytest.approx(np.corrcoef(passes, rests)[0, 1], abs=1e-9)


def test_ungraded_is_neither_asked_nor_failed():
    made = item([True, None, False, None], [1, 2, 3, 4])
    assert (made.asked, made.pass_rate) == (2, 0.5)
    assert item([None], [1]).pass_rate != item([None], [1]).pass_rate  # nan


@pytest.mark.parametrize(
    ("passes", "rests", "want"),
    [
        pytest.param([True] * 6, range(6), "everybody passes", id="easy"),
        pytest.param([False] * 6, range(6), "nobody passes", id="impossible"),
        pytest.param(
            [False] * 3 + [True] * 3, [9, 9, 9, 1, 1, 1], "passed rather by those", id="upside-down"
        ),
        pytest.param([True, False] * 3, [1, 1, 5, 5, 9, 9], "hardly tells", id="luck"),
        pytest.param([True] * 3 + [False] * 3, [9, 9, 9, 1, 1, 1], "", id="good"),
        pytest.param([True], [1], "", id="too-few-to-say"),
    ],
)
def test_remarks(passes, rests, want):
    assert item(passes, list(rests)).remark.startswith(want)
    assert bool(want) == bool(item(passes, list(rests)).remark)


def test_hardest_first_and_unasked_last():
    some = [item([True, True], [1, 1]), item([None], [1]), item([False, True], [1, 1])]
    assert [one.pass_rate for one in hardest_first(some)][:2] == [0.5, 1]


def test_rates_over_time_come_in_order_and_in_few_stretches():
    days = [f"2026-03-{1 + i % 30:02d}" for i in range(60)]
    rates = rates_over_time(item([i % 30 >= 15 for i in range(60)], [1.0] * 60, days), most=10)
    assert len(rates) == 10
    assert sum(asked for *_, asked in rates) == 60
    assert (rates[0][2], rates[-1][2]) == (0, 1)
    assert [rate[0] for rate in rates] == sorted(rate[0] for rate in rates)


def test_mean_time_leaves_out_what_did_not_run():
    made = item([True, True], [1, 1])
    made.take(check("a", Outcome.SKIPPED), 0, "2026-03-01")
    assert made.mean_seconds == 2
