"""Double descent in least squares, reproduced: Hastie, Montanari, Rosset and Tibshirani (2022), section 3.

`python reproduce.py SEED` writes results.csv; the report's table is the one of seed 0.
Shapes are written at the end of lines.
"""

from __future__ import annotations

import csv
import math
import sys

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Row = tuple[str, float, float, float, float, float, float]
"""estimator, snr, gamma, measured, low, high, limit"""

N = 80
REPEATS = 20
GAMMAS = (0.2, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
PARTS = (("ridgeless", 4.0), ("ridgeless", 1.0), ("ridge", 4.0))
COLUMNS = ("estimator", "snr", "gamma", "measured", "low", "high", "limit")


# ---- the model -------------------------------------------------------------------------------


def draw(n: int, p: int, snr: float, seed: int) -> tuple[Floats, Floats, Floats]:
    """Return a data set of the paper's model with isotropic features and noise of variance 1.

    Args:
        n: Samples.
        p: Features.
        snr: Squared length of beta, above 0.
        seed: The same seed, the same data.

    Returns:
        x (n, p), standard normal; y = x beta + noise (n,); beta (p,), its direction evenly spread.
    """
    ### BEGIN SOLUTION normal features; a normal vector, scaled, points in every direction alike
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    beta = rng.normal(size=p)
    beta *= math.sqrt(snr) / np.linalg.norm(beta)
    return x, x @ beta + rng.normal(size=n), beta
    ### END SOLUTION


# ---- the estimators --------------------------------------------------------------------------


def min_norm(x: Floats, y: Floats) -> Floats:
    """Return the shortest of all vectors b that make |y - x b| least.

    Args:
        x: (n, p), of any rank.
        y: (n,).

    Returns:
        (p,).
    """
    ### BEGIN SOLUTION the pseudo-inverse does it, below and above p = n
    return np.linalg.lstsq(x, y, rcond=None)[0]
    ### END SOLUTION


def ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    """Return the vector b that makes |y - x b|^2 / n + penalty |b|^2 least.

    Args:
        x: (n, p).
        y: (n,).
        penalty: Above 0.

    Returns:
        (p,).
    """
    ### BEGIN SOLUTION set the gradient to zero; n equations are fewer than p where p is large
    n = len(y)
    return x.T @ np.linalg.solve(x @ x.T + n * penalty * np.eye(n), y)
    ### END SOLUTION


# ---- the theory ------------------------------------------------------------------------------


def ridgeless_limit(gamma: float, snr: float) -> float:
    """Return the risk of least squares as n and p grow with p / n = gamma; infinite at gamma 1."""
    ### BEGIN SOLUTION variance alone below 1; above 1 there is bias, too
    if gamma == 1:
        return math.inf
    if gamma < 1:
        return gamma / (1 - gamma)
    return snr * (1 - 1 / gamma) + 1 / (gamma - 1)
    ### END SOLUTION


def ridge_limit(gamma: float, snr: float) -> float:
    """Return the risk of ridge regression with the best penalty, gamma / snr, in the same limit."""
    ### BEGIN SOLUTION gamma times the Stieltjes transform of the Marchenko-Pastur law at -penalty
    penalty = gamma / snr
    middle = 1 - gamma + penalty
    return (math.sqrt(middle**2 + 4 * gamma * penalty) - middle) / (2 * penalty)
    ### END SOLUTION


# ---- the experiment --------------------------------------------------------------------------


def interval(values: Floats) -> tuple[float, float, float]:
    """Return the mean and the mean less and plus two standard errors.

    Args:
        values: (repeats,), two or more.
    """
    ### BEGIN SOLUTION the standard error of a mean, from the sample's standard deviation
    mean, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    return float(mean), float(mean - 2 * error), float(mean + 2 * error)
    ### END SOLUTION


def table(seed: int) -> list[Row]:
    """Return the rows of results.csv: for each of PARTS a row for each of GAMMAS, in this order.

    Repeat r of the ratio at place k, both from 0, draws with seed 1000 * seed + 100 * k + r,
    whatever the part. The risk of an estimate b is |b - beta|^2.
    """
    ### BEGIN SOLUTION for each row draw, fit, and take the squared distance to beta
    rows = []
    for estimator, snr in PARTS:
        for place, gamma in enumerate(GAMMAS):
            p = round(gamma * N)
            risks = np.empty(REPEATS)
            for repeat in range(REPEATS):
                x, y, beta = draw(N, p, snr, 1000 * seed + 100 * place + repeat)
                found = min_norm(x, y) if estimator == "ridgeless" else ridge(x, y, gamma / snr)
                risks[repeat] = ((found - beta) ** 2).sum()
            limit = ridgeless_limit if estimator == "ridgeless" else ridge_limit
            rows.append((estimator, snr, gamma, *interval(risks), limit(gamma, snr)))
    return rows
    ### END SOLUTION


def main(seed: int) -> None:
    """Write results.csv: COLUMNS, then the rows, their numbers with six digits or more."""
    ### BEGIN SOLUTION write the rows as CSV; print them as Markdown for the report, too
    rows = table(seed)
    with open("results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((estimator, *(f"{number:.8g}" for number in numbers)) for estimator, *numbers in rows)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for estimator, *numbers in rows:
        print(f"| {estimator} | " + " | ".join(f"{number:.4g}" for number in numbers) + " |")
    ### END SOLUTION


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
