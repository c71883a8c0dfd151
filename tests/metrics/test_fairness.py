import numpy as np
import pytest

from harness.metrics import fairness

TWO = np.repeat([0, 1], 100)


def shares(*counts):
    """Return predictions with so many positives in each hundred."""
    return np.concatenate([np.arange(100) < count for count in counts]).astype(int)


@pytest.mark.parametrize(
    ("predicted", "groups", "want"),
    [
        pytest.param(shares(50, 50), TWO, 0, id="equal"),
        pytest.param(shares(80, 30), TWO, 0.5, id="half-apart"),
        pytest.param(shares(100, 0), TWO, 1, id="as-unfair-as-can-be"),
        pytest.param(shares(20, 50, 90), np.repeat([3, 5, 9], 100), 0.7, id="furthest-of-three"),
    ],
)
def test_demographic_parity_known_answers(predicted, groups, want):
    got = fairness.demographic_parity_difference(predicted, groups)
    assert got.value == pytest.approx(want)
    assert got.interval.low <= want <= got.interval.high
    assert sum(size for _, _, size in got.rates) == len(groups)


def test_equalised_odds_is_the_worse_of_the_two_rates():
    targets = np.tile(np.repeat([1, 0], 50), 2)
    predicted = np.concatenate([np.arange(50) < n for n in (40, 10, 40, 30)]).astype(
        int
    )  # TPR equal, FPR .2 and .6
    assert fairness.equalised_odds_difference(predicted, targets, TWO).value == pytest.approx(0.4)
    assert fairness.demographic_parity_difference(predicted, TWO).value == pytest.approx(0.2)


def test_newcombe_interval_known_answer():
    """Newcombe 1998, table II, method 10: 56/70 - 48/80 is 0.0524 to 0.3339."""
    got = fairness.newcombe_interval((56, 70), (48, 80))
    assert (got.low, got.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(("size", "want"), [(50, 0.077), (100, 0.054), (1000, 0.018), (5000, 0.008)])
def test_a_fair_classifier_has_a_gap(size, want):
    """Two groups of this size and a common rate of 0.4; the value is E|N| of the difference of two shares."""
    assert fairness.fair_gap([size, size], 0.4, seed=0) == pytest.approx(want, rel=0.15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(
            lambda: fairness.demographic_parity_difference(shares(5), TWO[:100]), "too few: 1", id="one-group"
        ),
        pytest.param(
            lambda: fairness.demographic_parity_difference(shares(5, 5)[:110], TWO[:110]),
            "too small: 10",
            id="tiny",
        ),
        pytest.param(
            lambda: fairness.demographic_parity_difference(shares(5, 5) * 2, TWO),
            "out of range",
            id="not-0-1",
        ),
        pytest.param(
            lambda: fairness.demographic_parity_difference(shares(5), TWO), "different shapes", id="count"
        ),
        pytest.param(
            lambda: fairness.equalised_odds_difference(shares(5, 5), TWO, TWO),
            "one class only",
            id="one-class",
        ),
        pytest.param(lambda: fairness.fair_gap([50], 0.5, seed=0), "out of range", id="gap-of-one"),
    ],
)
def test_fairness_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()
