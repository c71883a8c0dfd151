"""Points: shares between two marks, and totals that nothing can push beyond the manifest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.records import CheckResult, MetricSpec, Outcome
from harness.scoring import require_marks, share, total

LOWER = MetricSpec(better="lower", unit="bits", zero=2.0, full=1.0)
HIGHER = MetricSpec(better="higher", unit="accuracy", zero=0.5, full=0.9)
RATIO = MetricSpec(better="lower", unit="FID", zero=100.0, full=1.0, scale="log")
SHARES = {
    "at-zero": (LOWER, 2.0, 0),
    "at-full": (LOWER, 1.0, 1),
    "half-way": (LOWER, 1.5, 0.5),
    "beyond-full": (LOWER, -5.0, 1),
    "beyond-zero": (LOWER, 99.0, 0),
    "higher-half-way": (HIGHER, 0.7, 0.5),
    "higher-below": (HIGHER, 0.1, 0),
    "higher-above": (HIGHER, 1.0, 1),
    "ratio-half-way": (RATIO, 10.0, 0.5),
    "ratio-zero-is-perfect": (RATIO, 0.0, 1),
    "ratio-negative": (RATIO, -1.0, 0),
    "nan": (LOWER, math.nan, 0),
    "infinity": (HIGHER, math.inf, 0),
    "minus-infinity": (LOWER, -math.inf, 0),
    "largest": (LOWER, -1.7e308, 1),
    "wide-marks": (MetricSpec(better="higher", unit="", zero=-1.7e308, full=1.7e308), 1.7e308, 0),
}


@pytest.mark.parametrize(("spec", "value", "want"), SHARES.values(), ids=SHARES)
def test_shares_between_the_marks(spec, value, want):
    assert share(value, spec) == pytest.approx(want)


@given(
    value=st.floats(),
    zero=st.floats(1e-6, 1e6),
    full=st.floats(1e-6, 1e6),
    scale=st.sampled_from(["linear", "log"]),
)
def test_a_share_is_between_none_and_all_and_better_is_never_less(value, zero, full, scale):
    if zero == full:
        return
    spec = MetricSpec(better="lower" if full < zero else "higher", unit="", zero=zero, full=full, scale=scale)
    got = share(value, spec)
    assert 0 <= got <= 1
    if math.isfinite(value) and value > 0:
        better = value * (0.9 if spec.better == "lower" else 1.1)
        assert share(better, spec) >= got - 1e-12


BAD_MARKS = {
    "equal": ({"zero": 1.0, "full": 1.0}, "must be finite and differ"),
    "nan": ({"zero": math.nan, "full": 1.0}, "must be finite and differ"),
    "infinite": ({"zero": math.inf, "full": 1.0}, "must be finite and differ"),
    "wrong-way": ({"zero": 1.0, "full": 2.0}, "not on that side"),
    "wrong-way-higher": ({"better": "higher", "zero": 2.0, "full": 1.0}, "not on that side"),
    "log-of-zero": ({"zero": 1.0, "full": 0.0, "scale": "log"}, "above 0"),
    "log-of-less": ({"zero": 1.0, "full": -1.0, "scale": "log"}, "above 0"),
}


@pytest.mark.parametrize(("changes", "words"), BAD_MARKS.values(), ids=BAD_MARKS)
def test_marks_that_cannot_become_points_are_refused(changes, words):
    spec = MetricSpec(**({"better": "lower", "unit": ""} | changes))
    for judge in (require_marks, lambda spec: share(1.0, spec)):
        with pytest.raises(ValueError, match=words):
            judge(spec)


# ---- totals ----------------------------------------------------------------------------------


def result(earned: float, points: float, outcome: Outcome = Outcome.PASSED) -> CheckResult:
    return CheckResult(name="a", title="A", outcome=outcome, earned=earned, points=points)


TOTALS = {
    "all": ([result(1, 1), result(2, 2)], 0.7, (3, 3, True, 0)),
    "just-enough": ([result(0.7, 1)], 0.7, (0.7, 1, True, 0)),
    "not-quite": ([result(0.6999, 1)], 0.7, (0.6999, 1, False, 0)),
    "tenths-add-up": ([result(0.1, 0.1)] * 7 + [result(0, 0.1)] * 3, 0.7, (0.7, 1, True, 0)),
    "none": ([], 0.7, (0, 0, False, 0)),
    "ungraded-cannot-pass": ([result(9, 9), result(0, 1, Outcome.UNGRADED)], 0.5, (9, 10, False, 1)),
    "more-than-there-is": ([result(99, 1), result(0, 1)], 0.7, (1, 2, False, 0)),
    "less-than-nothing": ([result(-99, 1), result(1, 1)], 0.7, (1, 2, False, 0)),
    "nan": ([result(math.nan, 1), result(1, 1)], 0.5, (1, 2, True, 0)),
    "infinite": ([result(math.inf, 1)], 0.5, (1, 1, True, 0)),
}


@pytest.mark.parametrize(("checks", "mark", "want"), TOTALS.values(), ids=TOTALS)
def test_totals(checks, mark, want):
    score = total(checks, mark)
    assert (score.earned, score.possible, score.passed, score.ungraded) == (
        *map(pytest.approx, want[:2]),
        *want[2:],
    )


@given(st.lists(st.tuples(st.floats(), st.floats(0, 1e6)), max_size=20), st.floats(0.01, 1))
def test_nobody_earns_more_than_there_is(pairs, mark):
    score = total([result(earned, points) for earned, points in pairs], mark)
    assert 0 <= score.earned <= score.possible + 1e-5
