"""What both graders share: the file that was handed in, a network of the grader's, and digits in disorder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_digits

from harness.grading import Rng, expect_array, kind_of, wrong
from harness.policy import foreign_code
from harness.proxy import Remote

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENTRY: Final = "mlp.py"
SIDE: Final = 10
"""Digits of 8 x 8 pixels lie somewhere on a page of 10 x 10."""
PLACES: Final = tuple((down, right) for down in range(3) for right in range(3))
TRAINING: Final = 1200
COPIES: Final = 3
"""Pages on which each digit to train with appears."""
TINY: Final = 1e-30
"""A complex step: so small that only rounding in the last digit is left of its error."""


@pytest.fixture(scope="session")
def mlp(submission, source) -> Any:
    """The submission, once its files use nothing but NumPy."""
    submission["MLP"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, {"numpy"})
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


# ---- a network of the grader's --------------------------------------------------------------

ACTIVATIONS: Final = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.where(x.real > 0, x, 0),
    "tanh": np.tanh,
}
"""For numbers of moderate size, real or complex."""


@dataclass(frozen=True)
class Network:
    """Parameters that the grader drew, and what follows from them; real, or complex for derivatives."""

    weights: list[Any]
    biases: list[Any]
    activation: str

    def forward(self, x: Any) -> Any:
        """Return scores (n, k) of (n, inputs)."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = ACTIVATIONS[self.activation](x @ weight + bias)
        return x @ self.weights[-1] + self.biases[-1]

    def loss(self, x: Any, labels: Ints) -> Any:
        """Return the cross-entropy in nats."""
        return mean_surprise(self.forward(x), labels)

    def slopes(self, x: Floats, labels: Ints) -> tuple[list[Floats], list[Floats]]:
        """Return the derivatives of the loss by each weight and bias, by a complex step each."""
        told: list[list[Floats]] = []
        for group in (self.weights, self.biases):
            told.append([])
            for number, values in enumerate(group):
                moved = self._complex(group is self.biases, number)
                told[-1].append(complex_slopes(lambda net: net.loss(x, labels), moved, values.shape))
        return told[0], told[1]

    def _complex(self, is_bias: bool, number: int) -> Any:
        def moved(step: Any) -> Network:
            weights, biases = list(self.weights), list(self.biases)
            group = biases if is_bias else weights
            group[number] = group[number] + step
            return Network(weights, biases, self.activation)

        return moved


def mean_surprise(scores: Any, labels: Ints) -> Any:
    """Return the mean of -ln softmax(scores)[label] in nats, for real or complex scores."""
    largest = scores.real.max(axis=1, keepdims=True)
    totals = np.log(np.exp(scores - largest).sum(axis=1)) + largest[:, 0]
    return (totals - scores[np.arange(len(labels)), labels]).mean()


def complex_slopes(function: Any, moved: Any, shape: tuple[int, ...]) -> Floats:
    """Return the derivative of a real function by each entry of what `moved` adds a step to."""
    slopes = np.zeros(shape)
    for place in np.ndindex(shape):
        step = np.zeros(shape, dtype=complex)
        step[place] = 1j * TINY
        slopes[place] = function(moved(step)).imag / TINY
    return slopes


@pytest.fixture(scope="session")
def slopes() -> Any:
    """Derivatives of a real function by each entry of an array, by complex steps."""
    return lambda function, x: complex_slopes(function, lambda step: x + step, x.shape)


@pytest.fixture(scope="session")
def surprise() -> Any:
    """The mean of -ln softmax(scores)[label]."""
    return mean_surprise


@pytest.fixture
def network(rng: Rng) -> Any:
    """Draws a network of given sizes."""

    def drawn(sizes: list[int], activation: str) -> Network:
        pairs = list(pairwise(sizes))
        weights = [rng.normal(size=pair) / pair[0] ** 0.5 for pair in pairs]
        return Network(weights, [rng.normal(size=size) / 2 for _, size in pairs], activation)

    return drawn


@pytest.fixture(scope="session")
def build(mlp) -> Any:
    """Makes an `MLP` of the submission's with the parameters of a network."""

    def built(network: Network) -> Remote:
        return expect_model(mlp.MLP(network.weights, network.biases, network.activation), "MLP(…)")

    return built


@pytest.fixture(scope="session")
def parameters() -> Any:
    """Reads a network out of an `MLP` of the submission's, and checks its sizes."""
    return read_network


def expect_model(value: object, what: str) -> Remote:
    """Require an object that stayed inside."""
    if not isinstance(value, Remote):
        wrong(f"{what}: expected an MLP, got {kind_of(value)}.", reason="wrong-type")
    return value


def read_network(value: object, sizes: list[int | None], what: str) -> Network:
    """Return the parameters of a model inside; a size of None may be any."""
    model = expect_model(value, what)
    weights, biases, activation = model.weights, model.biases, model.activation
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        wrong(f"{what}.activation: expected one of {', '.join(ACTIVATIONS)}.", reason="wrong-type")
    for name, group in (("weights", weights), ("biases", biases)):
        if not isinstance(group, (list, tuple)) or len(group) != len(sizes) - 1:
            wrong(f"{what}.{name}: expected a list of {len(sizes) - 1} arrays.", reason="wrong-type")
    for number, (rows, columns) in enumerate(pairwise(sizes)):
        expect_array(weights[number], shape=(rows, columns), what=f"{what}.weights[{number}]")
        expect_array(biases[number], shape=(columns,), what=f"{what}.biases[{number}]")
    return Network([np.asarray(w) for w in weights], [np.asarray(b) for b in biases], activation)


# ---- digits ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pages:
    """Digits on pages, as (n, 100) in [0, 1], split anew in every run."""

    images: Floats
    labels: Ints
    unseen: Floats
    """(digits, places, 100): each unseen digit at every place."""
    unseen_labels: Ints


@pytest.fixture(scope="session")
def pages(run_rng: Rng) -> Pages:
    """This run's digits."""
    digits = load_digits()
    images, labels = digits.images / 16.0, digits.target
    order = run_rng.permutation(len(images))
    chosen, unseen = np.tile(order[:TRAINING], COPIES), order[TRAINING:]
    where = run_rng.integers(len(PLACES), size=len(chosen))
    trained = np.stack([_page(images[i], PLACES[place]) for i, place in zip(chosen, where, strict=True)])
    every = np.stack([[_page(images[i], place) for place in PLACES] for i in unseen])
    return Pages(trained, labels[chosen], every, labels[unseen])


def _page(digit: Floats, place: tuple[int, int]) -> Floats:
    page = np.zeros((SIDE, SIDE))
    page[place[0] : place[0] + 8, place[1] : place[1] + 8] = digit
    return page.ravel()


@pytest.fixture(scope="session")
def fitted(mlp, pages: Pages, run_rng: Rng) -> Remote:
    """The network that the submission fitted to this run's digits."""
    answer = mlp.within(seconds=90).fit(pages.images, pages.labels, run_rng.seed())
    return expect_model(answer, "fit(…)")
