"""SciPy solves; a class holds the model; the best penalty's limit is found by going round until nothing moves."""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from scipy import linalg


@dataclass(frozen=True)
class Model:
    samples: int
    features: int
    snr: float

    def draw(self, seed: int):
        streams = [np.random.Generator(np.random.Philox([seed, part])) for part in range(3)]
        x = streams[0].standard_normal((self.samples, self.features))
        beta = streams[1].standard_normal(self.features)
        beta = beta * (self.snr / (beta**2).sum()) ** 0.5
        return x, x @ beta + streams[2].standard_normal(self.samples), beta


def draw(n, p, snr, seed):
    return Model(n, p, snr).draw(seed)


def min_norm(x, y):
    return linalg.pinvh(x.T @ x, rtol=1e-11) @ (x.T @ y) if x.shape[1] <= x.shape[0] else linalg.pinv(x) @ y


def ridge(x, y, penalty):
    n, p = x.shape
    if p > n:
        return x.T @ linalg.solve(x @ x.T + n * penalty * np.identity(n), y, assume_a="pos")
    return linalg.solve(x.T @ x + n * penalty * np.identity(p), x.T @ y, assume_a="pos")


def ridgeless_limit(gamma, snr):
    if gamma < 1:
        return gamma / (1 - gamma)
    return float("inf") if gamma == 1 else snr * (gamma - 1) / gamma + 1 / (gamma - 1)


def ridge_limit(gamma, snr):
    z, low, high = gamma / snr, 0.0, snr / gamma
    for _ in range(200):
        m = (low + high) / 2
        low, high = (m, high) if gamma * z * m * m + (1 - gamma + z) * m < 1 else (low, m)
    return gamma * m


def interval(values):
    values = [float(value) for value in values]
    mean, error = fmean(values), stdev(values) / len(values) ** 0.5
    return mean, mean - 2 * error, mean + 2 * error


FIT = {
    "ridgeless": (lambda x, y, gamma, snr: min_norm(x, y), ridgeless_limit),
    "ridge": (lambda x, y, gamma, snr: ridge(x, y, gamma / snr), ridge_limit),
}


def rows(seed):
    for estimator, snr in (("ridgeless", 4), ("ridgeless", 1), ("ridge", 4)):
        fit, limit = FIT[estimator]
        for place, gamma in enumerate((0.2, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 3, 5)):
            model = Model(80, round(80 * gamma), snr)
            risks = []
            for repeat in range(20):
                x, y, beta = model.draw(1000 * seed + 100 * place + repeat)
                risks.append(linalg.norm(fit(x, y, gamma, snr) - beta) ** 2)
            mean, low, high = interval(risks)
            numbers = {"measured": mean, "low": low, "high": high, "limit": limit(gamma, snr)}
            yield {"estimator": estimator, "snr": snr, "gamma": gamma, **numbers}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int, nargs="?", default=0)
    found = list(rows(parser.parse_args().seed))
    with open("results.csv", "w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, found[0])
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
