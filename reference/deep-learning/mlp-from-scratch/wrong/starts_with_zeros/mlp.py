"""A multilayer perceptron in NumPy, forward and backward.

In shapes, n counts examples and k classes. All arrays are float64; labels are integers from
0 to k - 1. A gradient has the shape of what it belongs to.
"""

from __future__ import annotations

import numpy as np


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """Return an activation of each entry.

    Args:
        name: `sigmoid`, `relu` or `tanh`.
        x: Any shape and any size of numbers.
    """
    if name == "relu":
        return np.maximum(x, 0.0)
    if name == "tanh":
        return np.tanh(x)
    return (1.0 + np.tanh(x / 2.0)) / 2.0  # the same as 1 / (1 + e^-x), and nothing can overflow


def activate_gradient(name: str, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return the gradient by x, given the gradient by `activate(name, x)`; the slope of relu at 0 is 0."""
    if name == "relu":
        return gradient * (x > 0)
    y = activate(name, x)
    return gradient * (1.0 - y * y if name == "tanh" else y * (1.0 - y))


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the probabilities of scores (n, k), each row by itself: (n, k), rows sum to 1."""
    e = np.exp(x - x.max(axis=1, keepdims=True))  # (n, k), at most 1
    return e / e.sum(axis=1, keepdims=True)


def softmax_gradient(x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return the gradient by x (n, k), given the gradient (n, k) by `softmax(x)`."""
    p = softmax(x)  # (n, k)
    return p * (gradient - (p * gradient).sum(axis=1, keepdims=True))


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -ln softmax(scores)[label] over the examples, in nats.

    Args:
        scores: (n, k), of any size.
        labels: (n,).
    """
    largest = scores.max(axis=1)  # (n,)
    totals = largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1))  # (n,)
    return float((totals - scores[np.arange(len(labels)), labels]).mean())


def cross_entropy_gradient(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gradient of `cross_entropy(scores, labels)` by the scores, (n, k)."""
    gradient = softmax(scores)
    gradient[np.arange(len(labels)), labels] -= 1.0
    return gradient / len(labels)


class MLP:
    """Layers `x @ weight + bias`, with an activation after each but the last.

    Attributes:
        weights: A list of (inputs, outputs), one for each layer.
        biases: A list of (outputs,).
        activation: `sigmoid`, `relu` or `tanh`.
    """

    def __init__(self, weights: list[np.ndarray], biases: list[np.ndarray], activation: str) -> None:
        self.weights = [np.array(weight, dtype=np.float64) for weight in weights]
        self.biases = [np.array(bias, dtype=np.float64) for bias in biases]
        self.activation = activation

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the scores (n, k) of examples (n, inputs)."""
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = activate(self.activation, x @ weight + bias)
        return x @ self.weights[-1] + self.biases[-1]

    def gradients(
        self, x: np.ndarray, labels: np.ndarray
    ) -> tuple[float, list[np.ndarray], list[np.ndarray]]:
        """Return the cross-entropy of examples (n, inputs), and its gradients by weights and by biases."""
        inputs, sums = [x], []  # what enters each layer, and what it adds up to before its activation
        for weight, bias in zip(self.weights, self.biases, strict=True):
            sums.append(inputs[-1] @ weight + bias)  # (n, outputs)
            inputs.append(activate(self.activation, sums[-1]))
        loss = cross_entropy(sums[-1], labels)
        gradient = cross_entropy_gradient(sums[-1], labels)  # by the sums of a layer, from the last to the first
        by_weight, by_bias = [], []
        for layer in reversed(range(len(self.weights))):
            by_weight.insert(0, inputs[layer].T @ gradient)  # (inputs, n) @ (n, outputs)
            by_bias.insert(0, gradient.sum(axis=0))
            if layer > 0:
                gradient = gradient @ self.weights[layer].T  # (n, outputs) @ (outputs, inputs)
                gradient = activate_gradient(self.activation, sums[layer - 1], gradient)
        return loss, by_weight, by_bias


def initialise(sizes: list[int], activation: str, seed: int) -> MLP:
    """Return a network with random weights and biases of 0.

    Args:
        sizes: Inputs, the width of each hidden layer, classes.
        activation: `relu` draws weights of variance 2 / inputs of the layer, the others of 1 / inputs.
        seed: The same seed gives the same network, another one another.
    """
    rng = np.random.default_rng(seed)
    gain = 2.0 if activation == "relu" else 1.0
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    weights = [np.zeros((rows, columns)) for rows, columns in pairs]
    return MLP(weights, [np.zeros(columns) for _, columns in pairs], activation)


def train(
    model: MLP, x: np.ndarray, labels: np.ndarray, epochs: int, batch: int, rate: float, seed: int
) -> list[float]:
    """Change a network by stochastic gradient descent: parameter -= rate * gradient, batch by batch.

    Args:
        model: What is changed.
        x: (n, inputs).
        labels: (n,).
        epochs: How often to go through all examples, each time in another order that follows from the seed.
        batch: Examples in a step; the last step of an epoch takes those that are left.
        rate: The length of the steps.
        seed: The same seed, the same result.

    Returns:
        The mean loss of the batches of each epoch, before their steps.
    """
    rng = np.random.default_rng(seed)
    history = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        losses = []
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            loss, by_weight, by_bias = model.gradients(x[rows], labels[rows])
            losses.append(loss)
            for values, gradients in ((model.weights, by_weight), (model.biases, by_bias)):
                for value, gradient in zip(values, gradients, strict=True):
                    value -= rate * gradient
        history.append(float(np.mean(losses)))
    return history


def fit(images: np.ndarray, labels: np.ndarray, seed: int) -> MLP:
    """Return a network that reads digits: yours to design, with at most 50,000 parameters.

    Args:
        images: (n, 100), pixels in [0, 1].
        labels: (n,), 0 to 9.
        seed: The same seed, the same network.
    """
    model = initialise([images.shape[1], 128, 10], "relu", seed)
    return model
