import math
import re

import numpy as np


def clip(gradients, norm):
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    return gradients / np.maximum(lengths / norm, 1)


def private_gradient(gradients, norm, noise, expected, seed):
    total = clip(gradients, norm).sum(axis=0)
    return (total + np.random.default_rng(seed).normal(scale=noise * norm, size=len(total))) / expected


def epsilon(noise, rate, steps, delta):
    best = math.inf
    for order in range(2, 65):
        if rate == 1:
            cost = order / (2 * noise**2)
        else:
            terms = [
                math.log(math.comb(order, k)) + (order - k) * math.log(1 - rate) + k * math.log(rate)
                + k * (k - 1) / (2 * noise**2)
                for k in range(order + 1)
            ]
            cost = np.logaddexp.reduce(terms) / (order - 1)
        best = min(best, steps * cost + math.log(1 - 1 / order) - math.log(delta * order) / (order - 1))
    return max(0.0, float(best))


def noise_for(target, rate, steps, delta):
    low, high = 0.05, 0.1
    while epsilon(high, rate, steps, delta) > target:
        low, high = high, high * 2
    while high / low > 1.005:
        middle = (low + high) / 2
        if epsilon(middle, rate, steps, delta) > target:
            low = middle
        else:
            high = middle
    return high


def train(gradients, n, width, target, delta, seed):
    rng = np.random.default_rng(seed)
    rate, steps, norm, learning_rate = 0.25, 60, 1.0, 0.5
    noise = noise_for(target, rate, steps, delta)
    weights = [np.zeros(width)]
    for step in range(steps):
        batch = rng.choice(n, round(rate * n), replace=False)
        found = gradients(weights[-1], batch)
        mean = private_gradient(found, norm, noise, rate * n, rng.integers(1 << 30))
        weights.append(weights[-1] - learning_rate * mean)
    return {
        "noise": noise, "rate": rate, "steps": steps, "clip": norm, "learning_rate": learning_rate,
        "weights": np.array(weights),
    }


def likelihood_ratio(losses, inside, outside):
    scores = 0
    for sign, sample in ((1, inside), (-1, outside)):
        mean, deviation = sample.mean(axis=0), sample.std(axis=0, ddof=1)
        scores = scores + sign * (-(((losses - mean) / deviation) ** 2) / 2 - np.log(deviation))
    return scores


def caught_at(scores, members, false_alarms):
    best = 0.0
    for threshold in scores:
        called = scores >= threshold
        if called[~members].mean() <= false_alarms:
            best = max(best, called[members].mean())
    return float(best)


def luhn(text):
    total = 0
    for place, digit in enumerate(reversed(re.sub(r"\D", "", text))):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def redact(text):
    byte = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
    text = re.sub(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", "[EMAIL]", text)
    text = re.sub(r"\+\d(?:[ .()-]{0,2}\d){7,14}", "[PHONE]", text)
    text = re.sub(r"\b\d(?:[ -]?\d){12,18}\b", lambda found: "[CARD]" if luhn(found[0]) else found[0], text)
    return re.sub(rf"(?<![\d.]){byte}(?:\.{byte}){{3}}(?!\.?\d)", "[IP]", text)
