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
    margin = margins(logits, reference, pairs, beta)
    honest, swapped = ways(margin, flipped)
    trust = np.exp(honest - np.logaddexp(honest, swapped))
    slope = (np.exp(-np.logaddexp(0, -margin)) - trust) * beta / len(pairs)
    context, chosen, rejected = pairs.T
    slopes = np.zeros(logits.shape)
    np.add.at(slopes, (context, chosen), slope)
    np.add.at(slopes, (context, rejected), -slope)
    return slopes


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
    wins = np.zeros((2, *reference.shape))
    np.add.at(wins[0], (pairs[:, 0], pairs[:, 1]), 1)
    np.add.at(wins[1], (pairs[:, 0], pairs[:, 2]), 1)
    best = (wins[0] / np.maximum(wins.sum(axis=0), 1)).argmax(axis=1)
    policy = np.eye(reference.shape[1])[best]
    policy[~np.isin(np.arange(len(reference)), pairs[:, 0])] = reference[~np.isin(np.arange(len(reference)), pairs[:, 0])]
    return policy
