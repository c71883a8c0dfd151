import csv
import math
import sys

import numpy as np

N, REPEATS = 80, 20
GAMMAS = [0.2, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0]
PARTS = [("ridgeless", 4.0), ("ridgeless", 1.0), ("ridge", 4.0)]
COLUMNS = ["estimator", "snr", "gamma", "measured", "low", "high", "limit"]


def draw(n, p, snr, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    beta = rng.normal(size=p)
    beta *= math.sqrt(snr) / np.linalg.norm(beta)
    return x, x @ beta + rng.normal(size=n), beta


def min_norm(x, y):
    return np.linalg.lstsq(x, y, rcond=None)[0]


def ridge(x, y, penalty):
    n = len(y)
    return x.T @ np.linalg.solve(x @ x.T + n * penalty * np.eye(n), y)


def ridgeless_limit(gamma, snr):
    if gamma == 1:
        return math.inf
    if gamma < 1:
        return gamma / (1 - gamma)
    return snr * (1 - 1 / gamma) + 1 / (gamma - 1)


def ridge_limit(gamma, snr):
    penalty = gamma / snr
    middle = 1 - gamma + penalty
    return (math.sqrt(middle**2 + 4 * gamma * penalty) - middle) / (2 * penalty)


def interval(values):
    values = np.asarray(values)
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    return mean, mean - 2 * error, mean + 2 * error


def risks(estimator, snr, place, seed):
    gamma = GAMMAS[place]
    found = []
    for repeat in range(REPEATS):
        x, y, beta = draw(N, round(gamma * N), snr, 1000 * seed + 100 * place + repeat)
        b = min_norm(x, y) if estimator == "ridgeless" else ridge(x, y, gamma / snr)
        found.append(((b - beta) ** 2).sum())
    return found


def main(seed):
    with open("results.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for estimator, snr in PARTS:
            limit = ridgeless_limit if estimator == "ridgeless" else ridge_limit
            for place, gamma in enumerate(GAMMAS):
                numbers = [*interval(risks(estimator, snr, place, seed)), limit(gamma, snr)]
                writer.writerow([estimator, snr, gamma, *(f"{number:.8g}" for number in numbers)])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
