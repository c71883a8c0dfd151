"""What both graders share: the functions that were handed in, and a source of known truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_number, kind_of, wrong
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENTRY: Final = "supervised.py"
TRAINING_ROWS: Final = 1_000
HELD_OUT_ROWS: Final = 8_000
NEAR: Final = 1e-6
"""How far above the least loss a fit may stay, in nats."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Any:
    """Keep the grader's arithmetic on one thread."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def sizes(rng: Rng) -> Callable[[], tuple[int, int]]:
    """A function that draws a number of rows and a smaller one of columns: neither is taken for the other."""
    return lambda: (int(rng.integers(40, 60)), int(rng.integers(3, 7)))


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def learners(submission: Any, source: Mapping[str, str]) -> Any:
    """The submission, once its files use nothing but NumPy."""
    if places := foreign_code(source, ENTRY, ["numpy"]):
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


@dataclass(frozen=True)
class Line:
    """Weights and a bias that were handed back."""

    weights: Floats
    bias: float

    def scores(self, x: Floats) -> Floats:
        """Return x w + b, (n,)."""
        scores: Floats = x @ self.weights + self.bias
        return scores


@pytest.fixture(scope="session")
def line() -> Callable[[object, int, str], Line]:
    """A function that reads (weights, bias) out of an answer."""

    def read(answer: object, width: int, what: str) -> Line:
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"{what}: expected (weights, bias), got {kind_of(answer)}.", reason="wrong-type")
        weights = expect_array(answer[0], shape=(width,), what=f"the weights of {what}")
        return Line(weights.astype(np.float64), expect_number(answer[1], what=f"the bias of {what}"))

    return read


@dataclass(frozen=True)
class Stump:
    """A stump that was handed back."""

    column: int
    threshold: float
    below: int
    above: int

    def predict(self, x: Floats) -> Ints:
        """Return the class of each row, (n,)."""
        return np.where(x[:, self.column] <= self.threshold, self.below, self.above)


@pytest.fixture(scope="session")
def stump() -> Callable[[object, int], Stump]:
    """A function that reads a stump for so many columns out of an answer."""

    def read(answer: object, width: int) -> Stump:
        what = "fit_stump(x, y)"
        if not isinstance(answer, (tuple, list)) or len(answer) != 4:
            wrong(f"{what}: expected (column, threshold, below, above), got {kind_of(answer)}.")
        column, threshold, below, above = (expect_number(part, what=f"a part of {what}") for part in answer)
        if column not in range(width):
            wrong(f"{what}: there is no column {column:g} among {width}.")
        if {below, above} - {0.0, 1.0}:
            wrong(f"{what}: the classes are 0 and 1, got {below:g} and {above:g}.")
        return Stump(int(column), threshold, int(below), int(above))

    return read


@pytest.fixture(scope="session")
def parts_of() -> Callable[[object, int], tuple[float, Floats, float]]:
    """A function that reads loss, slopes and the slope by the bias out of what logistic_loss gave."""

    def read(answer: object, width: int) -> tuple[float, Floats, float]:
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            wrong(
                f"logistic_loss: expected (loss, slopes, slope), got {kind_of(answer)}.", reason="wrong-type"
            )
        loss, slopes, bias_slope = answer
        return (
            expect_number(loss, what="the loss"),
            expect_array(slopes, shape=(width,), what="the slopes by the weights"),
            expect_number(bias_slope, what="the slope by the bias"),
        )

    return read


# ---- the best there is ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def require_least(learners: Any, line: Callable[[object, int, str], Line]) -> Callable[..., None]:
    """Compares the loss at what fit_logistic finds with the loss that scikit-learn reaches."""

    def compared(x: Floats, y: Ints, penalty: float) -> None:
        what = "fit_logistic(x, y, penalty)"
        found = line(learners.fit_logistic(x, y, penalty), x.shape[1], what)
        model = LogisticRegression(
            C=1 / (len(x) * penalty), solver="newton-cholesky", tol=1e-10, max_iter=200
        ).fit(x, y)
        best = Line(model.coef_[0], float(model.intercept_[0]))
        excess = _loss(found, x, y, penalty) - _loss(best, x, y, penalty)
        if excess > NEAR:
            wrong(f"{what}: the loss is {excess:.2g} nats above the least possible; {NEAR:g} are allowed.")

    return compared


def _loss(line: Line, x: Floats, y: Ints, penalty: float) -> float:
    scores = line.scores(x)
    return float((np.logaddexp(0, scores) - y * scores).mean() + penalty / 2 * (line.weights**2).sum())


@pytest.fixture(scope="session")
def fewest() -> Callable[[Floats, Ints, Floats], float]:
    """The least weight that any stump misclassifies, by trying every one."""

    def tried(x: Floats, y: Ints, weights: Floats) -> float:
        total, best = float(weights.sum()), float(min(weights[y == 0].sum(), weights[y == 1].sum()))
        for column in x.T:
            for value in column:
                missed = float(weights[(column > value) != (y == 1)].sum())
                best = min(best, missed, total - missed)
        return best

    return tried


# ---- a source of known truth ---------------------------------------------------------------


@dataclass(frozen=True)
class TwoClasses:
    """Two Gaussian classes, equally likely: one round, the other wide in one direction and thin in another.

    The columns are a random turn of four directions that nobody sees, each at a scale of its
    own; so no column says much alone, and how well one can do is the same in every run.
    """

    turn: Floats
    """(4, 4), orthogonal."""
    scale: Floats
    """(4,)."""
    offset: Floats
    """(4,)."""

    MEAN = np.array([0.0, 0.0, 1.2, 0.0])
    DEVIATION = np.array([2.5, 0.45, 1.0, 1.0])

    @classmethod
    def drawn(cls, rng: Rng) -> TwoClasses:
        """Draw a turn, and scales from 0.03 to 30."""
        turn, _ = np.linalg.qr(rng.normal(size=(4, 4)))
        return cls(turn, 10 ** rng.uniform(-1.5, 1.5, size=4), rng.normal(scale=3, size=4))

    def sample(self, count: int, rng: Rng) -> tuple[Floats, Ints]:
        """Return rows (count, 4) and their classes (count,)."""
        y = rng.integers(2, size=count)
        z = rng.normal(size=(count, 4))
        z = np.where(y[:, None] == 1, self.MEAN + self.DEVIATION * z, z)
        return (z @ self.turn.T + self.offset) * self.scale, y

    def posterior(self, x: Floats) -> Floats:
        """Return the probability of class 1 given each row, (n,): what nobody can better."""
        z = (x / self.scale - self.offset) @ self.turn
        wide = -(((z - self.MEAN) / self.DEVIATION) ** 2).sum(axis=1) / 2 - np.log(self.DEVIATION).sum()
        odds = wide + (z**2).sum(axis=1) / 2
        return 1 / (1 + np.exp(-odds.clip(-500, 500)))


@dataclass(frozen=True)
class Judged:
    """What `classify` said of rows that it had not seen."""

    source: TwoClasses
    x: Floats
    y: Ints
    train_x: Floats
    train_y: Ints
    probabilities: Floats
    """(n,) of class 1."""

    @property
    def pairs(self) -> Floats:
        """Return the probabilities of both classes, (n, 2)."""
        return np.stack([1 - self.probabilities, self.probabilities], axis=1)

    @property
    def classes(self) -> Ints:
        """Return the likelier class of each row, (n,)."""
        return (self.probabilities > 0.5).astype(np.int64)


@pytest.fixture(scope="session")
def ask_classify(learners: Any) -> Callable[[Floats, Ints, Floats], Floats]:
    """Asks `classify`, and validates what it gives."""

    def asked(train_x: Floats, train_y: Ints, x: Floats) -> Floats:
        what = "classify(train_x, train_y, x)"
        answer = expect_array(learners.classify(train_x, train_y, x), shape=(len(x),), what=what)
        if answer.min() < 0 or answer.max() > 1:
            wrong(f"{what}: probabilities are from 0 to 1.")
        return answer.astype(np.float64)

    return asked


@pytest.fixture(scope="session")
def judged(ask_classify: Callable[[Floats, Ints, Floats], Floats], run_rng: Rng) -> Judged:
    """This run's rows, and what the submission says of those that it was not trained on."""
    source = TwoClasses.drawn(run_rng)
    train_x, train_y = source.sample(TRAINING_ROWS, run_rng)
    x, y = source.sample(HELD_OUT_ROWS, run_rng)
    return Judged(source, x, y, train_x, train_y, ask_classify(train_x, train_y, x))
