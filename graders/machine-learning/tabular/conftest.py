"""What both graders share: tables of known truth, with leaks planted in them, and validated answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, kind_of, wrong

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Table = dict[str, Any]
"""A float array or a list of texts for each column."""

PLANS: Final = ("basic", "family", "plus", "pro")
REGIONS: Final = tuple(f"region {letter}" for letter in "abcdefghijkl")
EXTRAS: Final = ("first", "second", "third")
"""Columns of noise, of which one leaks."""
TRAINING_ROWS: Final = 3_000
UNSEEN_ROWS: Final = 6_000


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Any:
    """Keep the grader's arithmetic on one thread."""
    with threadpool_limits(1):
        yield


# ---- a small table with leaks --------------------------------------------------------------


@dataclass(frozen=True)
class Suspects:
    """Columns that are honest, and columns that leak, each made for one target."""

    target: Ints
    rng: Rng

    def honest(self) -> Table:
        """Return columns that tell the target no better than 80 % of the time, under names of this run."""
        n, y, rng = len(self.target), self.target, self.rng
        weak = np.where(y == 1, 0.6, 0.4)
        gaps = np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n) + y)
        return self._named(
            [
                rng.normal(size=n),
                1.4 * y + rng.normal(size=n),
                100 - 1.2 * y + rng.normal(size=n),
                np.full(n, 7.0),
                gaps,
                [f"customer {number}" for number in rng.permutation(n)],
                [("yes", "no")[int(told)] for told in rng.random(n) < weak],
                [f"shop {number}" for number in rng.integers(9, size=n)],
            ]
        )

    def number(self) -> Floats:
        """Return a number that is the target in disguise."""
        sign, scale = self.rng.choice([-1, 1]), 10 ** self.rng.uniform(-2, 3)
        return np.asarray(scale * (3 * sign * (2 * self.target - 1) + self.rng.normal(size=len(self.target))))

    def words(self) -> list[str]:
        """Return words, some of which are used for one class and some for the other."""
        words = self.rng.permutation([f"status {number}" for number in range(8)])
        return [str(words[4 * told + int(self.rng.integers(4))]) for told in self._almost()]

    def gaps(self) -> Floats:
        """Return numbers that say nothing, but are missing for one class."""
        return np.where(
            self._almost() == self.rng.integers(2), np.nan, self.rng.normal(size=len(self.target))
        )

    def _almost(self) -> Ints:
        return np.where(self.rng.random(len(self.target)) < 0.01, 1 - self.target, self.target)

    def _named(self, columns: list[Any]) -> Table:
        names = self.rng.permutation([f"column {number}" for number in range(10, 99)])
        return {str(name): column for name, column in zip(names, columns, strict=False)}

    def with_leak(self, leak: Any) -> tuple[Table, str]:
        """Return the honest columns with one that leaks somewhere among them, and its name."""
        table = list(self.honest().items())
        table.insert(int(self.rng.integers(len(table) + 1)), ("column 9", leak))
        return dict(table), "column 9"


@pytest.fixture
def suspects(rng: Rng) -> Suspects:
    """A target for 600 rows, and columns made for it."""
    target = (rng.random(600) < rng.uniform(0.42, 0.58)).astype(np.int64)
    return Suspects(target, rng)


@pytest.fixture(scope="session")
def ask_leaks(submission: Any) -> Callable[[Table, Ints], set[str]]:
    """Asks `leaky_columns`, and validates what it gives."""

    def asked(table: Table, target: Ints) -> set[str]:
        answer = submission.leaky_columns(table, target)
        what = "leaky_columns(table, target)"
        if not isinstance(answer, (list, tuple, set)):
            wrong(f"{what}: expected a list of names, got {kind_of(answer)}.", reason="wrong-type")
        if not all(isinstance(name, str) and name in table for name in answer):
            wrong(f"{what}: not all of the answer are names of columns.", reason="wrong-type")
        return set(answer)

    return asked


# ---- folds ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """What fit_predict was called with: the numbers of the rows."""

    train: Ints
    test: Ints


@dataclass(frozen=True)
class Folded:
    """What out_of_fold did, and what it gave back."""

    groups: Ints
    marks: Floats
    """(n,): what fit_predict says of each row."""
    folds: tuple[Fold, ...]
    answer: object

    def dealt(self) -> list[set[int]]:
        """Return which rows were predicted together."""
        return [set(fold.test.tolist()) for fold in self.folds]


@pytest.fixture
def fold(submission: Any, rng: Rng) -> Callable[..., Folded]:
    """Calls out_of_fold with customers of 1 to 6 rows, and watches."""
    counts = rng.integers(1, 7, size=24)
    numbers = rng.permutation(200)[:24]  # which are no indices
    groups = rng.permutation(np.repeat(numbers, counts))
    n = len(groups)
    x = np.column_stack([rng.permutation(n), rng.normal(size=n)]).astype(np.float64)
    x, y = x[np.argsort(x[:, 0])], np.arange(n) % 7

    def asked(*, folds: int, seed: int) -> Folded:
        seen: list[Fold] = []

        def fit_predict(train_x: Any, train_y: Any, test_x: Any) -> Any:
            train, test = (_row_numbers(rows, x) for rows in (train_x, test_x))
            targets = expect_array(train_y, shape=(len(train),), what="the targets given to fit_predict")
            if not np.array_equal(targets, y[train]):
                wrong("The targets given to fit_predict are not those of the rows given.")
            seen.append(Fold(train, test))
            return x[test, 1]

        answer = submission.out_of_fold(fit_predict, x, y, groups, folds, seed)
        if not seen:
            wrong("out_of_fold never called fit_predict.")
        return Folded(groups, x[:, 1], tuple(seen), answer)

    return asked


def _row_numbers(rows: object, x: Floats) -> Ints:
    given = expect_array(rows, shape=(None, 2), what="the rows given to fit_predict")
    numbers = np.clip(given[:, 0], 0, len(x) - 1).astype(np.int64)
    if len(given) == 0 or not np.array_equal(given, x[numbers]):
        wrong("fit_predict was given rows that are not in x.")
    return numbers


# ---- a large table of known truth ----------------------------------------------------------


@dataclass(frozen=True)
class Rows:
    """Customers: what is known of them, how likely they leave, and whether they did."""

    table: Table
    chance: Floats
    target: Ints


@dataclass(frozen=True)
class World:
    """How customers come to leave, in this run: what the plans and regions do, and which extra leaks."""

    plans: Floats
    regions: Floats
    income: float
    leak: str

    @classmethod
    def drawn(cls, rng: Rng) -> World:
        """Draw a world; how much there is to know is much the same in each."""
        regions = rng.permutation(np.linspace(-1.2, 1.2, len(REGIONS)))
        leak = str(rng.choice(EXTRAS))
        return cls(rng.permutation([-1.2, -0.4, 0.4, 1.2]), regions, float(rng.choice([-0.8, 0.8])), leak)

    def rows(self, count: int, rng: Rng, *, leaking: bool) -> Rows:
        """Return customers; the leak is filled in after they left, so that later rows have noise there."""
        usage, delay = rng.lognormal(2, 1, count), rng.exponential(5, count)
        income, age = rng.lognormal(10, 0.6, count), rng.uniform(18, 80, count)
        plan, region = rng.integers(len(PLANS), size=count), rng.integers(len(REGIONS), size=count)
        unknown = rng.random(count) < 0.3
        odds = -1.6 + 1.1 * (np.log(usage) - 2) ** 2 + self.plans[plan] + self.regions[region]
        odds = odds + self.income * (np.log(income) - 10) / 0.6
        odds = odds + np.where(unknown, 1.5, 0.5 * (np.minimum(delay, 15) / 5 - 1))
        chance = 1 / (1 + np.exp(-odds))
        target = (rng.random(count) < chance).astype(np.int64)
        table: Table = {
            "age": age,
            "usage": usage,
            "delay": np.where(unknown, np.nan, delay),
            "income": np.where(rng.random(count) < 0.1, np.nan, income),
            "plan": [PLANS[place] for place in plan],
            "region": [REGIONS[place] for place in region],
        }
        for name in EXTRAS:
            told = target if leaking else rng.integers(2, size=count)
            table[name] = rng.normal(size=count) + (6 * told if name == self.leak else 0)
        return Rows(table, chance, target)


@dataclass(frozen=True)
class Fitted:
    """A model that was fitted once, and rows that it has not seen."""

    world: World
    train: Rows
    unseen: Rows
    model: Any
    predict: Callable[[Table], Floats]

    def few(self, rows: list[int]) -> Table:
        """Return some of the unseen rows."""
        return chosen(self.unseen.table, rows)


def chosen(table: Mapping[str, Any], rows: list[int]) -> Table:
    """Return some rows of a table."""
    return {
        name: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
        for name, values in table.items()
    }


@pytest.fixture(scope="session")
def fitted(submission: Any, run_rng: Rng) -> Fitted:
    """This run's customers, and the model that the submission fits to some of them."""
    world = World.drawn(run_rng)
    train = world.rows(TRAINING_ROWS, run_rng, leaking=True)
    unseen = world.rows(UNSEEN_ROWS, run_rng, leaking=False)
    model = submission.fit(train.table, train.target)

    def predict(table: Table) -> Floats:
        count = len(table["age"])
        answer = expect_array(submission.predict(model, table), shape=(count,), what="predict(model, table)")
        if answer.min() < 0 or answer.max() > 1:
            wrong("predict(model, table): probabilities are from 0 to 1.")
        return answer.astype(np.float64)

    return Fitted(world, train, unseen, model, predict)


@pytest.fixture(scope="session")
def predicted(fitted: Fitted) -> Floats:
    """What the model says of the rows that it has not seen, (n,)."""
    return fitted.predict(fitted.unseen.table)
