"""A logistic line on columns made by hand; the model is plain data."""

import numpy as np
from sklearn.linear_model import LogisticRegressionCV


def rate(values, target):
    """Return how often the best rule on one column, made from one half, is right in the other half."""
    half = np.random.default_rng(0).permutation(len(target)) < len(target) // 2
    if isinstance(values, np.ndarray):
        keys = np.where(np.isnan(values), "gap", "number")
        known = ~np.isnan(values)
        best = 0.0
        for cut in np.quantile(values[known], np.linspace(0.02, 0.98, 49)):
            split = np.where(known & (values > cut), "above", keys)
            best = max(best, of_words(split, target, half))
        return best
    return of_words(np.array(values), target, half)


def of_words(words, target, half):
    right = 0
    usual = target[half].mean() > 0.5
    for word in np.unique(words):
        same = words == word
        seen = target[same & half]
        guess = seen.mean() > 0.5 if len(seen) else usual
        right += ((target == guess) & same & ~half).sum()
    return right / (~half).sum()


def leaky_columns(table, target):
    return tuple(name for name, values in table.items() if rate(values, target) > 0.9)


def out_of_fold(fit_predict, x, y, groups, folds, seed):
    order = np.unique(groups)
    np.random.RandomState(seed % 2**32).shuffle(order)
    fold_of = {group: place % folds for place, group in enumerate(order)}
    fold = np.array([fold_of[group] for group in groups])
    parts = [fit_predict(x[fold != k], y[fold != k], x[fold == k]) for k in range(folds)]
    rows = np.concatenate([np.flatnonzero(fold == k) for k in range(folds)])
    return np.concatenate(parts)[np.argsort(rows)]


def columns(table, told):
    made = []
    for name, (centre, scale, words) in told.items():
        if words:
            made += [np.array([text == word for text in table[name]], dtype=float) for word in words]
            continue
        values = np.asarray(table[name], dtype=float)
        gap = np.isnan(values)
        z = (np.log(np.maximum(values, 1e-3)) - centre) / scale if scale > 0 else values * 0
        z = np.where(gap, 0.0, np.clip(z, -4, 4))
        flat = np.where(gap, 0.0, np.minimum(np.nan_to_num(values), np.exp(centre + scale)) / np.exp(centre))
        made += [z, z**2, flat, gap.astype(float)]
    return np.column_stack(made)


def fit(table, target):
    leaks = leaky_columns(table, target)
    told = {}
    for name, values in table.items():
        if name in leaks:
            continue
        if isinstance(values, list):
            told[name] = (0.0, 0.0, sorted(set(values)))
        else:
            logs = np.log(np.maximum(values[~np.isnan(values)], 1e-3))
            told[name] = (float(logs.mean()), float(logs.std()), [])
    line = LogisticRegressionCV(Cs=[0.1, 1.0], cv=3, scoring="neg_log_loss", max_iter=2000)
    line.fit(columns(table, told), target)
    return {"columns": told, "weights": line.coef_[0], "bias": float(line.intercept_[0])}


def predict(model, table):
    return 1 / (1 + np.exp(-columns(table, model["columns"]) @ model["weights"] - model["bias"]))
