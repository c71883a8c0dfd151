"""Direct preference optimisation in a table: from judged pairs of actions to a policy, without a reward model.

A policy is a table (contexts, actions) whose rows sum to 1; logits are a table of the same
shape. Pairs are (n, 3) integers: the context, the action that was chosen, the one that was
rejected. All logarithms are natural, so divergences are in nats.
"""

from __future__ import annotations

import numpy as np


def log_policy(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row, (contexts, actions)."""
    raise NotImplementedError("take the largest score out before the exponential")


def divergence(policy: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return KL(policy || reference) of each context in nats, (contexts,).

    Args:
        policy: (contexts, actions), rows summing to 1; zeros are allowed and add nothing.
        reference: The same shape, all positive.
    """
    raise NotImplementedError("the mean of log(policy / reference) under the policy")


def objective(policy: np.ndarray, reference: np.ndarray, reward: np.ndarray, beta: float) -> float:
    """Return the expected reward less `beta` times the divergence, averaged over contexts.

    Args:
        policy: (contexts, actions).
        reference: (contexts, actions), all positive.
        reward: (contexts, actions).
        beta: Price of a nat, > 0.
    """
    raise NotImplementedError("the mean reward under the policy, and what its distance costs")


def best_policy(reference: np.ndarray, reward: np.ndarray, beta: float) -> np.ndarray:
    """Return the policy (contexts, actions) whose objective no other reaches."""
    raise NotImplementedError("the reference, tilted by exp(reward / beta)")


def margins(logits: np.ndarray, reference: np.ndarray, pairs: np.ndarray, beta: float) -> np.ndarray:
    """Return by how much the implicit reward of the chosen action exceeds the rejected one's, (n,).

    The implicit reward is beta log(policy / reference), with policy = softmax(logits).
    """
    raise NotImplementedError("a table of implicit rewards; look both actions of each pair up")


def loss(
    logits: np.ndarray, reference: np.ndarray, pairs: np.ndarray, beta: float, flipped: float
) -> float:
    """Return the mean over pairs of -log P(label), nats.

    By Bradley and Terry the chosen action is truly preferred with probability
    sigmoid(margin); then a share `flipped` of the labels was swapped at random.

    Args:
        logits: (contexts, actions).
        reference: (contexts, actions), all positive.
        pairs: (n, 3) integers, n >= 1.
        beta: > 0.
        flipped: From 0 to below 0.5.
    """
    raise NotImplementedError("a label arises in two ways: add their probabilities, in logarithms")


# add functions of your own here if they help


def gradient(
    logits: np.ndarray, reference: np.ndarray, pairs: np.ndarray, beta: float, flipped: float
) -> np.ndarray:
    """Return the gradient of `loss` by the logits, (contexts, actions)."""
    raise NotImplementedError("the slope of each pair by its margin, added to one action and taken from the other")


def within_budget(policy: np.ndarray, reference: np.ndarray, limit: float) -> np.ndarray:
    """Return the farthest policy on the way from the reference to `policy` that the budget allows.

    The way is reference^(1 - t) policy^t, rows normalised, one t from 0 to 1 for all contexts.
    The budget is the divergence from the reference, averaged over contexts.

    Args:
        policy: (contexts, actions), all positive.
        reference: (contexts, actions), all positive.
        limit: Nats, > 0. A policy within it stays as it is.
    """
    raise NotImplementedError("the divergence rises with t: halve the interval, up to t = 1, again and again")


def train(reference: np.ndarray, pairs: np.ndarray, beta: float, flipped: float, seed: int) -> np.ndarray:
    """Return a policy (contexts, actions) with as high an objective as the pairs can teach.

    Args:
        reference: (contexts, actions), all positive.
        pairs: (n, 3) integers, as for `loss`. A context of which they say nothing keeps its reference.
        beta: > 0.
        flipped: Share of the labels that were swapped.
        seed: For whatever is drawn at random.
    """
    raise NotImplementedError("start at the reference, descend batch by batch, and average where the noise has taken over")
