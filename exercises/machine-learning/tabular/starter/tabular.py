"""A table: what leaks into it, how to test on it honestly, and a pipeline that predicts rows nobody has seen.

A table is a dict from a column's name to its values: a float array (n,), NaN where a number is
missing, or a list of n texts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, SplineTransformer
from sklearn.tree import DecisionTreeClassifier

Table = dict[str, Any]
FitPredict = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def leaky_columns(table: Table, target: np.ndarray) -> list[str]:
    """Return the names of the columns that tell the target too well to have been known beforehand.

    A column leaks if a rule on it alone (a threshold, the words, whether a number is missing) is right
    for 95 % of rows that the rule was not made from. Honest columns stay below 85 %.

    Args:
        table: n rows, at least 300.
        target: (n,), each 0 or 1.

    Returns:
        Names, in any order.
    """
    raise NotImplementedError("cross-validate a small tree on each column alone")


def out_of_fold(
    fit_predict: FitPredict, x: np.ndarray, y: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    """Return a prediction for each row, by a model that has seen no row of its group.

    Args:
        fit_predict: Takes training rows (a, d), their targets (a,) and rows to predict (b, d); returns (b,).
            It is called once for each fold, with all rows of the other folds to train on.
        x: (n, d), floating point.
        y: (n,).
        groups: (n,), integers: rows of one group, such as one customer's, belong together.
        folds: At least 2, at most the number of groups. Groups are dealt out at random and about evenly.
        seed: The same seed, the same folds.

    Returns:
        (n,), in the order of the rows.
    """
    raise NotImplementedError("deal the groups out; for each fold train on the others and predict it")


def fit(table: Table, target: np.ndarray) -> Any:
    """Return a model for `predict`, fitted to the training rows.

    Args:
        table: The columns that the README names; one of them may leak.
        target: (n,), each 0 or 1.
    """
    raise NotImplementedError("leave out what leaks; prepare numbers and words each in their way; then a classifier")


# add functions of your own here if they help


def predict(model: Any, table: Table) -> np.ndarray:
    """Return the probability of class 1 for each row.

    Args:
        model: What `fit` returned.
        table: The same columns, m rows; with texts that training did not have, and any number missing.

    Returns:
        (m,), from 0 to 1; each row is judged on its own.
    """
    raise NotImplementedError("the fitted pipeline, on the same columns")
