"""Layers as small objects; inside everything that is not asked for is float32, with momentum and tanh."""

import numpy as np

SLOPES = {
    "sigmoid": lambda y: y * (1 - y),
    "relu": lambda y: np.sign(y),
    "tanh": lambda y: 1 - y**2,
}


def activate(name, x):
    if name == "sigmoid":
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1, small) / (1 + small)
    return np.tanh(x) if name == "tanh" else x * (x > 0)


def activate_gradient(name, x, gradient):
    return SLOPES[name](activate(name, x)) * gradient


def log_softmax(x):
    x = x - np.max(x, axis=-1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


def softmax(x):
    return np.exp(log_softmax(x))


def softmax_gradient(x, gradient):
    p = softmax(x)
    jacobians = np.einsum("ni,ij->nij", p, np.eye(x.shape[1])) - np.einsum("ni,nj->nij", p, p)
    return np.einsum("nij,nj->ni", jacobians, gradient)


def cross_entropy(scores, labels):
    return -float(np.mean(np.take_along_axis(log_softmax(scores), labels[:, None], axis=1)))


def cross_entropy_gradient(scores, labels):
    return (softmax(scores) - np.eye(scores.shape[1])[labels]) / len(scores)


class MLP:
    def __init__(self, weights, biases, activation):
        self.weights, self.biases, self.activation = list(weights), list(biases), activation

    def outputs(self, x):
        yield x
        last = len(self.weights) - 1
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            x = np.dot(x, weight) + bias
            x = x if number == last else activate(self.activation, x)
            yield x

    def forward(self, x):
        *_, scores = self.outputs(x)
        return scores

    def gradients(self, x, labels):
        *entering, scores = self.outputs(x)
        by_weight, by_bias = [], []
        back = cross_entropy_gradient(scores, labels)
        for weight, into in zip(self.weights[::-1], entering[::-1]):
            by_weight.append(np.einsum("ni,no->io", into, back, optimize=True))
            by_bias.append(back.sum(0))
            back = back @ weight.T
            if into is not x:
                back = back * SLOPES[self.activation](into)
        return cross_entropy(scores, labels), by_weight[::-1], by_bias[::-1]


def initialise(sizes, activation, seed):
    rng = np.random.RandomState(seed)
    weights = []
    for rows, columns in zip(sizes, sizes[1:]):
        bound = np.sqrt((6 if activation == "relu" else 3) / rows)
        weights.append(rng.uniform(-bound, bound, (rows, columns)))
    return MLP(weights, [np.zeros(size) for size in sizes[1:]], activation)


def train(model, x, labels, epochs, batch, rate, seed, momentum=0.0):
    rng = np.random.RandomState(seed)
    speed_w, speed_b = [0 * w for w in model.weights], [0 * b for b in model.biases]
    told = []
    for _ in range(epochs):
        order = np.argsort(rng.rand(len(x)))
        losses = []
        while len(order):
            now, order = order[:batch], order[batch:]
            loss, by_weight, by_bias = model.gradients(x[now], labels[now])
            losses.append(loss)
            speed_w = [momentum * s + g for s, g in zip(speed_w, by_weight)]
            speed_b = [momentum * s + g for s, g in zip(speed_b, by_bias)]
            model.weights = [w - rate * s for w, s in zip(model.weights, speed_w)]
            model.biases = [b - rate * s for b, s in zip(model.biases, speed_b)]
        told.append(sum(losses) / len(losses))
    return told


def fit(images, labels, seed):
    model = initialise([100, 160, 10], "relu", seed)
    model.weights = [w.astype(np.float32) for w in model.weights]
    model.biases = [b.astype(np.float32) for b in model.biases]
    for number in range(30):
        train(model, images.astype(np.float32), labels, 1, 32, 0.06 * (1 - number / 30), seed + number, momentum=0.9)
    return model
