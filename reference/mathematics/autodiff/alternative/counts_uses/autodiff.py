"""Gradients wait at each node until all of its uses have reported (Kahn's order); operators come from a table."""

import math
from collections import Counter, deque

import numpy as np


class Node:
    wrap = staticmethod(float)
    zero = staticmethod(lambda data: 0.0)

    def __init__(self, data):
        self.data = self.wrap(data)
        self.grad = self.zero(self.data)
        self._parents = []
        self._pull = None

    def _op(self, data, parents, pull):
        out = type(self)(data)
        out._parents, out._pull = parents, pull
        return out

    def _other(self, x):
        return x if isinstance(x, Node) else type(self)(x)

    def backward(self, gradient=1.0):
        uses = Counter()
        found, queue = {self}, deque([self])
        while queue:
            for parent in queue.popleft()._parents:
                uses[parent] += 1
                if parent not in found:
                    found.add(parent)
                    queue.append(parent)
        arrived, ready = {self: gradient + self.zero(self.data)}, [self]
        while ready:
            node = ready.pop()
            g = arrived.pop(node)
            node.grad = node.grad + g
            for parent, part in zip(node._parents, node._pull(g) if node._pull else (), strict=True):
                arrived[parent] = arrived.get(parent, 0.0) + part
                uses[parent] -= 1
                if not uses[parent]:
                    ready.append(parent)

    def __add__(self, other):
        a, b = self, self._other(other)
        return self._op(a.data + b.data, [a, b], lambda g: (self._fit(g, a), self._fit(g, b)))

    def __mul__(self, other):
        a, b = self, self._other(other)
        return self._op(a.data * b.data, [a, b], lambda g: (self._fit(g * b.data, a), self._fit(g * a.data, b)))

    @staticmethod
    def _fit(g, node):
        return g

    def __pow__(self, n):
        return self._op(self.data**n, [self], lambda g: (g * n * self.data ** (n - 1),))

    def __neg__(self):
        return -1 * self

    def __sub__(self, other):
        return self + self._other(other) * -1

    def __rsub__(self, other):
        return self._other(other) + self * -1

    def __truediv__(self, other):
        return self * self._other(other) ** -1

    def __rtruediv__(self, other):
        return self._other(other) * self**-1

    __radd__ = __add__
    __rmul__ = __mul__

    def _map(self, name):
        library = math if isinstance(self.data, float) else np
        y = getattr(library, "tanh")(self.data) if name == "tanh" else (library.exp if name == "exp" else library.log)(self.data)
        slope = {"tanh": lambda: 1 - y * y, "exp": lambda: y, "log": lambda: 1 / self.data}[name]()
        return self._op(y, [self], lambda g: (g * slope,))

    def exp(self):
        return self._map("exp")

    def log(self):
        return self._map("log")

    def tanh(self):
        return self._map("tanh")

    def relu(self):
        on = self.data > 0
        return self._op(self.data * on, [self], lambda g: (g * on,))


class Value(Node):
    pass


class Tensor(Node):
    wrap = staticmethod(lambda data: np.array(data, dtype=np.float64))
    zero = staticmethod(np.zeros_like)

    @staticmethod
    def _fit(g, node):
        shape = (1,) * (g.ndim - node.data.ndim) + node.data.shape
        axes = tuple(i for i in range(g.ndim) if shape[i] == 1 and g.shape[i] > 1)
        return g.sum(axis=axes, keepdims=True).reshape(node.data.shape)

    def __matmul__(self, other):
        a, b = self, other
        return self._op(a.data @ b.data, [a, b], lambda g: (g @ np.transpose(b.data), np.transpose(a.data) @ g))

    def sum(self, axis=None, keepdims=False):
        shape = self.data.shape
        kept = [1 if axis is None or i == axis % len(shape) else n for i, n in enumerate(shape)]
        y = self.data.sum(axis=axis, keepdims=keepdims)
        return self._op(y, [self], lambda g: (np.tile(g.reshape(kept), [n // k for n, k in zip(shape, kept)]),))

    def mean(self, axis=None, keepdims=False):
        y = self.sum(axis, keepdims)
        return y / (self.data.size // y.data.size)

    def reshape(self, *shape):
        return self._op(self.data.reshape(shape), [self], lambda g: (g.reshape(self.data.shape),))

    @property
    def T(self):
        return self._op(self.data.T, [self], lambda g: (g.T,))

    def __getitem__(self, key):
        places = np.arange(self.data.size).reshape(self.data.shape)[key]

        def pull(g):
            flat = np.zeros(self.data.size)
            for place, part in zip(np.atleast_1d(places).flat, np.atleast_1d(g).flat):
                flat[place] += part
            return (flat.reshape(self.data.shape),)

        return self._op(self.data[key], [self], pull)


def numerical_gradient(f, x, step=1e-5):
    out = np.empty(x.shape)
    work = np.array(x, dtype=float)
    for place, old in np.ndenumerate(x):
        work[place] = old + step
        high = f(work)
        work[place] = old - step
        low = f(work)
        work[place] = old
        out[place] = (high - low) / (2 * step)
    return out
