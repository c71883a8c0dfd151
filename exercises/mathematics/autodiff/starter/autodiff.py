"""Reverse-mode differentiation by hand: of scalars, then of tensors with the same few ideas.

Every operation remembers what it was made from and how a gradient travels back to it. The
gradient of the last value is passed back through that graph, each value once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Number = int | float


class Arithmetic:
    """The operators that follow from `+`, `*` and `**`, for values and tensors alike."""

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * other**-1.0

    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return -self + other

    def __rmul__(self, other):
        return self * other

    def __rtruediv__(self, other):
        return self**-1.0 * other


class Value(Arithmetic):
    """A number that remembers how it was computed.

    Attributes:
        data: The number.
        grad: The derivatives that `backward` has added up so far; 0.0 at first.
    """

    def __init__(self, data: Number) -> None:
        self.data = float(data)
        self.grad = 0.0
        raise NotImplementedError("remember what it was made from, and each slope: nothing at first")

    def __add__(self, other: Value | Number) -> Value:
        raise NotImplementedError("the slope of a sum is 1 for both")

    def __mul__(self, other: Value | Number) -> Value:
        raise NotImplementedError("the slope of a product is the other factor")

    def __pow__(self, exponent: Number) -> Value:
        raise NotImplementedError("n x^(n - 1), and 0 for n = 0")

    def exp(self) -> Value:
        """Return e to the power of this value."""
        raise NotImplementedError("its slope is itself")

    def log(self) -> Value:
        """Return the natural logarithm of this value, which is above 0."""
        raise NotImplementedError("its slope is 1 / x")

    def tanh(self) -> Value:
        """Return the hyperbolic tangent, in (-1, 1)."""
        raise NotImplementedError("its slope is 1 - tanh²")

    def relu(self) -> Value:
        """Return this value where it is positive, else 0; the slope at 0 is 0."""
        raise NotImplementedError("its slope is 1 where x > 0, else 0")

    def backward(self) -> None:
        """Add to `grad`, of every value that this one was computed from, the derivative of this one by it."""
        raise NotImplementedError("go through the graph from the end, hand each gradient on, and add it to `grad`")

    # add methods of your own here


class Tensor(Arithmetic):
    """An array of float64 that remembers how it was computed.

    Attributes:
        data: The array.
        grad: An array of the same shape, what `backward` has added up so far; zeros at first.
    """

    def __init__(self, data: object) -> None:
        self.data = np.array(data, dtype=np.float64)
        self.grad = np.zeros_like(self.data)
        raise NotImplementedError("remember what it was made from, and how a gradient goes back: nothing at first")

    def __add__(self, other: Tensor | Number | np.ndarray) -> Tensor:
        raise NotImplementedError("as for values; what was broadcast is summed on the way back")

    def __mul__(self, other: Tensor | Number | np.ndarray) -> Tensor:
        raise NotImplementedError("as for values; what was broadcast is summed on the way back")

    def __pow__(self, exponent: Number) -> Tensor:
        raise NotImplementedError("n x^(n - 1), and 0 for n = 0")

    def __matmul__(self, other: Tensor) -> Tensor:
        """(n, k) @ (k, m) to (n, m)."""
        raise NotImplementedError("the gradients are products with the other matrix, transposed")

    def exp(self) -> Tensor:
        """Return e to the power of each entry."""
        raise NotImplementedError("its slope is itself")

    def log(self) -> Tensor:
        """Return the natural logarithm of each entry; all are above 0."""
        raise NotImplementedError("its slope is 1 / x")

    def tanh(self) -> Tensor:
        """Return the hyperbolic tangent of each entry."""
        raise NotImplementedError("its slope is 1 - tanh²")

    def relu(self) -> Tensor:
        """Return the positive entries, and 0 for the others; the slope at 0 is 0."""
        raise NotImplementedError("its slope is 1 where x > 0, else 0")

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return the sum over an axis, or over all of them."""
        raise NotImplementedError("every entry that was summed gets the gradient of its sum")

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return the mean over an axis, or over all of them."""
        raise NotImplementedError("a sum, divided by how many were summed")

    def reshape(self, *shape: int) -> Tensor:
        """Return the same entries in another shape, such as `x.reshape(2, -1)`."""
        raise NotImplementedError("the gradient goes back to the old shape")

    @property
    def T(self) -> Tensor:
        """The transposed matrix, (n, m) to (m, n)."""
        raise NotImplementedError("the gradient is transposed back")

    def __getitem__(self, key: object) -> Tensor:
        """Return the entries that NumPy would; an index may name one entry several times."""
        raise NotImplementedError("add each entry's gradient where it came from; one picked twice gets both")

    def backward(self, gradient: np.ndarray | None = None) -> None:
        """Add to `grad`, of every tensor that this one was computed from, the gradient of sum(self * gradient).

        Args:
            gradient: Of this tensor's shape; None, for a tensor of one entry, stands for 1.
        """
        raise NotImplementedError("as for values, with arrays; begin with the gradient that is given")

    # add methods of your own here


def in_order(last: Value | Tensor) -> list:
    """Return all that a value was computed from, and itself as the last: each after what it was made from."""
    raise NotImplementedError("a depth-first walk with a stack of your own: graphs are deeper than Python's")


def summed_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a gradient summed over the axes along which an array of some shape was broadcast."""
    raise NotImplementedError("sum over the axes that were added in front, then over those that had length 1")


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the gradient of f at x by central differences: (f(x + step) - f(x - step)) / (2 step) per entry.

    Args:
        f: Takes an array of the shape of x and returns a number.
        x: Any shape, float64; it is not changed.
        step: How far to go to each side.

    Returns:
        An array of the shape of x.
    """
    raise NotImplementedError("move one entry at a time")
