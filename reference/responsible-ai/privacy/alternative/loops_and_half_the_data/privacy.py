"""Loops and standard library where the reference has arrays; few large steps over half of the data."""

import math
import random
import re
from statistics import NormalDist, mean, stdev

import numpy as np


def clip(gradients, norm):
    rows = [row * (norm / math.hypot(*row)) if math.hypot(*row) > norm else row for row in gradients]
    return np.array(rows).reshape(gradients.shape)


def private_gradient(gradients, norm, noise, expected, seed):
    dice = random.Random(int(seed))
    width = gradients.shape[1]
    total = [math.fsum(column) for column in clip(gradients, norm).T] if len(gradients) else [0.0] * width
    return np.array([(value + dice.gauss(0, noise * norm)) / expected for value in total])


def step_cost(noise, rate, order):
    """Return the log of the moment by adding term to term, the largest taken out."""
    if rate == 1:
        return order * (order - 1) / (2 * noise**2)
    logs = []
    for k in range(order + 1):
        ways = math.lgamma(order + 1) - math.lgamma(k + 1) - math.lgamma(order - k + 1)
        logs.append(ways + (order - k) * math.log1p(-rate) + k * math.log(rate) + k * (k - 1) / 2 / noise**2)
    most = max(logs)
    return most + math.log(math.fsum(math.exp(value - most) for value in logs))


def epsilon(noise, rate, steps, delta):
    def at(order):
        spent = steps * step_cost(noise, rate, order)
        return (spent - math.log(delta * order)) / (order - 1) + math.log1p(-1 / order)

    return max(0.0, min(at(order) for order in [*range(2, 65), 80, 100, 150]))


def noise_for(target, rate, steps, delta):
    exponent, step = -3.0, 1.0
    while step > 0.001:
        while epsilon(math.exp(exponent), rate, steps, delta) > target:
            exponent += step
        exponent -= step
        step /= 2
    return math.exp(exponent + 2 * step)


def train(gradients, n, width, target, delta, seed):
    settings = dict(rate=0.5, steps=40, clip=1.0, learning_rate=0.5)
    noise = noise_for(target, settings["rate"], settings["steps"], delta)
    dice = np.random.default_rng([seed, 1])
    path = np.zeros((settings["steps"] + 1, width))
    for now in range(settings["steps"]):
        batch = [int(each) for each in np.flatnonzero(dice.binomial(1, settings["rate"], size=n))]
        found = gradients(path[now], np.array(batch, dtype=np.int64))
        total = clip(found, settings["clip"]).sum(axis=0) + dice.normal(0, noise * settings["clip"], width)
        path[now + 1] = path[now] - settings["learning_rate"] * total / (settings["rate"] * n)
    return settings | {"noise": noise, "weights": path}


def likelihood_ratio(losses, inside, outside):
    scores = []
    for loss, known, unknown in zip(losses, inside.T, outside.T):
        laws = [NormalDist(mean(map(float, sample)), stdev(map(float, sample))) for sample in (known, unknown)]
        ratio = [-(((loss - law.mean) / law.stdev) ** 2) / 2 - math.log(law.stdev) for law in laws]
        scores.append(ratio[0] - ratio[1])
    return scores


def caught_at(scores, members, false_alarms):
    inside, outside = sorted(scores[members].tolist()), sorted(scores[~members].tolist())
    allowed = math.floor(false_alarms * len(outside) + 1e-9)
    if allowed >= len(outside):
        return 1.0
    above = outside[len(outside) - allowed - 1]  # the first of the others that must not be called
    return sum(score > above for score in inside) / len(inside)


TOKEN = re.compile(
    r"(?P<email>[A-Z0-9._%+-]+@(?:[A-Z0-9-]+\.)+[A-Z]{2,})"
    r"|(?P<phone>\+\d(?:[ .()-]{0,2}\d){7,14}(?!\d))"
    r"|(?P<card>(?<!\d)\d(?:[ -]?\d){12,18}(?!\d))"
    r"|(?P<ip>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d))",
    re.IGNORECASE,
)


def redact(text):
    def kind(found):
        if found.lastgroup == "ip" and any(int(part) > 255 for part in found[0].split(".")):
            return found[0]
        if found.lastgroup == "card":
            digits = [int(each) for each in re.findall(r"\d", found[0])]
            odd, even = digits[-1::-2], digits[-2::-2]
            if (sum(odd) + sum(2 * each - 9 * (each > 4) for each in even)) % 10:
                return found[0]
        return f"[{found.lastgroup.upper()}]"

    return TOKEN.sub(kind, text)
