"""One class for both: a Value is a Tensor without axes. What was made later goes back earlier."""

import itertools

import numpy as np

tick = itertools.count()


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def lift(x):
    return x if isinstance(x, Tensor) else Tensor(x)


class Tensor:
    def __init__(self, data, *sources):
        self.data = np.array(data, dtype=float)
        self.grad = np.zeros(self.data.shape)
        self.sources = sources
        self.made_at = next(tick)

    def unary(self, data, slope):
        return Tensor(data, (self, lambda g: g * slope))

    def binary(self, other, data, by_self, by_other):
        return Tensor(
            data,
            (self, lambda g: unbroadcast(g * by_self, self.data.shape)),
            (other, lambda g: unbroadcast(g * by_other, other.data.shape)),
        )

    def __add__(self, other):
        other = lift(other)
        return self.binary(other, self.data + other.data, 1, 1)

    def __sub__(self, other):
        other = lift(other)
        return self.binary(other, self.data - other.data, 1, -1)

    def __mul__(self, other):
        other = lift(other)
        return self.binary(other, self.data * other.data, other.data, self.data)

    def __truediv__(self, other):
        other = lift(other)
        return self.binary(other, self.data / other.data, 1 / other.data, -self.data / other.data**2)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return lift(other) - self

    def __rtruediv__(self, other):
        return lift(other) / self

    def __neg__(self):
        return self.unary(-self.data, -1)

    def __pow__(self, n):
        return self.unary(self.data**n, n * self.data ** (n - 1.0))

    def exp(self):
        return self.unary(np.exp(self.data), np.exp(self.data))

    def log(self):
        return self.unary(np.log(self.data), 1 / self.data)

    def tanh(self):
        return self.unary(np.tanh(self.data), np.cosh(self.data) ** -2)

    def relu(self):
        return self.unary(np.where(self.data > 0, self.data, 0), np.heaviside(self.data, 0))

    def __matmul__(self, other):
        a, b = self.data, other.data
        return Tensor(
            a @ b,
            (self, lambda g: np.einsum("nm,km->nk", g, b, optimize=True)),
            (other, lambda g: np.einsum("nk,nm->km", a, g, optimize=True)),
        )

    def sum(self, axis=None, keepdims=False):
        kept = self.data.sum(axis=axis, keepdims=True)
        data = kept if keepdims else self.data.sum(axis=axis)
        return Tensor(data, (self, lambda g: g.reshape(kept.shape) * np.ones(self.data.shape)))

    def mean(self, axis=None, keepdims=False):
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size)

    def reshape(self, *shape):
        return Tensor(self.data.reshape(*shape), (self, lambda g: g.reshape(self.data.shape)))

    @property
    def T(self):
        return Tensor(np.swapaxes(self.data, 0, 1), (self, lambda g: np.swapaxes(g, 0, 1)))

    def __getitem__(self, key):
        places = np.arange(self.data.size).reshape(self.data.shape)[key]

        def back(g):
            sums = np.bincount(np.ravel(places), weights=np.ravel(g), minlength=self.data.size)
            return sums.reshape(self.data.shape)

        return Tensor(self.data[key], (self, back))

    def backward(self, gradient=1.0):
        flowing = {self: np.broadcast_to(gradient, self.data.shape)}
        for node in sorted(self.behind(), key=lambda node: -node.made_at):
            g = flowing.pop(node)
            node.grad = node.grad + g
            for source, back in node.sources:
                flowing[source] = flowing.get(source, 0) + back(g)

    def behind(self):
        seen, waiting = {self}, [self]
        while waiting:
            new = {source for source, _ in waiting.pop().sources} - seen
            seen |= new
            waiting += new
        return seen


class Value(Tensor):
    pass


def numerical_gradient(f, x, step=1e-5):
    moves = step * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + move) - f(x - move) for move in moves]).reshape(x.shape) / (2 * step)
