import math

import numpy as np
import pytest
from scipy import stats

from harness.metrics import calibration


@pytest.mark.parametrize(
    ("reference", "baseline", "better", "scale", "want"),
    [
        pytest.param([1, 2, 3], [12], "lower", "linear", 10, id="ten-deviations-below"),
        pytest.param([1, 2, 3], [12], "higher", "linear", -10, id="loses-where-higher-is-better"),
        pytest.param([0.9, 0.9], [0.5], "higher", "linear", math.inf, id="no-spread"),
        pytest.param([0.9, 0.9], [0.9], "higher", "linear", 0, id="nothing-at-all"),
        pytest.param([1, math.e, math.e**2], [math.e**5], "lower", "log", 4, id="log-scale"),
    ],
)
def test_discrimination_ratio_known_answers(reference, baseline, better, scale, want):
    assert calibration.discrimination_ratio(reference, baseline, better, scale) == pytest.approx(want)


def test_discrimination_ratio_of_the_measured_gan():
    """(0.529 - 0.099) / 0.012 is about 35."""
    reference = 0.099 + 0.012 * np.array([-1, 0, 1])
    assert calibration.discrimination_ratio(reference, [0.529], "lower") == pytest.approx(35.8, abs=0.1)


@pytest.mark.parametrize(
    ("ratio", "want"),
    [(1.5, "refuse"), (4.99, "refuse"), (5, "three seeds"), (10, "one seed"), (math.inf, "one seed")],
)
def test_admission(ratio, want):
    assert calibration.admission(ratio) == want


@pytest.mark.parametrize("better", ["lower", "higher"])
@pytest.mark.parametrize("k", [1, 3])
def test_full_mark_bar_is_the_t_prediction_bound(better, k):
    values = np.array([4.1, 4.6, 5.2, 3.9, 4.4])
    slack = stats.t.ppf(0.975, 4) * values.std(ddof=1) * math.sqrt(1 / k + 1 / 5)
    want = values.mean() + (slack if better == "lower" else -slack)
    assert calibration.full_mark_bar(values, better, k=k) == pytest.approx(want, rel=1e-12)


def test_full_mark_bar_on_the_log_scale_stays_positive():
    values = [0.1, 1.0, 10.0]
    assert calibration.full_mark_bar(values, "higher", scale="log") > 0
    logs = calibration.full_mark_bar(np.log(values), "lower")
    assert calibration.full_mark_bar(values, "lower", scale="log") == pytest.approx(math.exp(logs))


def test_the_bar_fails_as_few_honest_runs_as_it_says():
    """2.5 % of fresh honest runs miss it; one reference run as the bar fails half of them."""
    rng = np.random.default_rng(0)
    missed, single = [], []
    for _ in range(2000):
        runs = rng.normal(35.7, 3.3, size=5)
        fresh = rng.normal(35.7, 3.3, size=20)
        missed.append(calibration.false_fail_rate(fresh, calibration.full_mark_bar(runs, "lower"), "lower"))
        single.append(calibration.false_fail_rate(fresh, runs[0], "lower"))
    assert np.mean(missed) == pytest.approx(0.025, abs=0.006)
    assert np.mean(single) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("better", "want"), [("lower", 0.25), ("higher", 0.5)])
def test_false_fail_rate_counts_by_direction(better, want):
    assert calibration.false_fail_rate([1, 2, 3, 4], 3, better) == want


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: calibration.full_mark_bar([1.0], "lower"), id="one-seed"),
        pytest.param(lambda: calibration.full_mark_bar([1.0, np.nan], "lower"), id="nan"),
        pytest.param(lambda: calibration.full_mark_bar([1.0, 2.0], "lower", k=0), id="no-learner-seed"),
        pytest.param(lambda: calibration.full_mark_bar([1.0, 0.0], "lower", scale="log"), id="log-of-zero"),
        pytest.param(lambda: calibration.false_fail_rate([1.0], math.nan, "lower"), id="bar-nan"),
        pytest.param(lambda: calibration.admission(math.nan), id="ratio-nan"),
        pytest.param(lambda: calibration.discrimination_ratio([1.0], [2.0], "lower"), id="no-spread-known"),
    ],
)
def test_calibration_refuses(call):
    with pytest.raises(ValueError, match=r"too few|NaN|out of range|not positive|not finite"):
        call()
