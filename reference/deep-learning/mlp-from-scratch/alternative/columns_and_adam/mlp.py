"""One vector of parameters behind everything, two hidden layers, and Adam for the digits."""

import numpy as np
from numpy import exp, log, sqrt, tanh

FUNCTIONS = {"sigmoid": lambda x: 0.5 + 0.5 * tanh(0.5 * x), "relu": lambda x: np.clip(x, 0, None), "tanh": tanh}


def activate(name, x):
    return FUNCTIONS[name](x)


def activate_gradient(name, x, gradient):
    if name == "sigmoid":
        return gradient * activate(name, x) * activate(name, -x)
    if name == "tanh":
        return gradient * (1 - tanh(x)) * (1 + tanh(x))
    return np.where(x > 0, gradient, 0)


def softmax(x):
    columns = x.T - x.max(1)
    return (exp(columns) / exp(columns).sum(0)).T


def softmax_gradient(x, gradient):
    return np.stack([(np.diag(p) - np.outer(p, p)) @ g for p, g in zip(softmax(x), gradient)])


def cross_entropy(scores, labels):
    total = 0.0
    for row, label in zip(scores, labels):
        total += log(exp(row - row.max()).sum()) + row.max() - row[label]
    return total / len(labels)


def cross_entropy_gradient(scores, labels):
    hits = np.zeros_like(scores)
    for row, label in enumerate(labels):
        hits[row, label] = 1
    return (softmax(scores) - hits) / len(labels)


class MLP:
    def __init__(self, weights, biases, activation):
        self.activation = activation
        self.shapes = [w.shape for w in weights]
        self.vector = np.concatenate([np.vstack([w, b]).ravel() for w, b in zip(weights, biases)])

    def matrices(self, vector=None):
        vector, start = self.vector if vector is None else vector, 0
        for rows, columns in self.shapes:
            size = (rows + 1) * columns
            yield vector[start : start + size].reshape(rows + 1, columns)
            start += size

    @property
    def weights(self):
        return [m[:-1] for m in self.matrices()]

    @property
    def biases(self):
        return [m[-1] for m in self.matrices()]

    def forward(self, x):
        for number, m in enumerate(self.matrices()):
            x = (activate(self.activation, x) if number else x) @ m[:-1] + m[-1]
        return x

    def gradients(self, x, labels):
        matrices, sums = list(self.matrices()), []
        for number, m in enumerate(matrices):
            sums.append((activate(self.activation, sums[-1]) if number else x) @ m[:-1] + m[-1])

        def back(number, g):
            if number < 0:
                return []
            into = activate(self.activation, sums[number - 1]) if number else x
            here = (into.T @ g, g.sum(0))
            if number:
                g = activate_gradient(self.activation, sums[number - 1], g @ matrices[number][:-1].T)
            return [*back(number - 1, g), here]

        pairs = back(len(matrices) - 1, cross_entropy_gradient(sums[-1], labels))
        return cross_entropy(sums[-1], labels), [w for w, _ in pairs], [b for _, b in pairs]


def initialise(sizes, activation, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    weights, biases = [], []
    for rows, columns in zip(sizes[:-1], sizes[1:]):
        scale = sqrt((1 + (activation == "relu")) / rows)
        weights.append(scale * rng.standard_normal((rows, columns)))
        biases.append(np.zeros(columns))
    return MLP(weights, biases, activation)


def batches(n, batch, rng):
    return np.split(rng.permutation(n), range(batch, n, batch))


def flat(by_weight, by_bias):
    return np.concatenate([np.vstack([w, b]).ravel() for w, b in zip(by_weight, by_bias)])


def train(model, x, labels, epochs, batch, rate, seed):
    rng, told = np.random.Generator(np.random.PCG64(seed)), []
    for _ in range(epochs):
        losses = []
        for rows in batches(len(x), batch, rng):
            loss, *both = model.gradients(x[rows], labels[rows])
            losses.append(loss)
            model.vector = model.vector - rate * flat(*both)
        told.append(np.mean(losses))
    return told


def fit(images, labels, seed):
    model = initialise([100, 96, 64, 10], "relu", seed)
    rng = np.random.Generator(np.random.PCG64(seed))
    first = second = np.zeros_like(model.vector)
    step, steps = 0, 20 * (1 + (len(images) - 1) // 64)
    for _ in range(20):
        for rows in batches(len(images), 64, rng):
            step += 1
            _, *both = model.gradients(images[rows], labels[rows])
            g = flat(*both)
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
            size = 0.003 * (1 - step / steps) * sqrt(1 - 0.999**step) / (1 - 0.9**step)
            model.vector = model.vector - size * first / (sqrt(second) + 1e-8)
    return model
