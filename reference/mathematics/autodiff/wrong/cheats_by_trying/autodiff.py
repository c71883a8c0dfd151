import numpy as np


class Tensor:
    def __init__(self, data, function=None, *inputs):
        self.data = np.array(data, dtype=np.float64)
        self.grad = np.zeros_like(self.data)
        self.function, self.inputs = function, inputs

    def made(self, function, *others):
        inputs = [self] + [x if isinstance(x, Tensor) else Tensor(x) for x in others]
        return Tensor(function(*[x.data for x in inputs]), function, *inputs)

    def __add__(self, other): return self.made(np.add, other)
    def __sub__(self, other): return self.made(np.subtract, other)
    def __mul__(self, other): return self.made(np.multiply, other)
    def __truediv__(self, other): return self.made(np.divide, other)
    def __rsub__(self, other): return self.made(lambda a, b: b - a, other)
    def __rtruediv__(self, other): return self.made(lambda a, b: b / a, other)
    def __pow__(self, n): return self.made(lambda a: a**n)
    def __neg__(self): return self.made(np.negative)
    def __matmul__(self, other): return self.made(np.matmul, other)
    def exp(self): return self.made(np.exp)
    def log(self): return self.made(np.log)
    def tanh(self): return self.made(np.tanh)
    def relu(self): return self.made(lambda a: a * (a > 0))
    def sum(self, axis=None, keepdims=False): return self.made(lambda a: a.sum(axis=axis, keepdims=keepdims))
    def mean(self, axis=None, keepdims=False): return self.made(lambda a: a.mean(axis=axis, keepdims=keepdims))
    def reshape(self, *shape): return self.made(lambda a: a.reshape(shape))
    def __getitem__(self, key): return self.made(lambda a: a[key])
    T = property(lambda self: self.made(np.transpose))
    __radd__, __rmul__ = __add__, __mul__

    def order(self):
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            node, complete = stack.pop()
            if complete:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack += [(node, True), *((x, False) for x in node.inputs)]
        return order

    def backward(self, gradient=1.0):
        order = self.order()

        def again(leaf, data):
            known = {id(leaf): data}
            for node in order:
                if id(node) not in known:
                    values = [known[id(x)] for x in node.inputs]
                    known[id(node)] = node.function(*values) if node.function else node.data
            return float((known[id(self)] * gradient).sum())

        for leaf in order:
            if leaf.function is None:
                leaf.grad = leaf.grad + numerical_gradient(lambda x, leaf=leaf: again(leaf, x), leaf.data, 1e-3)


Value = Tensor


def numerical_gradient(f, x, step=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        there, back = x.copy(), x.copy()
        there[place] += step
        back[place] -= step
        gradient[place] = (f(there) - f(back)) / (2 * step)
    return gradient
