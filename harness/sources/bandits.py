"""Contextual bandits with a KL-regularised goal, whose best policy is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.sources import Floats, Ints, Seed


@dataclass(frozen=True, slots=True)
class Preferences:
    """Pairs of actions of which one was preferred."""

    context: Ints
    """(n,)"""
    chosen: Ints
    """(n,) the preferred action."""
    rejected: Ints
    """(n,) the other one; may be the same action."""


@dataclass(frozen=True, slots=True)
class Bandit:
    """Maximise J(pi) = E[reward] - beta KL(pi || reference), contexts being equally likely.

    The goal of RLHF and DPO in a table (R. Rafailov et al., "Direct preference optimization", 2023).
    """

    reward: Floats
    """(contexts, actions)."""
    reference: Floats
    """(contexts, actions): the policy to stay near, positive rows summing to 1."""
    beta: float
    """Price of one nat of KL, > 0."""

    @property
    def optimum(self) -> Floats:
        """(contexts, actions): pi* = reference exp(reward / beta) / Z."""
        logits = self._logits()
        policy: Floats = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        return policy

    @property
    def best(self) -> float:
        """J(pi*) = beta times the mean of ln Z: no policy is above it."""
        return float(self.beta * np.logaddexp.reduce(self._logits(), axis=1).mean())

    def objective(self, policy: Floats) -> float:
        """Return J(policy), higher is better, for (contexts, actions) rows summing to 1.

        Raises:
            ValueError: another shape, or rows that are no probabilities.
        """
        return self.expected_reward(policy) - self.beta * self.divergence(policy)

    def expected_reward(self, policy: Floats) -> float:
        """Return the mean reward under `policy`; ValueError as for `objective`."""
        return float((self._checked(policy) * self.reward).sum(axis=1).mean())

    def divergence(self, policy: Floats) -> float:
        """Return KL(policy || reference) in nats, averaged over contexts; ValueError as for `objective`."""
        checked = self._checked(policy)
        ratio = np.where(checked > 0, checked, 1) / np.where(checked > 0, self.reference, 1)
        return float((checked * np.log(ratio)).sum(axis=1).mean())

    def preferences(self, count: int, seed: Seed) -> Preferences:
        """Draw pairs of actions from the reference, judged by the Bradley-Terry model of the reward."""
        rng = np.random.default_rng(seed)
        context = rng.integers(len(self.reward), size=count)
        rising = self.reference[context].cumsum(axis=1)[:, :-1]
        first, second = ((rng.random((count, 1)) >= rising).sum(axis=1) for _ in range(2))
        margin = self.reward[context, first] - self.reward[context, second]
        wins = rng.random(count) < 1 / (1 + np.exp(-margin))
        return Preferences(context, np.where(wins, first, second), np.where(wins, second, first))

    def _logits(self) -> Floats:
        logits: Floats = np.log(self.reference) + self.reward / self.beta
        return logits

    def _checked(self, policy: Floats) -> Floats:
        if policy.shape != self.reward.shape:
            raise ValueError(f"the policy has shape {policy.shape}, not {self.reward.shape}")
        if not (policy.min() >= 0 and np.abs(policy.sum(axis=1) - 1).max() < 1e-4):  # also false for nan
            raise ValueError("the rows of the policy are no probabilities")
        return policy


def make_bandit(*, seed: Seed, contexts: int = 8, actions: int = 6, beta: float = 0.7) -> Bandit:
    """Draw normal rewards, and a reference that is far from uniform."""
    rng = np.random.default_rng(seed)
    reference = 0.95 * rng.dirichlet(np.ones(actions), size=contexts) + 0.05 / actions
    return Bandit(rng.normal(size=(contexts, actions)), reference, beta)
