import numpy as np


def log_policy(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def divergence(policy, reference):
    return (policy * np.log(np.where(policy > 0, policy / reference, 1))).sum(axis=1)


def objective(policy, reference, reward, beta):
    return ((policy * reward).sum(axis=1) - beta * divergence(policy, reference)).mean()


def best_policy(reference, reward, beta):
    return np.exp(log_policy(np.log(reference) + reward / beta))


def margins(logits, reference, pairs, beta):
    context, chosen, rejected = pairs.T
    implicit = beta * (log_policy(logits) - np.log(reference))
    return implicit[context, chosen] - implicit[context, rejected]


def ways(margin, flipped):
    with np.errstate(divide="ignore"):
        kept, turned = np.log1p(-flipped), np.log(flipped)
    return kept - np.logaddexp(0, -margin), turned - np.logaddexp(0, margin)


def loss(logits, reference, pairs, beta, flipped):
    return -np.logaddexp(*ways(margins(logits, reference, pairs, beta), flipped)).mean()


def gradient(logits, reference, pairs, beta, flipped):
    import torch

    scores = torch.tensor(logits, requires_grad=True)
    implicit = beta * (scores.log_softmax(1) - torch.tensor(reference).log())
    context, chosen, rejected = torch.tensor(pairs).T
    right = torch.sigmoid(implicit[context, chosen] - implicit[context, rejected])
    (-((1 - flipped) * right + flipped * (1 - right)).log().mean()).backward()
    return scores.grad.numpy()


def within_budget(policy, reference, limit):
    start, way = np.log(reference), np.log(policy) - np.log(reference)
    if divergence(policy, reference).mean() <= limit:
        return policy
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        spent = divergence(np.exp(log_policy(start + middle * way)), reference).mean()
        low, high = (middle, high) if spent <= limit else (low, middle)
    return np.exp(log_policy(start + low * way))


def train(reference, pairs, beta, flipped, seed):
    rng, logits = np.random.default_rng(seed), np.log(reference)
    mean, square = np.zeros(logits.shape), np.zeros(logits.shape)
    for step in range(1, 81):
        some = pairs[rng.integers(len(pairs), size=8192)]
        slope = gradient(logits, reference, some, beta, flipped)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        direction = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        logits = logits - 0.05 * (1 + np.cos(np.pi * step / 80)) * direction
    return np.exp(log_policy(logits))
