"""What both graders share: small tables to ask about, the truth about them, and a policy trained once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, log_expit, log_softmax

from harness.grading import Rng, expect_array, wrong
from harness.policy import foreign_code
from harness.sources.bandits import Bandit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
AsPolicy = Callable[[object, tuple[int, ...], str], Floats]

CONTEXTS: Final = 40
ACTIONS: Final = 5
PAIRS: Final = 60_000
FLIPPED: Final = 0.25
BETA: Final = 0.9


# ---- small tables ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Arguments for one question, drawn for it."""

    logits: Floats
    reference: Floats
    reward: Floats
    pairs: Ints
    beta: float
    flipped: float

    def asked(self) -> tuple[Any, ...]:
        """Return the arguments of `loss` and `gradient`."""
        return self.logits, self.reference, self.pairs, self.beta, self.flipped

    def margins(self, logits: Floats) -> Floats:
        """Return the true margin of each pair, (n,), pair by pair."""
        logs = log_softmax(logits, axis=1) - np.log(self.reference)
        told = [logs[context, chosen] - logs[context, rejected] for context, chosen, rejected in self.pairs]
        return self.beta * np.array(told)

    def loss(self, logits: Floats) -> float:
        """Return the true mean of -log P(label) over the pairs."""
        margin = self.margins(logits)
        if self.flipped == 0:
            return float(-log_expit(margin).mean())
        told = (1 - self.flipped) * expit(margin) + self.flipped * expit(-margin)
        return float(-np.log(told).mean())

    def gradient(self, step: float) -> Floats:
        """Return the gradient of the true loss by central differences, (contexts, actions)."""
        slopes = np.zeros(self.logits.shape)
        for place in np.ndindex(*slopes.shape):
            ends = []
            for side in (step, -step):
                moved = self.logits.copy()
                moved[place] += side
                ends.append(self.loss(moved))
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
        return slopes


@pytest.fixture
def draw(rng: Rng) -> Callable[..., Table]:
    """Draws a table: few contexts, so that pairs come several times."""

    def drawn(*, size: float = 1.0, flipped: float = 0.0, pairs: int = 60) -> Table:
        contexts, actions = int(rng.integers(3, 6)), int(rng.integers(4, 7))
        return Table(
            logits=size * rng.normal(size=(contexts, actions)),
            reference=0.8 * rng.dirichlet(np.ones(actions), size=contexts) + 0.2 / actions,
            reward=rng.normal(size=(contexts, actions)),
            pairs=rng.integers([contexts, actions, actions], size=(pairs, 3)),
            beta=float(rng.uniform(0.2, 0.9)),
            flipped=flipped,
        )

    return drawn


@pytest.fixture(scope="session")
def own_code(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy."""
    submission["loss"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, "dpo.py", ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- a policy trained once -------------------------------------------------------------------


@dataclass(frozen=True)
class Trained:
    """Rewards that nobody is told, pairs judged by them, and the policy that was learned from the pairs."""

    bandit: Bandit
    silent: int
    """The context of which no pair tells anything."""
    policy: Floats


@pytest.fixture(scope="session")
def trained(own_code: Any, run_rng: Rng, as_policy: AsPolicy) -> Trained:
    """One training, on judgements of which a quarter are swapped."""
    reference = 0.4 * run_rng.dirichlet(np.ones(ACTIONS), size=CONTEXTS) + 0.6 / ACTIONS
    # what is the same for all actions of a context can neither be learned nor matter
    reward = run_rng.normal(size=(CONTEXTS, ACTIONS)) + 2 * run_rng.normal(size=(CONTEXTS, 1))
    bandit = Bandit(reward, reference, BETA)
    silent = int(run_rng.integers(CONTEXTS))
    given = bandit.preferences(PAIRS, run_rng.seed())
    swapped = run_rng.random(PAIRS) < FLIPPED
    chosen = np.where(swapped, given.rejected, given.chosen)
    rejected = np.where(swapped, given.chosen, given.rejected)
    pairs = np.column_stack([given.context, chosen, rejected])[given.context != silent]
    answer = own_code.train(reference, pairs, BETA, FLIPPED, run_rng.seed())
    return Trained(bandit, silent, as_policy(answer, reference.shape, "train(…)"))


@pytest.fixture(scope="session")
def as_policy() -> AsPolicy:
    """Checks that the rows of an answer are probabilities, and returns them in float64."""

    def checked(answer: object, shape: tuple[int, ...], what: str) -> Floats:
        policy = expect_array(answer, shape=shape, what=what).astype(np.float64)
        if policy.min() < 0 or np.abs(policy.sum(axis=1) - 1).max() > 1e-4:
            wrong(f"{what}: each row holds probabilities, from 0 to 1, and they sum to 1.")
        return np.asarray(policy / policy.sum(axis=1, keepdims=True))

    return checked
