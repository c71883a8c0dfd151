"""Direct preference optimisation in a table: from judged pairs of actions to a policy, without a reward model.

A policy is a table (contexts, actions) whose rows sum to 1; logits are a table of the same
shape. Pairs are (n, 3) integers: the context, the action that was chosen, the one that was
rejected. All logarithms are natural, so divergences are in nats.
"""

from __future__ import annotations

import numpy as np


def log_policy(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row, (contexts, actions)."""
    ### BEGIN SOLUTION take the largest score out before the exponential
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    ### END SOLUTION


def divergence(policy: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return KL(policy || reference) of each context in nats, (contexts,).

    Args:
        policy: (contexts, actions), rows summing to 1; zeros are allowed and add nothing.
        reference: The same shape, all positive.
    """
    ### BEGIN SOLUTION the mean of log(policy / reference) under the policy
    logs = np.log(np.where(policy > 0, policy / reference, 1))
    return (policy * logs).sum(axis=1)
    ### END SOLUTION


def objective(policy: np.ndarray, reference: np.ndarray, reward: np.ndarray, beta: float) -> float:
    """Return the expected reward less `beta` times the divergence, averaged over contexts.

    Args:
        policy: (contexts, actions).
        reference: (contexts, actions), all positive.
        reward: (contexts, actions).
        beta: Price of a nat, > 0.
    """
    ### BEGIN SOLUTION the mean reward under the policy, and what its distance costs
    earned = (policy * reward).sum(axis=1)  # (contexts,)
    return float((earned - beta * divergence(policy, reference)).mean())
    ### END SOLUTION


def best_policy(reference: np.ndarray, reward: np.ndarray, beta: float) -> np.ndarray:
    """Return the policy (contexts, actions) whose objective no other reaches."""
    ### BEGIN SOLUTION the reference, tilted by exp(reward / beta)
    return np.exp(log_policy(np.log(reference) + reward / beta))
    ### END SOLUTION


def margins(logits: np.ndarray, reference: np.ndarray, pairs: np.ndarray, beta: float) -> np.ndarray:
    """Return by how much the implicit reward of the chosen action exceeds the rejected one's, (n,).

    The implicit reward is beta log(policy / reference), with policy = softmax(logits).
    """
    ### BEGIN SOLUTION a table of implicit rewards; look both actions of each pair up
    context, chosen, rejected = pairs.T
    implicit = beta * (log_policy(logits) - np.log(reference))  # (contexts, actions)
    return implicit[context, chosen] - implicit[context, rejected]
    ### END SOLUTION


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
    ### BEGIN SOLUTION a label arises in two ways: add their probabilities, in logarithms
    honest, swapped = _ways(margins(logits, reference, pairs, beta), flipped)
    return float(-np.logaddexp(honest, swapped).mean())
    ### END SOLUTION


### BEGIN SOLUTION add functions of your own here if they help
def _ways(margin: np.ndarray, flipped: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithms of P(preferred, label kept) and P(not preferred, label swapped), each (n,)."""
    with np.errstate(divide="ignore"):  # log 0 is -inf, which is what is meant
        kept, turned = np.log1p(-flipped), np.log(flipped)
    return kept + _log_sigmoid(margin), turned + _log_sigmoid(-margin)


def _log_sigmoid(x: np.ndarray) -> np.ndarray:
    """Return log(1 / (1 + exp(-x))), which no x makes overflow."""
    return -np.logaddexp(0, -x)


### END SOLUTION


def gradient(
    logits: np.ndarray, reference: np.ndarray, pairs: np.ndarray, beta: float, flipped: float
) -> np.ndarray:
    """Return the gradient of `loss` by the logits, (contexts, actions)."""
    ### BEGIN SOLUTION the slope of each pair by its margin, added to one action and taken from the other
    margin = margins(logits, reference, pairs, beta)
    honest, swapped = _ways(margin, flipped)
    trust = np.exp(honest - np.logaddexp(honest, swapped))  # P(the label was kept), (n,)
    preferred = np.exp(_log_sigmoid(margin))  # (n,)
    slope = (preferred - trust) * beta / len(pairs)  # -(trust (1 - preferred) - (1 - trust) preferred)
    context, chosen, rejected = pairs.T
    slopes = np.zeros(logits.shape)
    np.add.at(slopes, (context, chosen), slope)  # the softmax's own normaliser cancels in a margin
    np.add.at(slopes, (context, rejected), -slope)
    return slopes
    ### END SOLUTION


def within_budget(policy: np.ndarray, reference: np.ndarray, limit: float) -> np.ndarray:
    """Return the farthest policy on the way from the reference to `policy` that the budget allows.

    The way is reference^(1 - t) policy^t, rows normalised, one t from 0 to 1 for all contexts.
    The budget is the divergence from the reference, averaged over contexts.

    Args:
        policy: (contexts, actions), all positive.
        reference: (contexts, actions), all positive.
        limit: Nats, > 0. A policy within it stays as it is.
    """
    ### BEGIN SOLUTION the divergence rises with t: halve the interval, up to t = 1, again and again
    start, way = np.log(reference), np.log(policy) - np.log(reference)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        spent = divergence(np.exp(log_policy(start + middle * way)), reference).mean()
        low, high = (middle, high) if spent <= limit else (low, middle)
    return np.exp(log_policy(start + low * way))
    ### END SOLUTION


def train(reference: np.ndarray, pairs: np.ndarray, beta: float, flipped: float, seed: int) -> np.ndarray:
    """Return a policy (contexts, actions) with as high an objective as the pairs can teach.

    Args:
        reference: (contexts, actions), all positive.
        pairs: (n, 3) integers, as for `loss`. A context of which they say nothing keeps its reference.
        beta: > 0.
        flipped: Share of the labels that were swapped.
        seed: For whatever is drawn at random.
    """
    ### BEGIN SOLUTION start at the reference, descend batch by batch, and average where the noise has taken over
    rng = np.random.default_rng(seed)
    logits, total = np.log(reference), np.zeros(reference.shape)
    steps, rate, size = 600, 60.0, 2048
    for step in range(steps):
        some = pairs[rng.integers(len(pairs), size=size)]
        logits = logits - rate * gradient(logits, reference, some, beta, flipped)
        if step >= steps // 2:
            total = total + logits
    return np.exp(log_policy(total / (steps - steps // 2)))
    ### END SOLUTION
