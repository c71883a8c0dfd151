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
    width = logits.shape[1]
    won = np.bincount(context * width + chosen, slope, minlength=logits.size)
    lost = np.bincount(context * width + rejected, slope, minlength=logits.size)
    return (won - lost).astype(logits.dtype).reshape(logits.shape)


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
    reference = reference.astype(np.float32)
    logits = np.log(reference)
    mean, square = np.zeros_like(logits), np.zeros_like(logits)
    parts = np.array_split(np.random.default_rng(seed).permutation(pairs), 6)
    steps = 240
    for step in range(1, steps + 1):
        slope = gradient(logits, reference, parts[step % 6], beta, flipped)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        size = 0.05 * (1 + np.cos(np.pi * step / steps))
        move = mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-9)
        logits = (logits - size * move).astype(np.float32)
    return np.exp(log_policy(logits))
