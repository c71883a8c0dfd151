import numpy as np
import pytest
from scipy import stats

from harness.metrics.sampling import goodness_of_fit, total_variation

RNG = np.random.default_rng(0)
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


def test_goodness_of_fit_is_scipys_chi_square_where_outcomes_are_common():
    counts = [35, 34, 22, 9]
    assert goodness_of_fit(counts, SHARES) == pytest.approx(
        stats.chisquare(counts, 100 * SHARES).pvalue, rel=1e-9
    )


@pytest.mark.parametrize(
    ("counts", "shares", "low", "high"),
    [
        pytest.param([4000, 3000, 2000, 1000], SHARES, 1, 1, id="exactly-as-expected"),
        pytest.param([10_000, 0, 0, 0], SHARES, 0, 1e-30, id="greedy"),
        pytest.param([2500] * 4, SHARES, 0, 1e-30, id="uniform"),
        pytest.param([99, 0, 0, 1], [0.5, 0.25, 0.25, 0], 0, 0, id="outside-top-k"),
        pytest.param([50, 0], [1, 0], 1, 1, id="certain"),
        pytest.param([60] + [1] * 40, [0.6] + [0.01] * 40, 0.99, 1, id="rare-ones-together"),
    ],
)
def test_goodness_of_fit_known_answers(counts, shares, low, high):
    assert low <= goodness_of_fit(counts, shares) <= high


def test_an_honest_sampler_gets_every_p_value_alike():
    values = [goodness_of_fit(RNG.multinomial(300, SHARES), SHARES) for _ in range(500)]
    assert stats.kstest(values, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("rest", [0, 1, 4, 40])
def test_one_outcome_all_but_certain_is_tested_exactly(rest):
    shares = [0.996, *[0.0005] * 8]
    counts = [1000 - rest, rest, *[0] * 7]
    tails = (stats.binom.cdf(rest, 1000, 0.004), stats.binom.sf(rest - 1, 1000, 0.004))
    assert goodness_of_fit(counts, shares) == pytest.approx(min(1, 2 * min(tails)), rel=1e-9)


def test_a_temperature_of_1_1_is_seen_in_ten_thousand_draws():
    warm = SHARES ** (1 / 1.1) / (SHARES ** (1 / 1.1)).sum()
    assert goodness_of_fit(RNG.multinomial(10_000, warm), SHARES) < 1e-3


def test_total_variation_by_hand():
    assert total_variation([1, 1], [1.0, 0.0]) == 0.5


@pytest.mark.parametrize(
    ("counts", "shares", "words"),
    [
        pytest.param([0, 0], [0.5, 0.5], "nothing was drawn", id="no-draws"),
        pytest.param([3, 3], [0.9, 0.9], "not normalised", id="unnormalised"),
        pytest.param([3, -1], [0.5, 0.5], "out of range", id="negative"),
        pytest.param([3], [0.5, 0.5], "different shapes", id="other-outcomes"),
        pytest.param([1, 2], [0.5, 0.5], "too few: 3 draws", id="three-draws"),
    ],
)
def test_goodness_of_fit_refuses(counts, shares, words):
    with pytest.raises(ValueError, match=words):
        goodness_of_fit(counts, shares)
