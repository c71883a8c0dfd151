"""What both graders share: data that the grader keeps, how it sees a training, texts with personal data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, ndtr
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_number, kind_of, wrong
from harness.metrics.privacy import epsilon, renyi_divergence
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ENTRY: Final = "privacy.py"
TARGET: Final = 1.0
DELTA: Final = 1e-5
PEOPLE: Final = 500
FEATURES: Final = 30
WIDTH: Final = 80
CANARIES: Final = WIDTH - FEATURES - 1
APART: Final = 2.6
TASKS: Final = 4
MOST_STEPS: Final = 400
"""The README says so."""
LARGEST: Final = 1e6
"""No weight may be larger."""
LOGGED: Final = ("noise", "rate", "steps", "clip", "learning_rate", "weights")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Any:
    """Keep the grader's arithmetic on one thread."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def handed_in(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy and the standard library."""
    submission["train"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, ["numpy", "statistics"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- the accountant --------------------------------------------------------------------------


def whole_orders(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return epsilon from the orders 2 to 64 alone."""
    bounds = []
    for order in range(2, 65):
        rest = math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        bounds.append(steps * renyi_divergence(noise, rate, float(order)) + rest)
    return max(0.0, min(bounds))


def accounted(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return epsilon from fractional orders, too: the tightest bound that counts."""
    return min(epsilon(noise, rate, steps, delta), whole_orders(noise, rate, steps, delta))


# ---- data that the grader keeps --------------------------------------------------------------


@dataclass
class Keeper:
    """Two normal classes in a turned space, and canaries, whose gradients have directions to themselves.

    It answers with gradients, and remembers what it was asked.
    """

    turn: Floats
    """(WIDTH, WIDTH), orthogonal: the first columns carry the features and the bias, the others canaries."""
    scale: Floats
    """(FEATURES,)"""
    centre: Floats
    """(FEATURES,), by which the classes' means differ before scaling."""
    x: Floats
    """(PEOPLE, WIDTH)"""
    y: Integers
    inside: npt.NDArray[np.bool_]
    """(CANARIES,), which canaries are in the data."""
    asked: list[tuple[Floats, Integers]] = field(default_factory=list)

    @property
    def n(self) -> int:
        """Examples, canaries included."""
        return PEOPLE + int(self.inside.sum())

    def gradients_of(self, weights: Floats, batch: Integers) -> Floats:
        """Return the gradient of each example's loss."""
        found = np.zeros((len(batch), WIDTH))
        people = batch < PEOPLE
        x, y = self.x[batch[people]], self.y[batch[people]]
        found[people] = (expit(x @ weights) - y)[:, None] * x
        columns = FEATURES + 1 + np.flatnonzero(self.inside)
        found[~people] = 20 * self.turn[:, columns[batch[~people] - PEOPLE]].T
        return found

    def gradients(self, weights: Any, indices: Any) -> Floats:
        """Answer the submission."""
        if len(self.asked) >= MOST_STEPS:
            wrong(f"gradients was asked more than {MOST_STEPS} times.")
        w = expect_array(weights, shape=(WIDTH,), what="the weights given to gradients").astype(np.float64)
        if not np.abs(w).max() <= LARGEST:
            wrong(f"A weight is larger than {LARGEST:,.0f}.")
        batch = expect_array(indices, shape=(None,), what="the indices given to gradients")
        whole = batch.astype(np.int64)
        if len(batch) and (
            (whole != batch).any()
            or whole.min() < 0
            or whole.max() >= self.n
            or len(np.unique(whole)) < len(whole)
        ):
            wrong("The indices given to gradients have to be different integers from 0 to n - 1.")
        self.asked.append((w, whole))
        return self.gradients_of(w, whole)

    def accuracy(self, weights: Floats) -> float:
        """Return the exact accuracy of a linear model on people whom nobody has seen."""
        turned = self.turn[:, : FEATURES + 1].T @ weights
        line, bias = turned[:-1] * self.scale, turned[-1]
        length = float(np.linalg.norm(line))
        if length == 0:
            return 0.5
        ahead = float(line @ self.centre) / 2
        return float(ndtr((ahead + bias) / length) + ndtr((ahead - bias) / length)) / 2


def keeper(rng: Rng) -> Keeper:
    """Draw a task."""
    turn = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0]
    centre = rng.normal(size=FEATURES)
    centre *= APART / np.linalg.norm(centre)
    scale = np.exp(rng.permutation(np.linspace(-0.7, 0.7, FEATURES)))
    y = rng.integers(2, size=PEOPLE)
    features = (rng.normal(size=(PEOPLE, FEATURES)) + (y[:, None] - 0.5) * centre) * scale
    x = np.column_stack([features, np.ones(PEOPLE)]) @ turn[:, : FEATURES + 1].T
    return Keeper(turn, scale, centre, x, y, rng.random(CANARIES) < 0.5)


# ---- a training as the grader saw it ---------------------------------------------------------


@dataclass(frozen=True)
class Training:
    """The log of a training, and what the keeper of the data remembers of it."""

    data: Keeper
    noise: float
    rate: float
    steps: int
    clip: float
    learning_rate: float
    weights: Floats
    """(steps + 1, WIDTH)"""

    @property
    def epsilon(self) -> float:
        """What the log amounts to, by the grader's accountant."""
        return accounted(self.noise, self.rate, self.steps, DELTA)

    @property
    def model(self) -> Floats:
        """(WIDTH,), the mean of the weights of the second half."""
        return np.asarray(self.weights[self.steps // 2 :].mean(axis=0))

    def sums(self) -> Floats:
        """Return the sum of clipped gradients of each step, (steps, WIDTH)."""
        rows = []
        for weights, batch in self.data.asked:
            gradients = self.data.gradients_of(weights, batch)
            lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
            rows.append((gradients / np.maximum(lengths / self.clip, 1)).sum(axis=0))
        return np.array(rows)

    def drawn(self) -> Floats:
        """Return the noise of each step, (steps, WIDTH): standard normal, if the log is true."""
        moved = (self.weights[:-1] - self.weights[1:]) * self.rate * self.data.n / self.learning_rate
        return np.asarray((moved - self.sums()) / (self.noise * self.clip))


def trained(module: Any, rng: Rng) -> Training:
    """Have the submission train on a task, and read its log."""
    data = keeper(rng)
    log = module.train(data.gradients, data.n, WIDTH, TARGET, DELTA, rng.seed())
    if not isinstance(log, dict) or set(log) != set(LOGGED):
        wrong(f"train: expected a dict of {', '.join(LOGGED)}, got {kind_of(log)}.", reason="wrong-type")
    numbers = {name: expect_number(log[name], what=f"{name} of train") for name in LOGGED[:-1]}
    if not 1e-4 <= numbers["rate"] <= 1 or not all(
        1e-4 <= numbers[name] <= 1e4 for name in ("noise", "clip", "learning_rate")
    ):
        wrong("train: rate is from 0.0001 to 1; noise, clip and learning_rate are from 0.0001 to 10,000.")
    steps = len(data.asked)
    if numbers.pop("steps") != steps or not steps:
        wrong(f"train: gradients was asked {steps} times, which are not the logged steps.")
    weights = expect_array(log["weights"], shape=(steps + 1, WIDTH), what="weights of train").astype(
        np.float64
    )
    if not np.abs(weights).max() <= LARGEST:
        wrong(f"train: a weight is larger than {LARGEST:,.0f}.")
    seen = np.array([one for one, _ in data.asked])
    if np.abs(weights[0]).max() > 0 or np.abs(weights[:-1] - seen).max() > 1e-9 * (1 + np.abs(seen).max()):
        wrong("train: the logged weights begin with zeros, and are those that gradients was asked about.")
    return Training(data=data, steps=steps, weights=weights, **numbers)


@pytest.fixture(scope="session")
def trainings(handed_in: Any, run_rng: Rng) -> list[Training]:
    """Trainings on several tasks."""
    return [trained(handed_in, run_rng) for _ in range(TASKS)]


@pytest.fixture(scope="session")
def accountant() -> SimpleNamespace:
    """The grader's accountants, and the promise."""
    return SimpleNamespace(epsilon=accounted, whole_orders=whole_orders, target=TARGET, delta=DELTA)


# ---- texts with personal data ----------------------------------------------------------------


@dataclass(frozen=True)
class Texts:
    """Makes personal data of each kind, and what only looks like it."""

    rng: Rng

    def digits(self, count: int) -> str:
        """Return some digits, the first of them not 0."""
        return "".join(map(str, [self.rng.integers(1, 10), *self.rng.integers(10, size=count - 1)]))

    def word(self) -> str:
        """Return a few letters."""
        return "".join(self.rng.choice(list("abcdefghijkmnoprstuvw"), size=int(self.rng.integers(3, 8))))

    def email(self) -> str:
        """Return an address."""
        local = self.rng.choice(["{}.{}", "{}_{}", "{}+{}", "{}-{}7", "{}%{}"]).format(
            self.word(), self.word()
        )
        host = self.rng.choice(["{}.org", "mail.{}.co.uk", "{}-labs.info", "{}.museum"]).format(self.word())
        return str(local + "@" + (host.upper() if self.rng.random() < 0.2 else host))

    def phone(self) -> str:
        """Return a number in its international form."""
        parts = [self.digits(size) for size in (2, 2, 3, 4)]
        form = self.rng.choice(
            ["+{} {} {} {}", "+{}-{}-{}-{}", "+{} ({}) {}-{}", "+{}{}{}{}", "+{}.{}.{}.{}"]
        )
        return str(form.format(*parts))

    def card(self, *, valid: bool = True) -> str:
        """Return a card's number, its last digit by Luhn or wrong."""
        body = [int(each) for each in self.digits(int(self.rng.choice([14, 15, 15, 15, 18])))]
        total = sum(
            sum(divmod(2 * each, 10)) if place % 2 == 0 else each for place, each in enumerate(body[::-1])
        )
        last = (-total + (0 if valid else int(self.rng.integers(1, 10)))) % 10
        text = "".join(map(str, [*body, last]))
        mark = self.rng.choice(["", " ", "-"]) if len(text) == 16 else ""
        return mark.join(text[place : place + 4] for place in range(0, len(text), 4)) if mark else text

    def address(self) -> str:
        """Return an IPv4 address."""
        return ".".join(map(str, self.rng.integers(256, size=4)))

    def lookalike(self) -> str:
        """Return what has digits or signs of personal data, and is none."""
        small = self.rng.integers(1, 13, size=3)
        return str(
            self.rng.choice(
                [
                    self.card(valid=False),
                    f"order {self.digits(10)}",
                    f"20{small[0]:02}-{small[1]:02}-{small[2]:02}",
                    f"version {small[0]}.{small[1]}.{small[2]}",
                    f"{self.digits(3)}.{self.digits(3)} + {self.digits(2)}",
                    f"build 3.{small[0]}.{small[1]}.{small[2]}.7",
                    f"300.{small[0]}.{small[1]}.{small[2]}",
                    f"@{self.word()}",
                    f"{self.word()}@home",
                    f"+{self.digits(4)} points",
                    f"{small[0]:02}:{small[1]:02}",
                ]
            )
        )


KINDS: Final[Mapping[str, Callable[[Texts], str]]] = {
    "[EMAIL]": Texts.email,
    "[PHONE]": Texts.phone,
    "[CARD]": Texts.card,
    "[IP]": Texts.address,
}


BEFORE: Final = ("Write to ", "It says: ", "(see ", "Ask about\n", '"')
AFTER: Final = (". ", ", and ", "; ", "\n", "? ")
CLOSING: Final = {"(": ")", '"': '"'}


def letter(rng: Rng, place: int, kinds: Sequence[str], *, lookalikes: bool) -> tuple[str, str]:
    """Return a text with one of each kind, and the same redacted; 25 places have every surrounding once."""
    texts = Texts(rng)
    text, redacted = "", ""
    before = BEFORE[place // len(AFTER) % len(BEFORE)]
    after = CLOSING.get(before[0], "") + AFTER[place % len(AFTER)]
    for kind in rng.permutation(list(kinds)):
        item = KINDS[kind](texts)
        filler = f"Keep {texts.lookalike()}, please. " if lookalikes else "Thank you for all that. "
        text += f"{before}{item}{after}{filler}"
        redacted += f"{before}{kind}{after}{filler}"
    return text, redacted


@pytest.fixture
def letters(rng: Rng) -> Callable[..., list[tuple[str, str]]]:
    """Makes texts and what they are once redacted."""
    return lambda count, kinds=tuple(KINDS), lookalikes=False: [
        letter(rng, place, kinds, lookalikes=lookalikes) for place in range(count)
    ]
