"""What both graders share: the classes that were handed in, as operands, and torch for the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest
import torch

from harness.grading import LearnerFailure, Rng, assert_close, expect_number, kind_of, wrong
from harness.operators import Operand, expect_operand
from harness.policy import foreign_code

ENTRY: Final = "autodiff.py"
EXACT: Final = {"rtol": 1e-9, "atol": 1e-10}
"""What float64 reaches with ease and finite differences do not."""
NAMES: Final = "abcdef"


def handed_in(submission: Any, source: dict[str, str], name: str) -> Any:
    """Return a name of the submission's, once its files use nothing but NumPy."""
    made = submission[name]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, {"numpy"})
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    if not callable(made):
        wrong(f"{name} is {kind_of(made)}, not a class or a function.", reason="wrong-type")
    return made


@pytest.fixture(scope="session")
def value(submission, source) -> Callable[[float], Operand]:
    """Makes a `Value` of the submission's."""
    return lambda data: expect_operand(handed_in(submission, source, "Value")(data), what="Value(…)")


@pytest.fixture(scope="session")
def tensor(submission, source) -> Callable[[Any], Operand]:
    """Makes a `Tensor` of the submission's."""
    return lambda data: expect_operand(handed_in(submission, source, "Tensor")(data), what="Tensor(…)")


@pytest.fixture(scope="session")
def numerical_gradient(submission, source) -> Any:
    """The function `numerical_gradient`."""
    return handed_in(submission, source, "numerical_gradient")


# ---- the same program, there and in torch ---------------------------------------------------


@pytest.fixture(scope="session")
def run_program() -> Callable[..., Operand]:
    """Runs a program, which works on torch's tensors, on operands; every step has to give an operand."""

    def run(program: Callable[..., Any], given: Any, what: str) -> Operand:
        try:
            return expect_operand(program(*given), what=what)
        except LearnerFailure:
            raise
        except (TypeError, AttributeError):
            wrong(f"{what}: a step on the way gives no object with these operators.", reason="wrong-type")

    return run


def leaves_of(inputs: Any) -> list[torch.Tensor]:
    """Return torch's leaves in float64."""
    return [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in inputs]


@pytest.fixture
def same_values(
    value: Callable[[float], Operand], run_program: Callable[..., Operand]
) -> Callable[..., None]:
    """Compares what a program of Values computes, and every derivative, with torch's.

    A program takes operands or torch's tensors: both know the same operators and methods.
    """

    def compare(program: Callable[..., Any], inputs: Any, what: str) -> None:
        leaves = leaves_of(inputs)
        truth = program(*leaves)
        truth.backward()
        given = [value(float(each)) for each in inputs]
        result = run_program(program, given, what)
        told = f"({what}).data"
        assert_close(expect_number(result.data, what=told), truth.item(), **EXACT, what=told)
        result.backward()
        for name, mine, leaf in zip(NAMES, given, leaves, strict=False):
            told = f"{name}.grad after ({what}).backward()"
            slope = 0.0 if leaf.grad is None else leaf.grad.item()
            assert_close(expect_number(mine.grad, what=told), slope, **EXACT, what=told)

    return compare


@pytest.fixture
def same_tensors(
    tensor: Callable[[Any], Operand], run_program: Callable[..., Operand], rng: Rng
) -> Callable[..., None]:
    """Compares what a program of Tensors computes, and gradients of a weighted sum of it, with torch's."""

    def compare(program: Callable[..., Any], inputs: Any, what: str) -> None:
        leaves = leaves_of(inputs)
        truth = program(*leaves)
        given = [tensor(np.array(each)) for each in inputs]
        result = run_program(program, given, what)
        assert_close(result.data, truth.detach().numpy(), **EXACT, what=f"({what}).data")
        weights = np.asarray(rng.normal(size=tuple(truth.shape)))
        truth.backward(torch.from_numpy(weights))
        result.backward(weights)
        for name, mine, leaf in zip(NAMES, given, leaves, strict=False):
            assert leaf.grad is not None
            told = f"{name}.grad after ({what}).backward(gradient)"
            assert_close(mine.grad, leaf.grad.numpy(), **EXACT, what=told)

    return compare
