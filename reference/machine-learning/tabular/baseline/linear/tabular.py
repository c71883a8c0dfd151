"""What costs no thought: means for gaps, one column for each word, a straight line."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def leaky_columns(table, target):
    found = []
    for name, values in table.items():
        if isinstance(values, np.ndarray) and not np.isnan(values).any() and values.std() > 0:
            if abs(np.corrcoef(values, target)[0, 1]) > 0.85:
                found.append(name)
    return found


def rows(table, names):
    return np.array([table[name] for name in names], dtype=object).T


def fit(table, target):
    leaks = leaky_columns(table, target)
    names = [name for name in table if name not in leaks]
    words = [place for place, name in enumerate(names) if isinstance(table[name], list)]
    numbers = [place for place in range(len(names)) if place not in words]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(rows(table, names), target), names


def predict(model, table):
    pipeline, names = model
    return pipeline.predict_proba(rows(table, names))[:, 1]
