"""Every example in every batch, with the noise that this takes: fewer, surer steps; all orders at once as arrays."""

import re
from itertools import count

import numpy as np

ORDERS = np.arange(2, 65)


def clip(gradients, norm):
    squares = np.einsum("ij,ij->i", gradients / norm, gradients / norm)
    return np.where(squares > 1, 1 / np.sqrt(np.where(squares > 0, squares, 1)), 1)[:, None] * gradients


def private_gradient(gradients, norm, noise, expected, seed):
    z = np.random.RandomState(seed % 2**32).standard_normal(gradients.shape[-1])
    return (clip(gradients, norm).sum(0) + noise * norm * z) / expected


def epsilon(noise, rate, steps, delta):
    k = np.arange(65)
    factorials = np.concatenate([[0], np.cumsum(np.log(k[1:]))])
    a, b = ORDERS[:, None], np.minimum(k, ORDERS[:, None])  # beyond an order there is nothing to add
    logs = factorials[a] - factorials[b] - factorials[a - b] + b * (b - 1) / (2 * noise**2)
    if rate < 1:
        logs = logs + b * np.log(rate) + (a - b) * np.log1p(-rate)
    logs = np.where((k > a) | ((rate == 1) & (k < a)), -np.inf, logs)
    most = logs.max(axis=1)
    moments = most + np.log(np.exp(logs - most[:, None]).sum(axis=1))
    found = (steps * moments - np.log(delta)) / (ORDERS - 1) - np.log(ORDERS) / (ORDERS - 1) + np.log1p(-1 / ORDERS)
    return float(np.clip(found.min(), 0, None))


def noise_for(target, rate, steps, delta):
    grid = 1.004 ** np.arange(-500, 4000)
    low, high = 0, len(grid) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if epsilon(grid[middle], rate, steps, delta) > target:
            low = middle
        else:
            high = middle
    return grid[high]


class Books:
    def __init__(self, width):
        self.log = {"rate": 1.0, "steps": 40, "clip": 0.8, "learning_rate": 0.5}
        self.path = [np.zeros(width)]

    def close(self):
        return {**self.log, "weights": np.stack(self.path)}


def train(gradients, n, width, target, delta, seed):
    books = Books(width)
    log = books.log
    log["noise"] = noise_for(target, 1.0, log["steps"], delta)
    seeds = count(seed)
    everybody = np.arange(n)
    for _ in range(log["steps"]):
        asked = np.asarray(gradients(books.path[-1], everybody))
        step = private_gradient(asked, log["clip"], log["noise"], n, 7919 * next(seeds))
        books.path.append(books.path[-1] - log["learning_rate"] * step)
    return books.close()


def likelihood_ratio(losses, inside, outside):
    means = np.stack([inside.mean(0), outside.mean(0)])
    variances = np.stack([np.var(inside, axis=0, ddof=1), np.var(outside, axis=0, ddof=1)])
    halves = (losses - means) ** 2 / variances + np.log(variances)
    return (halves[1] - halves[0]) / 2


def caught_at(scores, members, false_alarms):
    thresholds = np.unique(scores)[:, None]
    alarms = (scores[~members] >= thresholds).mean(axis=1)
    caught = (scores[members] >= thresholds).mean(axis=1)
    return np.max(caught[alarms <= false_alarms + 1e-12], initial=0.0)


NAME = "A-Za-z0-9"
BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[0-9]{1,2})"
STEPS = [
    (re.compile(f"[{NAME}._%+-]+@[{NAME}-]+([.][{NAME}-]+)*[.][A-Za-z]{{2,}}"), "[EMAIL]"),
    (re.compile("[+][0-9]([-() .]{0,2}[0-9]){7,14}(?![0-9])"), "[PHONE]"),
    (re.compile("(?<![0-9])[0-9]([ -]?[0-9]){12,18}(?![0-9])"), "[CARD]"),
    (re.compile(f"(?<![0-9.]){BYTE}([.]{BYTE}){{3}}(?![.]?[0-9])"), "[IP]"),
]
DOUBLE = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])


def is_card(text):
    digits = np.array([int(each) for each in text if each.isdigit()])[::-1]
    return (digits[::2].sum() + DOUBLE[digits[1::2]].sum()) % 10 == 0


def redact(text):
    for pattern, kind in STEPS:
        keeps = is_card if kind == "[CARD]" else bool
        text = pattern.sub(lambda found, kind=kind, keeps=keeps: kind if keeps(found[0]) else found[0], text)
    return text
