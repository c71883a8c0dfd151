"""Marks follow from runs, a metric that tells nothing is refused, and marks changed by hand are seen."""

from dataclasses import replace

import numpy as np
import pytest

from harness.marks import Runs, altered, anchored, missing_share, refusals_of

RUNS = (10.0, 10.4, 9.8, 10.1, 10.3, 9.9, 10.2, 10.0)


def test_zero_marks_stand_at_the_hardest_baseline():
    values = Runs(reference=RUNS, baseline={"weak": [90.0], "strong": [30.0, 32.0]})
    assert anchored(values, "lower", "linear", 0.995).zero == 31.0
    upside = Runs(reference=tuple(-v for v in RUNS), baseline={"weak": [-90.0], "strong": [-30.0, -32.0]})
    assert anchored(upside, "higher", "linear", 0.995).zero == -31.0


def test_more_confidence_gives_more_room():
    values = Runs(reference=RUNS, baseline={"b": [90.0]})
    marks = [anchored(values, "lower", "linear", confidence).full for confidence in (0.9, 0.99, 0.999)]
    assert sorted(marks) == marks
    assert marks[0] > np.mean(RUNS)


def test_too_little_confidence_is_refused():
    told = anchored(Runs(reference=RUNS, baseline={"b": [90.0]}), "lower", "linear", 0.9)
    assert ["would miss full marks" in one for one in refusals_of(told)] == [True]


def test_a_reference_that_never_varies_has_no_ratio():
    told = anchored(Runs(reference=[1.0, 1.0], baseline={"b": [2.0]}), "lower", "linear", 0.995)
    assert (told.discrimination, told.full, told.false_fail) == (None, 1.0, 0.0)
    assert list(refusals_of(told)) == []


def test_values_without_a_logarithm_are_refused():
    with pytest.raises(ValueError, match="logarithm"):
        anchored(Runs(reference=RUNS, baseline={"b": [0.0]}), "lower", "log", 0.995)


def test_a_baseline_that_is_better_is_refused():
    with pytest.raises(ValueError, match="would not be better than 1, what the baseline reaches"):
        anchored(Runs(reference=RUNS, baseline={"b": [1.0]}), "lower", "linear", 0.995)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("better", ["lower", "higher"])
def test_full_marks_keep_their_promise_to_honest_runs(better, scale):
    """Of fresh honest runs about 0.5 % miss the bar, whatever the direction and the scale; at most 1 % may."""
    rng = np.random.default_rng(7)
    missed, fresh = 0, 20
    calibrations = 2000
    for _ in range(calibrations):
        runs = rng.normal(3, 0.2, size=8 + fresh)
        runs = np.exp(runs) if scale == "log" else runs
        values = Runs(reference=tuple(runs[:8]), baseline={"b": [1e6 if better == "lower" else 1e-6]})
        bar = anchored(values, better, scale, 0.995).full
        missed += int((runs[8:] > bar if better == "lower" else runs[8:] < bar).sum())
    assert 0.003 < missed / (fresh * calibrations) < 0.008


def test_the_expected_misses_are_those_of_students_t():
    runs = np.random.default_rng(3).normal(size=200)
    assert missing_share(runs, float(runs.mean()), "lower", "linear") == pytest.approx(0.5)
    assert missing_share(runs, float(runs.mean() + 1.96 * runs.std()), "lower", "linear") == pytest.approx(
        0.025, abs=0.002
    )
    assert missing_share([1.0, 1.0], 0.5, "lower", "linear") == 1.0


# ---- stored marks ----------------------------------------------------------------------------


def stored(scale="linear"):
    runs = Runs(reference=RUNS, baseline={"weak": (90.0, 80.0), "strong": (30.0, 32.0)}, reruns=(10.2, 10.6))
    return anchored(runs, "lower", scale, 0.995)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_marks_as_they_were_measured_are_not_altered(scale):
    assert altered(stored(scale)) == ()
    rounded = replace(stored(scale), full=stored(scale).full * (1 + 1e-9))
    assert altered(rounded) == ()


@pytest.mark.parametrize("name", ["zero", "full", "discrimination", "false_fail"])
def test_a_number_changed_by_hand_is_seen(name):
    told = stored()
    assert altered(replace(told, **{name: getattr(told, name) * 1.01 + 1e-3})) == (name,)


@pytest.mark.parametrize(
    "change",
    [{"reference": (11.0, *RUNS[1:])}, {"baseline": {}}, {"confidence": 0.9}, {"baseline": {"b": (9.0,)}}],
)
def test_runs_changed_by_hand_do_not_fit_the_marks(change):
    assert "full" in altered(replace(stored(), **change))
