"""What both graders share: small worlds whose best policy is known exactly, and policies trained in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import logsumexp, rel_entr

from harness.grading import Rng, expect_array, wrong
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STATES: Final = 12
ACTIONS: Final = 4
GOES_ON: Final = 0.9
BETA: Final = 1.2
WORLDS: Final = 64
STEPS: Final = 32
CALLS: Final = 30
TRAININGS: Final = 3


@pytest.fixture(scope="session")
def own_code(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy."""
    submission["advantages"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, "ppo.py", ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- worlds ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Some states; what an action earns there, and where it leads; a reference to stay near.

    After each step an episode goes on with a fixed probability, and otherwise the next one
    begins in any state, so that one table is the best policy at every step.
    """

    moves: Floats
    """(states, actions, states): probability of the next state."""
    rewards: Floats
    """(states, actions)."""
    reference: Floats
    """(states, actions)."""

    @classmethod
    def drawn(cls, rng: Rng) -> World:
        """Draw a world in which actions matter later, too."""
        reference = 0.6 * rng.dirichlet(np.ones(ACTIONS), size=STATES) + 0.4 / ACTIONS
        moves = rng.dirichlet(np.full(STATES, 0.3), size=(STATES, ACTIONS))
        return cls(moves, rng.normal(size=(STATES, ACTIONS)), reference)

    def objective(self, policy: Floats, beta: float = BETA) -> float:
        """Return what an episode earns on average, less `beta` for each nat: the exact solution."""
        price = beta * rel_entr(policy, self.reference).sum(axis=1)
        earned = (policy * self.rewards).sum(axis=1) - price  # (states,)
        moves = np.einsum("sa,sat->st", policy, self.moves)
        return float(np.linalg.solve(np.eye(STATES) - GOES_ON * moves, earned).mean())

    @cached_property
    def best(self) -> Floats:
        """Return the policy with the highest objective, by soft value iteration."""
        value, logits = np.zeros(STATES), np.zeros((STATES, ACTIONS))
        for _ in range(400):  # the error shrinks by a tenth in each
            logits = np.log(self.reference) + (self.rewards + GOES_ON * self.moves @ value) / BETA
            value = BETA * logsumexp(logits, axis=1)
        return np.asarray(np.exp(logits - logsumexp(logits, axis=1, keepdims=True)))

    def play(self, policy: Floats, rng: Rng) -> tuple[Ints, Ints, Floats, npt.NDArray[np.bool_]]:
        """Play a policy in `WORLDS` copies for `STEPS` steps."""
        states = np.empty((WORLDS, STEPS + 1), np.int64)
        actions = np.empty((WORLDS, STEPS), np.int64)
        ended = rng.random((WORLDS, STEPS)) >= GOES_ON
        rising, leading = policy.cumsum(axis=1)[:, :-1], self.moves.cumsum(axis=2)[..., :-1]
        states[:, 0] = rng.integers(STATES, size=WORLDS)
        for step in range(STEPS):
            here = states[:, step]
            taken = (rng.random((WORLDS, 1)) >= rising[here]).sum(axis=1)
            further = (rng.random((WORLDS, 1)) >= leading[here, taken]).sum(axis=1)
            actions[:, step] = taken
            states[:, step + 1] = np.where(ended[:, step], rng.integers(STATES, size=WORLDS), further)
        return states, actions, self.rewards[states[:, :-1], actions], ended


# ---- training --------------------------------------------------------------------------------


@dataclass
class Training:
    """A world, the policies that were played in it, and the one that was returned."""

    world: World
    played: list[Floats] = field(default_factory=list)
    policy: Floats = field(default_factory=lambda: np.zeros(0))

    def lost(self, policy: Floats) -> float:
        """Return the share of the possible gain that a policy loses: 0 for the best, 1 for the reference."""
        best, start = (self.world.objective(one) for one in (self.world.best, self.world.reference))
        return (best - self.world.objective(policy)) / (best - start)


def as_policy(answer: object, what: str) -> Floats:
    """Return an answer whose rows are probabilities, renormalised in float64."""
    policy = expect_array(answer, shape=(STATES, ACTIONS), what=what).astype(np.float64)
    if policy.min() < 0 or np.abs(policy.sum(axis=1) - 1).max() > 1e-4:
        wrong(f"{what}: each row holds probabilities, from 0 to 1, and they sum to 1.")
    return np.asarray(policy / policy.sum(axis=1, keepdims=True))


@pytest.fixture(scope="session")
def trained(own_code: Any, run_rng: Rng) -> list[Training]:
    """Trainings in worlds of this run."""
    return [_training(own_code, run_rng) for _ in range(TRAININGS)]


def _training(own_code: Any, rng: Rng) -> Training:
    done = Training(World.drawn(rng))

    def play(policy: object) -> object:
        if len(done.played) == CALLS:
            wrong(f"train(…) calls play more often than the {CALLS} times that are allowed.")
        done.played.append(as_policy(policy, "the policy given to play"))
        return done.world.play(done.played[-1], rng)

    answer = own_code.train(play, done.world.reference, BETA, CALLS, rng.seed())
    done.policy = as_policy(answer, "train(…)")
    if not done.played:
        wrong("train(…) never calls play: it cannot know the world.")
    return done


# ---- batches ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Steps that an old policy took, and a new policy to judge by them."""

    logits: Floats
    """(states, actions) of the new policy."""
    states: Ints
    actions: Ints
    log_old: Floats
    estimates: Floats
    clip: float

    def log_new(self, logits: Floats) -> Floats:
        """Return the log-probability of each action under logits, (n,)."""
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logs[self.states, self.actions]

    def surrogate(self, logits: Floats) -> float:
        """Return the true clipped objective, step by step."""
        gains = []
        for new, old, gain in zip(self.log_new(logits), self.log_old, self.estimates, strict=True):
            ratio = float(np.exp(new - old))
            gains.append(min(ratio * gain, max(1 - self.clip, min(1 + self.clip, ratio)) * gain))
        return float(np.mean(gains))

    def gradient(self) -> Floats:
        """Return the gradient of the true objective by central differences, (states, actions)."""
        slopes = np.zeros(self.logits.shape)
        for place in np.ndindex(*slopes.shape):
            ends = []
            for side in (1e-6, -1e-6):
                moved = self.logits.copy()
                moved[place] += side
                ends.append(self.surrogate(moved))
            slopes[place] = (ends[0] - ends[1]) / 2e-6
        return slopes

    def asked(self) -> tuple[Any, ...]:
        """Return the arguments of `surrogate_gradient`."""
        return self.logits, self.states, self.actions, self.log_old, self.estimates, self.clip


@pytest.fixture
def draw(rng: Rng) -> Callable[..., Batch]:
    """Draws a batch in which no ratio is so near to a bound that a small step would cross it.

    The last state was never visited.
    """

    def drawn(*, change: float = 0.4, count: int = 36) -> Batch:
        states, actions = int(rng.integers(3, 6)), int(rng.integers(3, 5))
        old = rng.normal(size=(states, actions))
        logits = old + change * rng.normal(size=(states, actions))
        where, taken = rng.integers(states - 1, size=count), rng.integers(actions, size=count)
        logs = [table - logsumexp(table, axis=1, keepdims=True) for table in (old, logits)]
        ratio = np.exp(logs[1] - logs[0])[where, taken]
        clip = float(rng.uniform(0.1, 0.3))
        away = (np.abs(ratio - 1 - clip) > 1e-4) & (np.abs(ratio - 1 + clip) > 1e-4)
        where, taken = where[away], taken[away]
        return Batch(logits, where, taken, logs[0][where, taken], rng.normal(size=len(where)), clip)

    return drawn
