"""One decomposition per data set serves both estimators; rows are written as text."""

import sys
from pathlib import Path

import numpy as np

GAMMAS = np.array([0.2, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2, 3, 5])


def draw(n, p, snr, seed):
    stream = np.random.RandomState(seed)
    direction = stream.standard_normal(p)
    beta = np.sqrt(snr) * direction / np.sqrt(direction @ direction)
    data = stream.standard_normal((n, p + 1))
    return data[:, :p], data[:, :p] @ beta + data[:, p], beta


class Decomposed:
    def __init__(self, x, y):
        self.n = len(y)
        u, self.s, self.v = np.linalg.svd(x, full_matrices=False)
        self.c = u.T @ y

    def min_norm(self):
        kept = self.s > 1e-12 * self.s.max() * max(self.n, self.v.shape[1])
        return (self.c[kept] / self.s[kept]) @ self.v[kept]

    def ridge(self, penalty):
        return (self.c * self.s / (self.s**2 + self.n * penalty)) @ self.v


def min_norm(x, y):
    return Decomposed(x, y).min_norm()


def ridge(x, y, penalty):
    return Decomposed(x, y).ridge(penalty)


def ridgeless_limit(gamma, snr):
    with np.errstate(divide="ignore"):
        variance = np.divide(min(gamma, 1), abs(1 - gamma))
    return float(snr * max(0, 1 - 1 / gamma) + variance)


def ridge_limit(gamma, snr):
    z = gamma / snr
    roots = np.roots([gamma * z, 1 - gamma + z, -1])
    return float(gamma * roots.real.max())


def interval(values):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values) + error * np.array([0, -2, 2])


def main(seed):
    risks = {("ridgeless", 4): [], ("ridgeless", 1): [], ("ridge", 4): []}
    for place, gamma in enumerate(GAMMAS):
        found = {part: [] for part in risks}
        for repeat in range(20):
            for snr in (4, 1):
                x, y, beta = draw(80, int(gamma * 80 + 0.5), snr, 1000 * seed + 100 * place + repeat)
                both = Decomposed(x, y)
                found["ridgeless", snr].append(np.sum((both.min_norm() - beta) ** 2))
                if snr == 4:
                    found["ridge", snr].append(np.sum((both.ridge(gamma / snr) - beta) ** 2))
        for part, values in found.items():
            risks[part].append(interval(values))
    lines = ["estimator,snr,gamma,measured,low,high,limit"]
    for (estimator, snr), rows in risks.items():
        for gamma, row in zip(GAMMAS, rows):
            limit = (ridgeless_limit if estimator == "ridgeless" else ridge_limit)(gamma, snr)
            lines.append(",".join([estimator, str(snr), *map(repr, map(float, [gamma, *row, limit]))]))
    Path("results.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 0)
