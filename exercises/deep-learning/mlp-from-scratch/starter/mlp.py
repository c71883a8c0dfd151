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
    raise NotImplementedError("1 / (1 + e^-x), max(x, 0), or the hyperbolic tangent")


def activate_gradient(name: str, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return the gradient by x, given the gradient by `activate(name, x)`; the slope of relu at 0 is 0."""
    raise NotImplementedError("the slope at x of each entry, times the gradient")


def softmax(x: np.ndarray) -> np.ndarray:
    """Return the probabilities of scores (n, k), each row by itself: (n, k), rows sum to 1."""
    raise NotImplementedError("exponentials over their sum; a row may be shifted by its largest score first")


def softmax_gradient(x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return the gradient by x (n, k), given the gradient (n, k) by `softmax(x)`."""
    raise NotImplementedError("p * (gradient - what the row's gradient is on average under p)")


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of -ln softmax(scores)[label] over the examples, in nats.

    Args:
        scores: (n, k), of any size.
        labels: (n,).
    """
    raise NotImplementedError("log of the sum of exponentials, minus the score of the label")


def cross_entropy_gradient(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gradient of `cross_entropy(scores, labels)` by the scores, (n, k)."""
    raise NotImplementedError("the probabilities, less 1 at the label, over the number of examples")


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
        raise NotImplementedError("each layer in turn; the last one is not activated")

    def gradients(
        self, x: np.ndarray, labels: np.ndarray
    ) -> tuple[float, list[np.ndarray], list[np.ndarray]]:
        """Return the cross-entropy of examples (n, inputs), and its gradients by weights and by biases."""
        raise NotImplementedError("go forward and keep what each layer got; go back and use it")


def initialise(sizes: list[int], activation: str, seed: int) -> MLP:
    """Return a network with random weights and biases of 0.

    Args:
        sizes: Inputs, the width of each hidden layer, classes.
        activation: `relu` draws weights of variance 2 / inputs of the layer, the others of 1 / inputs.
        seed: The same seed gives the same network, another one another.
    """
    raise NotImplementedError("a generator with the seed; normal numbers, scaled for each layer")


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
    raise NotImplementedError("shuffle, cut into batches, take a step for each")


def fit(images: np.ndarray, labels: np.ndarray, seed: int) -> MLP:
    """Return a network that reads digits: yours to design, with at most 50,000 parameters.

    Args:
        images: (n, 100), pixels in [0, 1].
        labels: (n,), 0 to 9.
        seed: The same seed, the same network.
    """
    raise NotImplementedError("choose widths, activation, and how to train; falling rates help")
