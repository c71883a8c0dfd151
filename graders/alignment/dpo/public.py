"""Public checks: learners may read them and run them with `roadmark check`."""

import numpy as np
from scipy.special import log_softmax, rel_entr

from harness.grading import assert_close, check, wrong

# ---- the goal --------------------------------------------------------------------------------


@check(points=3, hint="subtract each row's largest score before the exponential")
def test_scores_become_log_probabilities(own_code, rng):
    """Scores become the logarithms of probabilities, however large the scores are"""
    for size in (1, 2_000):
        scores = size * rng.normal(size=(4, 6)) + 500
        answer = own_code.log_policy(scores)
        assert_close(answer, log_softmax(scores, axis=1), rtol=1e-8, what="log_policy(logits)")


@check(points=4, hint="sum policy * log(policy / reference) over the actions; what has no probability adds 0")
def test_divergence_is_measured_under_the_policy(own_code, rng):
    """The divergence is the policy's from the reference, in nats, and an action may be given up"""
    reference = rng.dirichlet(np.ones(5), size=6)
    policy = rng.dirichlet(np.ones(5), size=6)
    policy[np.arange(6), rng.integers(5, size=6)] = 0
    policy /= policy.sum(axis=1, keepdims=True)
    truth = rel_entr(policy, reference).sum(axis=1)
    assert_close(own_code.divergence(policy, reference), truth, what="divergence(policy, reference)")


@check(points=3, hint="the mean over contexts of: expected reward - beta * divergence")
def test_objective_weighs_reward_against_distance(own_code, draw, rng):
    """The objective is the expected reward less the price of the way from the reference"""
    table = draw()
    policy = rng.dirichlet(np.ones(table.reward.shape[1]), size=len(table.reward))
    paid = table.beta * rel_entr(policy, table.reference).sum(axis=1)
    truth = ((policy * table.reward).sum(axis=1) - paid).mean()
    answer = own_code.objective(policy, table.reference, table.reward, table.beta)
    assert_close(answer, truth, what="objective(policy, reference, reward, beta)")


@check(
    points=4, hint="there reward - beta * log(policy / reference) is the same for all actions of a context"
)
def test_best_policy_balances_every_action(own_code, draw, as_policy):
    """The best policy is the one from which no probability is better moved to another action"""
    table = draw()
    answer = own_code.best_policy(table.reference, table.reward, table.beta)
    best = as_policy(answer, table.reward.shape, "best_policy(…)")
    if best.min() == 0:
        wrong("best_policy(…) gives an action up: near 0 every bit of it is worth more than it costs.")
    # the derivative of the objective by each probability: equal where the sum of a row is fixed
    worth = table.reward - table.beta * np.log(best / table.reference)
    if np.ptp(worth, axis=1).max() > 1e-5:
        wrong("best_policy(…): moving probability from one action to another raises the objective.")


# ---- preferences -----------------------------------------------------------------------------


@check(points=4, hint="beta * log(policy / reference), of the chosen action less the rejected one's")
def test_margins_compare_implicit_rewards(own_code, draw):
    """A margin is the difference between two implicit rewards"""
    table = draw()
    answer = own_code.margins(table.logits, table.reference, table.pairs, table.beta)
    assert_close(answer, table.margins(table.logits), what="margins(…)")


@check(points=3, hint="the mean over the pairs of -log(sigmoid(margin))")
def test_loss_is_of_the_labels(own_code, draw):
    """Where labels are honest, the loss is the mean of -log sigmoid(margin)"""
    table = draw()
    answer = own_code.loss(*table.asked())
    assert_close(answer, table.loss(table.logits), what="loss(…, flipped=0)")
