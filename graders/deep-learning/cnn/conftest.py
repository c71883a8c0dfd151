"""What both graders share: the functions that were handed in, inputs, and digits on a canvas."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.policy import foreign_code, ready_made
from harness.proxy import Remote

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENTRY: Final = "cnn.py"
READY_MADE: Final = ("torch.*conv*", "torch.*pool*", "torch.ops", "torch._*", ".conv2d", ".max_pool2d")
"""What may not be called, because building it is the exercise."""
FILES: Final = (
    *(
        "numpy.load*",
        "numpy.genfromtxt",
        "numpy.from*file",
        "numpy.fromregex",
        "numpy.memmap",
        "numpy.*DataSource",
    ),
    *("numpy.lib.npyio", "numpy.lib.format", "torch.hub", "torch.load", "torch.*.load", "torch.*from_file"),
)
"""What reads files: the digits come from the grader, and some are held out."""
SIDE: Final = 12
DIGIT: Final = 8
HELD_OUT: Final = 500
NOISE: Final = 0.05
TRAIN_SECONDS: Final = 120.0
"""A kill switch: the reference takes about 2 seconds on an idle core."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def network(submission: Any, source: Mapping[str, str]) -> Any:
    """The submission, once nothing ready-made, no other library and no file was found in it."""
    places = [
        *foreign_code(source, ENTRY, ["torch", "numpy"]),
        *ready_made(source, ENTRY, READY_MADE + FILES),
        *_opened(source),
    ]
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


def _opened(source: Mapping[str, str]) -> Iterator[str]:
    for path, text in source.items():
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # an imported one has been found by the policies
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == "open":
                yield f"{path}, line {node.lineno}: open(…) reads a file: the grader hands you all there is"


class Model:
    """A network that stays inside; its answers are validated."""

    def __init__(self, answer: object, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a CNN, got {kind_of(answer)}.", reason="wrong-type")
        self.remote = answer
        self.remote.eval()  # dropout and batch normalisation, if there are any, are for training

    def scores(self, images: Floats) -> Floats:
        """Return (n, 10) for pictures (n, 12, 12)."""
        answer = self.remote(torch.from_numpy(images).float())
        what = "the scores of a CNN"
        return expect_array(answer, shape=(len(images), 10), what=what).astype(np.float64)

    def digits(self, images: Floats) -> Ints:
        """Return the likeliest digit of each picture, (n,)."""
        return self.scores(images).argmax(axis=1)

    def size(self) -> int:
        """Return how many numbers the network holds."""
        state = self.remote.state_dict()
        values = list(state.values()) if isinstance(state, dict) else []
        if not values or not all(isinstance(value, Tensor) for value in values):
            wrong("state_dict() of a CNN: expected tensors by name. Is it an nn.Module?", reason="wrong-type")
        return sum(value.numel() for value in values)


@pytest.fixture(scope="session")
def untrained(network: Any) -> Model:
    """A CNN as it is built."""
    return Model(network.CNN(), "CNN()")


@pytest.fixture(scope="session")
def fit(network: Any) -> Callable[[Floats, Ints, int], Model]:
    """Calls the submission's `train`."""

    def fitted(images: Floats, labels: Ints, seed: int) -> Model:
        given = torch.from_numpy(images).float(), torch.from_numpy(labels)
        return Model(network.within(seconds=TRAIN_SECONDS).train(*given, seed), "train(…)")

    return fitted


@pytest.fixture(scope="session")
def gradients(submission: Any) -> Callable[..., list[Floats]]:
    """Asks for the gradients of sum(function(*inputs) * cotangent) by each input, in float64."""

    def asked(function: Any, *inputs: Tensor, more: tuple[int, ...], cotangent: Tensor) -> list[Floats]:
        got = submission.vjp(function, *inputs, *more, cotangent=cotangent).inputs[: len(inputs)]
        if any(gradient is None for gradient in got):
            wrong("No gradient reaches an input: what cuts the graph?", reason="no-gradient")
        return [
            expect_array(gradient, shape=tensor.shape, what="a gradient")
            for gradient, tensor in zip(got, inputs, strict=False)
        ]

    return asked


# ---- inputs --------------------------------------------------------------------------------


@pytest.fixture
def draw(rng: Rng) -> Callable[..., Tensor]:
    """A function that draws a float64 tensor of standard normal numbers of a given shape."""
    return lambda *shape: torch.from_numpy(rng.normal(size=shape))


@pytest.fixture
def apart(rng: Rng) -> Callable[..., Tensor]:
    """A function that draws a float64 tensor, mostly below 0, of which no two values are close."""

    def drawn(*shape: int) -> Tensor:
        values = rng.permutation(int(np.prod(shape))) * 0.1
        return torch.from_numpy((values - 0.9 * values.max()).reshape(shape))

    return drawn


@pytest.fixture(scope="session")
def expect_float() -> Callable[[object, str, str], Tensor]:
    """Requires a tensor of a dtype."""
    return lambda value, dtype, what: expect_tensor(value, dtype=dtype, what=what)


# ---- digits on a canvas --------------------------------------------------------------------


@dataclass(frozen=True)
class Digits:
    """This run's digits: those to train on, and those that are held out."""

    train: Floats
    """(n, 12, 12): each digit somewhere on its canvas."""
    train_labels: Ints
    heldout: Floats
    """(500, 12, 12)."""
    heldout_labels: Ints
    bare: Floats
    """(500, 8, 8): the digits held out, without a canvas."""


def placed(digits: Floats, down: Ints, right: Ints, rng: Rng) -> Floats:
    """Return digits (n, 8, 8) on noisy canvases (n, 12, 12), so many pixels down and to the right."""
    canvas = NOISE * rng.normal(size=(len(digits), SIDE, SIDE))
    for each, digit, top, left in zip(canvas, digits, down, right, strict=True):
        each[top : top + DIGIT, left : left + DIGIT] += digit
    return canvas.clip(0, 1)


@pytest.fixture(scope="session")
def place() -> Callable[[Floats, Ints, Ints, Rng], Floats]:
    """The function that puts digits on canvases."""
    return placed


@pytest.fixture(scope="session")
def digits(run_rng: Rng) -> Digits:
    """Scikit-learn's 1,797 digits, split anew for every run, each put at a random place."""
    bunch = load_digits()
    order = run_rng.permutation(len(bunch.images))
    images, labels = bunch.images[order] / 16, bunch.target[order].astype(np.int64)
    down, right = run_rng.integers(SIDE - DIGIT + 1, size=(2, len(images)))
    canvases = placed(images, down, right, run_rng)
    return Digits(
        canvases[HELD_OUT:], labels[HELD_OUT:], canvases[:HELD_OUT], labels[:HELD_OUT], images[:HELD_OUT]
    )


@pytest.fixture(scope="session")
def trained(fit: Callable[[Floats, Ints, int], Model], digits: Digits, run_rng: Rng) -> Model:
    """The network that several checks ask, trained once."""
    return fit(digits.train, digits.train_labels, run_rng.seed())
