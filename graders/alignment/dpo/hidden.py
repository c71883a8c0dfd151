"""Hidden checks: learners see their titles, outcomes and hints."""

from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp, rel_entr, softmax

from harness.grading import Measurement, assert_close, check, metric, wrong
from harness.metrics.intervals import basic_bootstrap, measurement
from harness.sources.bandits import Bandit

MOVED: Final = 0.005
"""Nats: the best policies are at 0.2 to 1."""
STILL: Final = 2e-4
"""Nats by which a policy may leave the reference where no pair says anything."""
GIVEN_UP: Final = 1e-9
"""Probability below which an action counts as given up; honest policies stay above 1e-5."""

LEAST: Final = 1e-6
"""Share of the gain: nobody is nearer to the best by more than rounding."""

# ---- the goal --------------------------------------------------------------------------------


@check(
    points=3,
    needs="best_policy_balances_every_action",
    hint="exp(reward / beta) overflows: add log(reference) and reward / beta, then log_policy",
)
def test_best_policy_survives_a_small_price(own_code, draw, rng):
    """A small beta makes the best policy sharp, and no overflow"""
    table = draw()
    reward = 30 * table.reward + 100
    beta = float(rng.uniform(0.01, 0.03))
    logits = np.log(table.reference) + reward / beta
    truth = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
    answer = own_code.best_policy(table.reference, reward, beta)
    assert_close(answer, truth, what="best_policy with a small beta")


# ---- preferences -----------------------------------------------------------------------------


@check(
    points=3,
    needs="loss_is_of_the_labels",
    hint="-log(sigmoid(m)) = log(1 + exp(-m)): np.logaddexp(0, -m) never overflows",
)
def test_loss_survives_large_margins(own_code, draw):
    """A policy that is surely wrong has a large loss, and not an infinite one"""
    table = draw(size=3_000)
    answer = own_code.loss(*table.asked())
    assert_close(answer, table.loss(table.logits), what="loss where margins are in the thousands")


@check(
    points=4,
    needs="loss_is_of_the_labels",
    hint="P(label) = (1 - flipped) * sigmoid(margin) + flipped * sigmoid(-margin), then -log, then the mean",
)
def test_loss_knows_that_labels_are_swapped(own_code, draw, rng):
    """A label that may have been swapped tells less"""
    for flipped in (0.05, float(rng.uniform(0.1, 0.4))):
        table = draw(size=3, flipped=flipped)
        assert_close(own_code.loss(*table.asked()), table.loss(table.logits), what="loss(…, flipped)")


@check(
    points=6,
    needs="margins_compare_implicit_rewards",
    hint="first the derivative by the margin; a margin moves with two logits only, by beta and by -beta",
)
def test_gradient_is_of_the_loss(own_code, draw, rng):
    """The gradient is the loss's, whatever the labels, and every pair counts"""
    for flipped in (0.0, float(rng.uniform(0.1, 0.4))):
        table = draw(size=2, flipped=flipped)
        answer = own_code.gradient(*table.asked())
        assert_close(answer, table.gradient(1e-5), atol=1e-7, what="gradient(…)")


@check(
    points=3,
    needs="gradient_is_of_the_loss",
    hint="do not divide by a probability that may be 0: work with logarithms until the last step",
)
def test_gradient_survives_large_margins(own_code, draw):
    """Where margins are large the gradient stays finite, and right"""
    table = draw(size=3_000)
    answer = own_code.gradient(*table.asked())
    assert_close(answer, table.gradient(1e-3), atol=1e-6, what="gradient where margins are in the thousands")


# ---- a budget --------------------------------------------------------------------------------


@check(
    points=4,
    needs="divergence_is_measured_under_the_policy",
    hint="mix logarithms, not probabilities; the divergence rises with t: halve the interval until it fits",
)
def test_budget_is_spent_on_the_way(own_code, draw, as_policy, rng):
    """Within a budget, the policy goes as far as it may on the way that tempers it"""
    table = draw(size=2)
    policy, start = softmax(table.logits, axis=1), np.log(table.reference)

    def reached(t):
        return softmax(start + t * (np.log(policy) - start), axis=1)

    def spent(t):
        return rel_entr(reached(t), table.reference).sum(axis=1).mean()

    limit = float(rng.uniform(0.1, 0.6)) * spent(1)
    answer = own_code.within_budget(policy, table.reference, limit)
    given = as_policy(answer, policy.shape, "within_budget(…)")
    truth = reached(brentq(lambda t: spent(t) - limit, 0, 1, xtol=1e-12))
    assert_close(given, truth, rtol=1e-4, atol=1e-6, what="within_budget(policy, reference, limit)")


@check(
    points=3,
    needs="budget_is_spent_on_the_way",
    hint="t ends at 1: a policy that costs less than the limit is returned as it is",
)
def test_budget_pushes_nobody(own_code, draw, rng):
    """A policy within its budget stays as it is"""
    table = draw()
    policy = softmax(table.logits, axis=1)
    limit = float(rng.uniform(1.1, 3)) * rel_entr(policy, table.reference).sum(axis=1).mean()
    answer = own_code.within_budget(policy, table.reference, limit)
    assert_close(answer, policy, what="within_budget with room to spare")


# ---- a policy from preferences ---------------------------------------------------------------


@check(
    points=3,
    needs="scores_become_log_probabilities",
    hint="start at log(reference), descend along the gradient, return probabilities",
)
def test_training_leaves_the_reference(trained):
    """Training moves the policy, and gives no action up for good"""
    policy = np.delete(trained.policy, trained.silent, axis=0)
    reference = np.delete(trained.bandit.reference, trained.silent, axis=0)
    if rel_entr(policy, reference).sum(axis=1).mean() < MOVED:
        wrong("train(…) returns a policy that has hardly left the reference.")
    if policy.min() < GIVEN_UP:
        wrong("train(…) gives an action up: its divergence is then as large as it can be.")


@check(
    points=3,
    needs="training_leaves_the_reference",
    hint="logits that begin at log(reference) only move where a pair moves them",
)
def test_silence_leaves_the_reference_alone(trained):
    """Where no pair says anything, the policy is the reference's"""
    row, reference = trained.policy[trained.silent], trained.bandit.reference[trained.silent]
    if rel_entr(row, reference).sum() > STILL:
        wrong("In a context of which no pair tells anything, the policy is not the reference's.")


@metric(
    points=12,
    better="lower",
    unit="share of the possible gain that is lost",
    scale="log",
    pass_share=0.7,
    needs="training_leaves_the_reference",
    hint="give `flipped` to the loss, start at the reference, and descend until the loss moves no more",
)
def test_reaches_the_best_objective(trained, show) -> Measurement:
    """The objective comes near to the best one, under rewards that only the grader knows"""
    told = np.arange(len(trained.policy)) != trained.silent
    bandit = Bandit(trained.bandit.reward[told], trained.bandit.reference[told], trained.bandit.beta)
    policy, best = trained.policy[told], bandit.optimum
    mine, ideal, start = (_worth(bandit, one) for one in (policy, best, bandit.reference))
    rows = np.column_stack([ideal - mine, ideal - start])  # (contexts, 2), each at least 0

    def lost(part):
        return max(float(part[:, 0].sum() / part[:, 1].sum()), LEAST)

    greedy = np.eye(policy.shape[1])[bandit.reward.argmax(axis=1)]
    named = (("yours", policy), ("the best", best), ("always the best action", greedy))
    show.text(
        "What was gained over the reference",
        "\n".join(f"{name}: {_gained(bandit, one)}" for name, one in named),
    )
    interval = basic_bootstrap(lost, rows, seed=0)
    above = replace(interval, low=max(interval.low, LEAST))  # the scale is logarithmic
    return measurement(lost(rows), above, int(told.sum()))


def _gained(bandit, policy):
    """Return what a policy has gained over the reference, in words."""
    reward = bandit.expected_reward(policy) - bandit.expected_reward(bandit.reference)
    objective = bandit.objective(policy) - bandit.objective(bandit.reference)
    return (
        f"reward {reward:+.3f}, divergence {bandit.divergence(policy):.3f} nats, objective {objective:+.3f}"
    )


def _worth(bandit, policy):
    """Return the objective of each context, (contexts,)."""
    paid = rel_entr(policy, bandit.reference).sum(axis=1)
    return (policy * bandit.reward).sum(axis=1) - bandit.beta * paid
