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
    found = []
    for name, values in table.items():
        if isinstance(values, np.ndarray):
            column = np.column_stack([np.nan_to_num(values), np.isnan(values)])
        else:
            words, counts = np.unique(values, return_counts=True)
            column = np.array(values)[:, None] == words[counts > 5]
        tree = DecisionTreeClassifier(max_leaf_nodes=8)
        told = cross_val_score(tree, column, target, cv=5).mean() if column.shape[1] else 0.0
        if told > 0.9:
            found.append(name)
    return found


def out_of_fold(
    fit_predict: FitPredict, x: np.ndarray, y: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    dealt = np.random.default_rng(seed).permutation(np.unique(groups))
    answers = np.empty(len(x))
    for part in np.array_split(dealt, folds):
        held_out = np.isin(groups, part)
        answers[held_out] = fit_predict(x[~held_out], y[~held_out], x[held_out])
    return answers


def fit(table: Table, target: np.ndarray) -> Any:
    leaks = set(leaky_columns(table, target))
    numbers = [name for name, values in table.items() if isinstance(values, np.ndarray) and name not in leaks]
    words = [name for name, values in table.items() if name not in leaks and name not in numbers]
    filled = SimpleImputer(strategy="median")
    bent = make_pipeline(filled, QuantileTransformer(n_quantiles=100), SplineTransformer(n_knots=5))
    of_numbers, of_words = (list(range(len(numbers))), list(range(len(numbers), len(numbers) + len(words))))
    columns = ColumnTransformer(
        [
            ("bent", bent, of_numbers),
            ("missing", MissingIndicator(features="all"), of_numbers),
            ("words", OneHotEncoder(), of_words),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression(C=0.3, max_iter=500))
    return (pipeline.fit(_rows(table, numbers + words), target), numbers + words)


def _rows(table: Table, names: list[str]) -> np.ndarray:
    rows = np.empty((len(table[names[0]]), len(names)), dtype=object)
    for place, name in enumerate(names):
        rows[:, place] = table[name]
    return rows


def predict(model: Any, table: Table) -> np.ndarray:
    pipeline, names = model
    return pipeline.predict_proba(_rows(table, names))[:, 1]
