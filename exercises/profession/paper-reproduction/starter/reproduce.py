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
    raise NotImplementedError("normal features; a normal vector, scaled, points in every direction alike")


# ---- the estimators --------------------------------------------------------------------------


def min_norm(x: Floats, y: Floats) -> Floats:
    """Return the shortest of all vectors b that make |y - x b| least.

    Args:
        x: (n, p), of any rank.
        y: (n,).

    Returns:
        (p,).
    """
    raise NotImplementedError("the pseudo-inverse does it, below and above p = n")


def ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    """Return the vector b that makes |y - x b|^2 / n + penalty |b|^2 least.

    Args:
        x: (n, p).
        y: (n,).
        penalty: Above 0.

    Returns:
        (p,).
    """
    raise NotImplementedError("set the gradient to zero; n equations are fewer than p where p is large")


# ---- the theory ------------------------------------------------------------------------------


def ridgeless_limit(gamma: float, snr: float) -> float:
    """Return the risk of least squares as n and p grow with p / n = gamma; infinite at gamma 1."""
    raise NotImplementedError("variance alone below 1; above 1 there is bias, too")


def ridge_limit(gamma: float, snr: float) -> float:
    """Return the risk of ridge regression with the best penalty, gamma / snr, in the same limit."""
    raise NotImplementedError("gamma times the Stieltjes transform of the Marchenko-Pastur law at -penalty")


# ---- the experiment --------------------------------------------------------------------------


def interval(values: Floats) -> tuple[float, float, float]:
    """Return the mean and the mean less and plus two standard errors.

    Args:
        values: (repeats,), two or more.
    """
    raise NotImplementedError("the standard error of a mean, from the sample's standard deviation")


def table(seed: int) -> list[Row]:
    """Return the rows of results.csv: for each of PARTS a row for each of GAMMAS, in this order.

    Repeat r of the ratio at place k, both from 0, draws with seed 1000 * seed + 100 * k + r,
    whatever the part. The risk of an estimate b is |b - beta|^2.
    """
    raise NotImplementedError("for each row draw, fit, and take the squared distance to beta")


def main(seed: int) -> None:
    """Write results.csv: COLUMNS, then the rows, their numbers with six digits or more."""
    raise NotImplementedError("write the rows as CSV; print them as Markdown for the report, too")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
