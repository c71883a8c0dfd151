"""What both graders share: the module once its libraries are known, chance computed exactly, populations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import bdtr, ndtr

from harness.grading import Rng, expect_array, expect_number, kind_of, wrong
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ENTRY: Final = "fairness.py"
TRAINING: Final = 8_000
UNSEEN: Final = 60_000
SHARES: Final = (0.6, 0.25, 0.15)
STEEP: Final = ((0.55, 1.8), (0.40, 1.5), (0.30, 1.2))
"""Share of positives and separation of each group: the rarer, the harder to tell."""
CROSSED: Final = ((0.55, 1.2), (0.40, 1.6), (0.25, 2.0))
"""The rarer, the easier to tell: equal selection makes unequal chances."""
AUDITED: Final = ("gap", "low", "high", "floor", "excess")


@pytest.fixture(scope="session")
def handed_in(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy."""
    submission["fit"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- chance, exactly -------------------------------------------------------------------------


def exact_floor(sizes: npt.ArrayLike, rate: float) -> float:
    """Return the mean of the largest less the smallest of independent shares, summed over where they jump."""
    members = np.asarray(sizes)
    points = np.unique(np.concatenate([np.arange(size + 1) / size for size in members]))  # from 0 to 1
    counts = np.floor(points[:-1, None] * members + 1e-9)  # (steps, groups)
    below = bdtr(counts, members, rate)  # P(share <= point)
    width = np.diff(points)
    largest = (width * (1 - below.prod(axis=1))).sum()
    smallest = (width * (1 - below).prod(axis=1)).sum()
    return float(largest - smallest)


def audit_of(answer: object, what: str) -> SimpleNamespace:
    """Return what an audit says as numbers."""
    if not isinstance(answer, dict) or set(answer) != set(AUDITED):
        wrong(f"{what}: expected a dict of {', '.join(AUDITED)}, got {kind_of(answer)}.", reason="wrong-type")
    return SimpleNamespace(
        **{name: expect_number(answer[name], what=f"{name} of {what}") for name in AUDITED}
    )


# ---- populations -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Population:
    """Groups whose members' evidence is normal, and a model that scores one group too low."""

    names: Integers
    """(groups,)"""
    shares: Floats
    """(groups,), of everybody."""
    positive: Floats
    """(groups,), share of positives."""
    apart: Floats
    """(groups,), distance of the means of positives and negatives, in standard deviations."""
    shift: Floats
    """(groups,), by which the model's logits are moved."""
    squeeze: Floats
    """(groups,), by which they are stretched."""

    def people(self, count: int, rng: Rng) -> tuple[Floats, Integers, Integers]:
        """Return scores, targets and groups of some people."""
        member = rng.choice(len(self.names), size=count, p=self.shares)
        target = (rng.random(count) < self.positive[member]).astype(np.int64)
        evidence = rng.normal(size=count) + self.apart[member] * (target - 0.5)
        logit = self.squeeze[member] * evidence + self.shift[member]
        return 1 / (1 + np.exp(-logit)), target, np.asarray(self.names[member])

    @property
    def best_accuracy(self) -> float:
        """The accuracy of whoever knows all of this and minds accuracy alone."""
        cut = np.log(1 / self.positive - 1) / self.apart
        right = self.positive * ndtr(self.apart / 2 - cut) + (1 - self.positive) * ndtr(cut + self.apart / 2)
        return float(self.shares @ right)


def population(kind: tuple[tuple[float, float], ...], rng: Rng) -> Population:
    """Draw a population of a kind: which group is large, what they are called, how the model errs."""
    order = rng.permutation(3)
    base, apart = np.array(kind).T
    return Population(
        names=rng.choice(40, size=3, replace=False) + 2,
        shares=np.array(SHARES)[order],
        positive=base + rng.uniform(-0.02, 0.02, size=3),
        apart=apart + rng.uniform(-0.05, 0.05, size=3),
        shift=np.array([0.0, -0.4, -0.9]) + rng.uniform(-0.1, 0.1, size=3),
        squeeze=rng.uniform(0.6, 1.6, size=3),
    )


def decided(module: Any, rule: Any, scores: Floats, groups: Integers) -> Integers:
    """Return the decisions of a rule, each 0 or 1."""
    answer = expect_array(module.decide(rule, scores, groups), shape=scores.shape, what="decide(…)")
    if not np.isin(answer, (0, 1)).all():
        wrong("decide(rule, scores, groups): expected 0 or 1 for each person.")
    return answer.astype(np.int64)


@dataclass(frozen=True)
class Mitigated:
    """What a rule made of people whom it has not seen."""

    where: Population
    rule: Any
    scores: Floats
    targets: Integers
    groups: Integers
    decisions: Integers

    @property
    def accuracy(self) -> float:
        """Share of right decisions."""
        return float((self.decisions == self.targets).mean())

    @property
    def rates(self) -> Floats:
        """(groups,), true-positive rates."""
        chosen = [self.decisions[(self.groups == name) & (self.targets == 1)] for name in self.where.names]
        return np.array([one.mean() for one in chosen])

    @property
    def excess(self) -> float:
        """The gap in true-positive rates beyond what chance alone makes."""
        sizes = [int(((self.groups == name) & (self.targets == 1)).sum()) for name in self.where.names]
        pooled = float(self.decisions[self.targets == 1].mean())
        return max(0.0, float(np.ptp(self.rates)) - exact_floor(sizes, pooled))

    @property
    def cost(self) -> float:
        """Points of accuracy given up, and of gap left."""
        return 100 * (self.where.best_accuracy - self.accuracy + self.excess)


@pytest.fixture(scope="session")
def mitigated(handed_in: Any, run_rng: Rng) -> list[Mitigated]:
    """The learner's rule on four populations."""
    return [mitigate(handed_in, population(kind, run_rng), run_rng) for kind in (STEEP, CROSSED) * 2]


def mitigate(module: Any, where: Population, rng: Rng) -> Mitigated:
    """Fit the learner's rule to some people and have it decide on others."""
    rule = module.fit(*where.people(TRAINING, rng))
    scores, targets, groups = where.people(UNSEEN, rng)
    return Mitigated(where, rule, scores, targets, groups, decided(module, rule, scores, groups))


@pytest.fixture(scope="session")
def chance() -> Callable[[npt.ArrayLike, float], float]:
    """The exact floor."""
    return exact_floor


@pytest.fixture(scope="session")
def read_audit() -> Callable[[object, str], SimpleNamespace]:
    """Reads what an audit says."""
    return audit_of


@pytest.fixture(scope="session")
def decide(handed_in: Any) -> Callable[[Any, Floats, Integers], Integers]:
    """Asks for the decisions of a rule."""
    return lambda rule, scores, groups: decided(handed_in, rule, scores, groups)
