import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

from harness.sources.bandits import Bandit, make_bandit

BANDIT = make_bandit(seed=0)


def test_optimum_reaches_the_best_and_nothing_passes_it():
    assert BANDIT.objective(BANDIT.optimum) == pytest.approx(BANDIT.best, abs=1e-12)
    rng = np.random.default_rng(0)
    for policy in rng.dirichlet(np.ones(6), size=(500, 8)):
        assert BANDIT.objective(policy) < BANDIT.best
        assert BANDIT.objective(0.99 * BANDIT.optimum + 0.01 * policy) < BANDIT.best


def test_gradient_ascent_finds_the_same_policy():
    bandit = make_bandit(seed=2, contexts=2, actions=3)
    found = minimize(lambda x: -bandit.objective(softmax(x.reshape(2, 3), axis=1)), np.zeros(6), tol=1e-12)
    np.testing.assert_allclose(softmax(found.x.reshape(2, 3), axis=1), bandit.optimum, atol=1e-4)


@pytest.mark.parametrize(
    ("policy", "reward", "divergence"),
    [
        pytest.param([[0.5, 0.5]], 0.5, 0.0, id="the-reference"),
        pytest.param([[1.0, 0.0]], 1.0, np.log(2), id="greedy"),
        pytest.param([[0.0, 1.0]], 0.0, np.log(2), id="worst"),
    ],
)
def test_known_answers(policy, reward, divergence):
    bandit = Bandit(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]), beta=0.5)
    assert bandit.expected_reward(np.array(policy)) == pytest.approx(reward)
    assert bandit.divergence(np.array(policy)) == pytest.approx(divergence)
    assert bandit.objective(np.array(policy)) == pytest.approx(reward - 0.5 * divergence)
    assert bandit.best == pytest.approx(0.5 * np.log((np.exp(2) + 1) / 2))


def test_greed_earns_more_reward_and_less_of_the_goal():
    greedy = np.eye(6)[BANDIT.reward.argmax(axis=1)]
    assert BANDIT.expected_reward(greedy) > BANDIT.expected_reward(BANDIT.optimum)
    assert BANDIT.objective(greedy) < BANDIT.objective(BANDIT.reference) < BANDIT.best


def test_preferences_follow_bradley_terry():
    bandit = make_bandit(seed=1, contexts=1, actions=3)
    pairs = bandit.preferences(60_000, 5)
    wins = np.zeros((3, 3))
    np.add.at(wins, (pairs.chosen, pairs.rejected), 1)
    share = wins / (wins + wins.T)
    expected = expit(np.subtract.outer(bandit.reward[0], bandit.reward[0]))
    np.testing.assert_allclose(share, expected, atol=0.03)
    drawn = np.bincount(np.concatenate([pairs.chosen, pairs.rejected]), minlength=3) / 120_000
    np.testing.assert_allclose(drawn, bandit.reference[0], atol=0.01)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(np.ones((8, 5)) / 5, id="wrong-shape"),
        pytest.param(np.ones((8, 6)), id="sums-to-six"),
        pytest.param(np.tile([2.0, -1, 0, 0, 0, 0], (8, 1)), id="negative"),
        pytest.param(np.full((8, 6), np.nan), id="nan"),
    ],
)
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(ValueError, match="policy"):
        BANDIT.objective(policy)
