"""Counts by bincount, a floor without simulation, and rates that are smoothed before they are made equal."""

import numpy as np

Z2 = 1.96**2


def _counts(flags, places, size):
    return np.bincount(places, weights=flags, minlength=size)


def group_rates(decisions, targets, groups):
    names, places = np.unique(groups, return_inverse=True)
    found = {}
    members, chosen = _counts(np.ones(len(groups)), places, len(names)), _counts(decisions, places, len(names))
    positives, hits = _counts(targets, places, len(names)), _counts(decisions * targets, places, len(names))
    for place, name in enumerate(names):
        negatives, alarms = members[place] - positives[place], chosen[place] - hits[place]
        found[int(name)] = (
            chosen[place] / members[place],
            hits[place] / positives[place] if positives[place] else None,
            alarms / negatives if negatives else None,
        )
    return found


def difference_interval(a, of_a, b, of_b):
    k, n = np.array([a, b], dtype=float), np.array([of_a, of_b], dtype=float)
    p = k / n
    root = np.sqrt(Z2 * (Z2 + 4 * k * (1 - p)))  # the quadratic that Wilson solves
    low, high = (2 * k + Z2 - root) / (2 * (n + Z2)), (2 * k + Z2 + root) / (2 * (n + Z2))
    down, up = p - low, high - p
    gap = p[0] - p[1]
    return [gap - np.sqrt(down[0] ** 2 + up[1] ** 2), gap + np.sqrt(up[0] ** 2 + down[1] ** 2)]


def floor_gap(sizes, rate):
    """Sum P(largest > x) - P(smallest > x) over a fine grid, from the binomial law itself."""
    grid = np.linspace(0, 1, 4001)
    below, above = np.ones(len(grid)), np.ones(len(grid))
    for size in np.asarray(sizes).tolist():
        share = np.searchsorted(np.arange(size + 1), grid * size + 1e-9, side="right") - 1
        cdf = np.cumsum(_binomial(size, rate))[share]
        below, above = below * cdf, above * (1 - cdf)
    return float(np.mean(1 - below - above))


def _binomial(size, rate):
    if rate in (0, 1):
        return (np.arange(size + 1) == size * rate).astype(float)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    k = np.arange(size + 1)
    return np.exp(logs[-1] - logs[k] - logs[size - k] + k * np.log(rate) + (size - k) * np.log1p(-rate))


def audit(flags, groups):
    names, places = np.unique(groups, return_inverse=True)
    sizes, counts = np.bincount(places), _counts(flags, places, len(names))
    if (sizes < 30).any():
        raise ValueError("too few members to speak of a rate")
    order = np.argsort(counts / sizes)
    top, bottom = order[-1], order[0]
    low, high = difference_interval(counts[top], sizes[top], counts[bottom], sizes[bottom])
    answer = {"gap": counts[top] / sizes[top] - counts[bottom] / sizes[bottom], "low": low, "high": high}
    answer["floor"] = floor_gap(sizes, flags.mean())
    answer["excess"] = np.clip(answer["gap"] - answer["floor"], 0, None)
    return answer


def equalised_odds(decisions, targets, groups):
    audits = {}
    for name, wanted in {"false_positive": 0, "true_positive": 1}.items():
        kept = np.flatnonzero(targets == wanted)
        audits[name] = audit(decisions[kept], groups[kept])
    audits["excess"] = max(audits["false_positive"]["excess"], audits["true_positive"]["excess"])
    return audits


def standardised_gap(decisions, groups, strata):
    names, places = np.unique(strata, return_inverse=True)
    cells = 2 * places + groups
    sizes = np.bincount(cells, minlength=2 * len(names)).reshape(-1, 2)
    if not sizes.all():
        raise ValueError("a stratum of one group alone")
    rates = _counts(decisions, cells, 2 * len(names)).reshape(-1, 2) / sizes
    return float(sizes.sum(axis=1) @ (rates[:, 1] - rates[:, 0]) / len(decisions))


class Rule:
    """Two normal laws of the scores' logits in each group, and the threshold that follows from them."""

    def __init__(self, scores, targets, groups):
        logits = np.log(scores / (1 - scores))
        self.laws = {}
        for name in np.unique(groups):
            mine = groups == name
            yes, no = logits[mine & (targets == 1)], logits[mine & (targets == 0)]
            self.laws[int(name)] = (yes.mean(), yes.std(), no.mean(), no.std(), mine.mean(), targets[mine].mean())
        steps = np.linspace(-1.5, 3, 181)  # how far below the mean of the positives all thresholds lie
        self.step = max(steps, key=self.accuracy)

    def accuracy(self, step):
        total = 0.0
        for yes, spread, no, width, share, positive in self.laws.values():
            cut = yes - step * spread
            total += share * (positive * _normal(step) + (1 - positive) * _normal((cut - no) / width))
        return total

    def threshold(self, name):
        yes, spread, *_ = self.laws[int(name)]
        return 1 / (1 + np.exp(self.step * spread - yes))


def _normal(z):
    from math import erf, sqrt

    return 0.5 * (1 + erf(z / sqrt(2)))


def fit(scores, targets, groups):
    return Rule(scores, targets, groups)


def decide(rule, scores, groups):
    names, places = np.unique(groups, return_inverse=True)
    return (scores >= np.array([rule.threshold(name) for name in names])[places]) * 1.0
