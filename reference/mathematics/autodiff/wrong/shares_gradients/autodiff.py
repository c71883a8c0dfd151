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
        self._inputs: tuple[tuple[Value, float], ...] = ()

    def __add__(self, other: Value | Number) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return self._made(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Value | Number) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return self._made(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent: Number) -> Value:
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return self._made(self.data**exponent, (self, slope))

    def exp(self) -> Value:
        """Return e to the power of this value."""
        e = math.exp(self.data)
        return self._made(e, (self, e))

    def log(self) -> Value:
        """Return the natural logarithm of this value, which is above 0."""
        return self._made(math.log(self.data), (self, 1 / self.data))

    def tanh(self) -> Value:
        """Return the hyperbolic tangent, in (-1, 1)."""
        t = math.tanh(self.data)
        return self._made(t, (self, 1 - t * t))

    def relu(self) -> Value:
        """Return this value where it is positive, else 0; the slope at 0 is 0."""
        return self._made(max(self.data, 0.0), (self, float(self.data > 0)))

    def backward(self) -> None:
        """Add to `grad`, of every value that this one was computed from, the derivative of this one by it."""
        gradients = {self: 1.0}  # of this pass alone: what `grad` holds from earlier ones must not travel
        for value in reversed(in_order(self)):
            value.grad += gradients[value]
            for source, slope in value._inputs:
                gradients[source] = gradients.get(source, 0.0) + gradients[value] * slope

    def _made(self, data: float, *inputs: tuple[Value, float]) -> Value:
        made = Value(data)
        made._inputs = inputs
        return made



class Tensor(Arithmetic):
    """An array of float64 that remembers how it was computed.

    Attributes:
        data: The array.
        grad: An array of the same shape, what `backward` has added up so far; zeros at first.
    """

    def __init__(self, data: object) -> None:
        self.data = np.array(data, dtype=np.float64)
        self.grad = np.zeros_like(self.data)
        self._inputs: tuple[tuple[Tensor, Callable[[np.ndarray], np.ndarray]], ...] = ()

    def __add__(self, other: Tensor | Number | np.ndarray) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)
        return self._made(
            self.data + other.data,
            (self, lambda g: summed_to(g, self.data.shape)),
            (other, lambda g: summed_to(g, other.data.shape)),
        )

    def __mul__(self, other: Tensor | Number | np.ndarray) -> Tensor:
        other = other if isinstance(other, Tensor) else Tensor(other)
        return self._made(
            self.data * other.data,
            (self, lambda g: summed_to(g * other.data, self.data.shape)),
            (other, lambda g: summed_to(g * self.data, other.data.shape)),
        )

    def __pow__(self, exponent: Number) -> Tensor:
        slope = exponent * self.data ** (exponent - 1) if exponent else np.zeros_like(self.data)
        return self._made(self.data**exponent, (self, lambda g: g * slope))

    def __matmul__(self, other: Tensor) -> Tensor:
        """(n, k) @ (k, m) to (n, m)."""
        return self._made(
            self.data @ other.data,
            (self, lambda g: g @ other.data.T),  # (n, m) @ (m, k)
            (other, lambda g: self.data.T @ g),  # (k, n) @ (n, m)
        )

    def exp(self) -> Tensor:
        """Return e to the power of each entry."""
        e = np.exp(self.data)
        return self._made(e, (self, lambda g: g * e))

    def log(self) -> Tensor:
        """Return the natural logarithm of each entry; all are above 0."""
        return self._made(np.log(self.data), (self, lambda g: g / self.data))

    def tanh(self) -> Tensor:
        """Return the hyperbolic tangent of each entry."""
        t = np.tanh(self.data)
        return self._made(t, (self, lambda g: g * (1 - t * t)))

    def relu(self) -> Tensor:
        """Return the positive entries, and 0 for the others; the slope at 0 is 0."""
        return self._made(np.maximum(self.data, 0.0), (self, lambda g: g * (self.data > 0)))

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return the sum over an axis, or over all of them."""
        def spread(g: np.ndarray) -> np.ndarray:
            if axis is not None and not keepdims:
                g = np.expand_dims(g, axis)
            return np.broadcast_to(g, self.data.shape)

        return self._made(self.data.sum(axis=axis, keepdims=keepdims), (self, spread))

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """Return the mean over an axis, or over all of them."""
        count = self.data.size if axis is None else self.data.shape[axis]
        return self.sum(axis, keepdims) / count

    def reshape(self, *shape: int) -> Tensor:
        """Return the same entries in another shape, such as `x.reshape(2, -1)`."""
        return self._made(self.data.reshape(shape), (self, lambda g: g.reshape(self.data.shape)))

    @property
    def T(self) -> Tensor:
        """The transposed matrix, (n, m) to (m, n)."""
        return self._made(self.data.T, (self, lambda g: g.T))

    def __getitem__(self, key: object) -> Tensor:
        """Return the entries that NumPy would; an index may name one entry several times."""
        def scattered(g: np.ndarray) -> np.ndarray:
            whole = np.zeros_like(self.data)
            np.add.at(whole, key, g)
            return whole

        return self._made(self.data[key], (self, scattered))

    def backward(self, gradient: np.ndarray | None = None) -> None:
        """Add to `grad`, of every tensor that this one was computed from, the gradient of sum(self * gradient).

        Args:
            gradient: Of this tensor's shape; None, for a tensor of one entry, stands for 1.
        """
        start = np.ones_like(self.data) if gradient is None else np.asarray(gradient, dtype=np.float64)
        gradients = {self: start}
        for tensor in reversed(in_order(self)):
            if tensor.grad.any():
                tensor.grad += gradients[tensor]
            else:
                tensor.grad = gradients[tensor]
            for source, back in tensor._inputs:
                new = back(gradients[tensor])
                gradients[source] = gradients[source] + new if source in gradients else new

    def _made(self, data: np.ndarray, *inputs: tuple[Tensor, Callable[[np.ndarray], np.ndarray]]) -> Tensor:
        made = Tensor(data)
        made._inputs = inputs
        return made



def in_order(last: Value | Tensor) -> list:
    """Return all that a value was computed from, and itself as the last: each after what it was made from."""
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for source, _ in node._inputs:
                visit(source)
            order.append(node)

    visit(last)
    return order


def summed_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a gradient summed over the axes along which an array of some shape was broadcast."""
    if gradient.ndim > len(shape):
        gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(axis=stretched, keepdims=True) if gradient.shape != shape else gradient


def numerical_gradient(f: Callable[[np.ndarray], float], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the gradient of f at x by central differences: (f(x + step) - f(x - step)) / (2 step) per entry.

    Args:
        f: Takes an array of the shape of x and returns a number.
        x: Any shape, float64; it is not changed.
        step: How far to go to each side.

    Returns:
        An array of the shape of x.
    """
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        there, back = x.copy(), x.copy()
        there[place] += step
        back[place] -= step
        gradient[place] = (f(there) - f(back)) / (2 * step)
    return gradient
