import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from harness.metrics import privacy


def by_quadrature(sigma, rate, order):
    """The divergence from its integral: mixture against the unshifted Gaussian."""

    def integrand(x):
        ratio = np.logaddexp(math.log1p(-rate), math.log(rate) + (2 * x - 1) / (2 * sigma**2))
        return math.exp(stats.norm.logpdf(x, 0, sigma) + order * ratio)

    value, _ = integrate.quad(integrand, -40 * sigma, 40 * sigma + order, points=[0, 1, order], limit=400)
    return math.log(value) / (order - 1)


@pytest.mark.parametrize(
    ("sigma", "rate", "order"),
    [
        (1, 0.01, 1.5),
        (1, 0.01, 4.5),
        (2, 0.3, 3.3),
        (0.7, 0.05, 2.7),
        (4, 0.1, 10.9),
        (1, 0.01, 3),
        (2, 0.3, 8),
        (1, 0.9, 2),
    ],
)
def test_renyi_divergence_is_the_integral(sigma, rate, order):
    assert privacy.renyi_divergence(sigma, rate, order) == pytest.approx(
        by_quadrature(sigma, rate, order), rel=1e-6
    )


def test_without_subsampling_it_is_the_gaussian_mechanism():
    assert privacy.renyi_divergence(2.0, 1.0, 6) == 6 / 8


@pytest.mark.parametrize(
    ("sigma", "rate", "steps", "delta", "want"),
    [
        pytest.param(1.0, 0.01, 1000, 1e-5, 2.10, id="opacus-rdp-1000-steps"),
        pytest.param(1.1, 256 / 60000, 60 * 60000 // 256, 1e-5, 2.60, id="mnist-60-epochs"),
        pytest.param(1e6, 0.01, 1, 1e-5, 0, id="all-noise"),
    ],
)
def test_epsilon_known_answers(sigma, rate, steps, delta, want):
    assert privacy.epsilon(sigma, rate, steps, delta) == pytest.approx(want, abs=0.02)


@given(st.floats(0.5, 5), st.floats(1e-4, 0.5), st.integers(1, 5000), st.sampled_from([1e-6, 1e-5, 1e-3]))
@settings(max_examples=8, deadline=None)
def test_epsilon_moves_the_right_way(sigma, rate, steps, delta):
    here = privacy.epsilon(sigma, rate, steps, delta)
    assert here >= 0
    assert privacy.epsilon(1.2 * sigma, rate, steps, delta) <= here + 1e-9
    assert privacy.epsilon(sigma, rate, 2 * steps, delta) >= here - 1e-9
    assert privacy.epsilon(sigma, min(1.2 * rate, 1.0), steps, delta) >= here - 1e-9
    assert privacy.epsilon(sigma, rate, steps, 2 * delta) <= here + 1e-9


def test_an_audit_of_a_leak_disproves_a_claim_and_a_blind_attack_proves_nothing():
    assert privacy.audited_epsilon(caught=500, members=500, false_alarms=0, others=500) > 4.5
    assert privacy.audited_epsilon(caught=260, members=500, false_alarms=250, others=500) == 0
    assert privacy.audited_epsilon(caught=0, members=500, false_alarms=500, others=500) == 0


def test_audited_epsilon_by_hand():
    """All of 100 caught, none of 100 falsely: both ends are 0.025^(1/100)."""
    end = 0.025 ** (1 / 100)
    assert privacy.audited_epsilon(100, 100, 0, 100) == pytest.approx(math.log(end / (1 - end)))


@pytest.mark.parametrize(
    ("sigma", "rate", "steps", "delta"),
    [
        (0, 0.1, 1, 1e-5),
        (math.nan, 0.1, 1, 1e-5),
        (1e-200, 0.5, 1, 1e-5),
        (1e-200, 1, 1, 1e-5),
        (1e200, 0.5, 1, 1e-5),
        (1, 0, 1, 1e-5),
        (1, 1.1, 1, 1e-5),
        (1, 0.1, 0, 1e-5),
        (1, 0.1, 1, 0),
    ],
)
def test_epsilon_refuses(sigma, rate, steps, delta):
    with pytest.raises(ValueError, match="out of range"):
        privacy.epsilon(sigma, rate, steps, delta)


def test_orders_and_counts_are_checked():
    with pytest.raises(ValueError, match="order is out of range"):
        privacy.renyi_divergence(1.0, 0.1, 1.0)
    with pytest.raises(ValueError, match="out of range"):
        privacy.audited_epsilon(2, 1, 0, 1)
