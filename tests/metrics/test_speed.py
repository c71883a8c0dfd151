import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.speed import Rounds, measure_rounds, speed_interval, speed_ratio


def rounds(baseline, candidate, empty=0.0):
    n = max(np.size(baseline), np.size(candidate))
    spread = [np.broadcast_to(np.asarray(part, dtype=float), n) for part in (baseline, candidate, empty)]
    return Rounds(baseline=spread[0], candidate=spread[1], empty=spread[2])


@pytest.mark.parametrize(
    ("baseline", "candidate", "empty", "want"),
    [
        pytest.param([2.0] * 5, 0.5, 0.0, 4, id="four-times"),
        pytest.param([1.0] * 5, 1.0, 0.0, 1, id="the-same"),
        pytest.param([1.0] * 5, 4.0, 0.0, 0.25, id="slower"),
        pytest.param([2.1] * 5, 0.6, 0.1, 4, id="without-the-wall"),
        pytest.param([2.0, 4.0, 8.0, 2.0, 400.0], [0.5, 1.0, 2.0, 0.5, 1.0], 0.0, 4, id="a-busy-round"),
    ],
)
def test_known_ratios(baseline, candidate, empty, want):
    assert speed_ratio(rounds(baseline, candidate, empty)) == pytest.approx(want)


def test_a_slow_round_slows_both_and_changes_nothing():
    load = np.array([1.0, 3.0, 9.0, 2.0, 1.5, 7.0, 1.0])
    assert speed_ratio(rounds(load, load / 20)) == pytest.approx(20)


def test_a_wall_slower_than_the_candidate_gives_no_infinity():
    assert np.isfinite(speed_ratio(rounds([1.0] * 5, 0.1, 0.1)))


@pytest.mark.parametrize(
    ("baseline", "candidate", "reason"),
    [
        pytest.param([np.nan] * 5, 1.0, "NaN", id="nan"),
        pytest.param([1.0] * 5, -1.0, "negative", id="negative"),
        pytest.param([], [], "empty", id="nothing"),
    ],
)
def test_what_is_no_time_is_refused(baseline, candidate, reason):
    with pytest.raises(ValueError, match=reason):
        speed_ratio(rounds(baseline, candidate))


def test_the_interval_covers_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        ratios = np.exp(rng.normal(size=9))  # median 1
        interval = speed_interval(rounds(ratios, 1.0))
        covered += interval.low <= 1 <= interval.high
    assert covered / 1000 == pytest.approx(0.961, abs=0.02)  # 1 - 2 P(B(9, 1/2) <= 1)


def test_five_rounds_show_their_extremes():
    interval = speed_interval(rounds([5.0, 1.0, 3.0, 2.0, 4.0], 1.0))
    assert (interval.low, interval.high) == (1, 5)


@given(st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=20))
def test_the_ratio_lies_in_its_interval(seconds):
    interval = speed_interval(rounds(seconds, 1.0))
    assert interval.low <= speed_ratio(rounds(seconds, 1.0)) <= interval.high


def test_rounds_are_taken_in_turns_by_the_graders_clock():
    now, order = [0.0], []

    def call(name, seconds):
        def run():
            order.append(name)
            now[0] += seconds

        return run

    seen = measure_rounds(
        call("slow", 8.0), call("fast", 3.0), call("empty", 1.0), rounds=5, clock=lambda: now[0]
    )
    assert order == ["slow", "fast", "empty"] * 6
    assert len(seen.baseline) == 5
    assert speed_ratio(seen) == pytest.approx(3.5)


def test_too_few_rounds_are_refused():
    with pytest.raises(ValueError, match="too few"):
        measure_rounds(int, int, int, rounds=4)
