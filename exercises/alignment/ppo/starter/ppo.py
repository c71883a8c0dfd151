"""Proximal policy optimisation in a small world: advantages, a clipped objective, and a leash.

A policy is a table (states, actions) whose rows sum to 1; logits are a table of the same
shape. A batch of play has one row for each of several worlds side by side and one column
for each step: (worlds, steps). All logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def penalised(
    rewards: np.ndarray, log_policy: np.ndarray, log_reference: np.ndarray, beta: float
) -> np.ndarray:
    """Return the rewards less the price of what was done, beta * log(policy / reference).

    Args:
        rewards: (worlds, steps).
        log_policy: (worlds, steps), log-probability of each action taken, under the policy that took it.
        log_reference: (worlds, steps), the same under the reference.
        beta: Price of a nat, at least 0.
    """
    raise NotImplementedError("each action costs how much likelier the policy has made it")


def advantages(
    rewards: np.ndarray, values: np.ndarray, ended: np.ndarray, discount: float, trace: float
) -> np.ndarray:
    """Return generalised advantage estimates, (worlds, steps).

    Args:
        rewards: (worlds, steps).
        values: (worlds, steps + 1), the critic's value of each state, also of the one after the last step.
        ended: (worlds, steps) booleans: the episode ended with this step, and the next state begins another.
        discount: From 0 to 1.
        trace: From 0 (one step and the critic) to 1 (all steps to the end).
    """
    raise NotImplementedError("the surprise of each step, and of those after it until the end, from the last back")


def normalise(estimates: np.ndarray) -> np.ndarray:
    """Return estimates of any shape with mean 0 and standard deviation 1; zeros where all are equal."""
    raise NotImplementedError("subtract the mean; divide by the deviation unless there is none")


def surrogate(log_new: np.ndarray, log_old: np.ndarray, estimates: np.ndarray, clip: float) -> float:
    """Return PPO's clipped objective, the mean of min(ratio * A, clipped ratio * A): higher is better.

    Args:
        log_new: (n,), log-probability of each action taken under the policy that is being changed.
        log_old: (n,), the same under the policy that played.
        estimates: (n,), the advantages A.
        clip: > 0; ratios new / old are clipped to 1 - clip and 1 + clip.
    """
    raise NotImplementedError("the ratio, the clipped ratio, and the lesser of the two gains")


def surrogate_gradient(
    logits: np.ndarray,
    states: np.ndarray,
    actions: np.ndarray,
    log_old: np.ndarray,
    estimates: np.ndarray,
    clip: float,
) -> np.ndarray:
    """Return the gradient of `surrogate` by the logits of the policy that is being changed.

    Args:
        logits: (states, actions); the policy is the softmax of each row.
        states: (n,) integers.
        actions: (n,) integers: what was done there.
        log_old: (n,).
        estimates: (n,).
        clip: > 0.

    Returns:
        (states, actions).
    """
    raise NotImplementedError("steps that are clipped add nothing; others ratio * A * (taken - policy)")


# add functions of your own here if they help


def value_loss(values: np.ndarray, old_values: np.ndarray, returns: np.ndarray, clip: float) -> float:
    """Return the critic's clipped loss, half the mean of the larger of two squared errors.

    Args:
        values: (n,), the critic's values now.
        old_values: (n,), its values when the batch was played.
        returns: (n,), what they should have been.
        clip: > 0; in the second error a value is at most this far from its old one.
    """
    raise NotImplementedError("the error, and the error of a value that may not go far")


def divergence_estimate(log_new: np.ndarray, log_old: np.ndarray) -> float:
    """Return an estimate of KL(old || new) in nats from actions that the old policy took.

    It is the mean of ratio - 1 - log(ratio), with ratio = new / old: right on average, and never below 0.

    Args:
        log_new: (n,), log-probability of each action under the new policy.
        log_old: (n,), the same under the old one.
    """
    raise NotImplementedError("the mean of ratio - 1 - log(ratio)")


def adapted(beta: float, measured: float, target: float) -> float:
    """Return the price after a batch: doubled if the divergence is above 1.5 times its target, halved below 2/3.

    Args:
        beta: > 0.
        measured: Nats, at least 0.
        target: Nats, > 0.
    """
    raise NotImplementedError("dearer where it went too far, cheaper where it stayed near")


def train(
    play: Callable[[np.ndarray], Batch], reference: np.ndarray, beta: float, calls: int, seed: int
) -> np.ndarray:
    """Return a policy (states, actions) with as high a penalised return as play can teach.

    Args:
        play: Takes a policy (states, actions) and plays it in 64 worlds for 32 steps. Returns states
            (64, 33), actions (64, 32), rewards (64, 32) and ended (64, 32), as for `advantages`;
            every call begins anew.
        reference: (states, actions), all positive: where to start, and what to stay near.
        beta: Price of a nat.
        calls: How often `play` may be called.
        seed: For whatever is drawn at random.
    """
    raise NotImplementedError("play; estimate advantages; climb the clipped objective a few times; mend the critic")
