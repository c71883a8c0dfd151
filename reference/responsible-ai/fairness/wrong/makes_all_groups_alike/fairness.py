import math

import numpy as np


def group_rates(decisions, targets, groups):
    found = {}
    for group in set(groups.tolist()):
        mine = groups == group
        rates = [decisions[mine], decisions[mine & (targets == 1)], decisions[mine & (targets == 0)]]
        found[group] = tuple(float(rate.mean()) if len(rate) else None for rate in rates)
    return found


def wilson(k, n, z=1.96):
    p = k / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (p + z * z / (2 * n) - half) / (1 + z * z / n), (p + z * z / (2 * n) + half) / (1 + z * z / n)


def difference_interval(a, of_a, b, of_b):
    p, q = a / of_a, b / of_b
    (l, u), (m, v) = wilson(a, of_a), wilson(b, of_b)
    return p - q - math.hypot(p - l, v - q), p - q + math.hypot(u - p, q - m)


def floor_gap(sizes, rate):
    sizes = np.full(len(sizes), int(np.mean(sizes)))
    rates = np.random.default_rng(0).binomial(sizes, rate, size=(10000, len(sizes))) / sizes
    return float(np.ptp(rates, axis=1).mean())


def audit(flags, groups):
    found = []
    for group in np.unique(groups):
        mine = flags[groups == group]
        if len(mine) < 30:
            raise ValueError("a group is too small")
        found.append((mine.mean(), int(mine.sum()), len(mine)))
    found.sort()
    low, high = difference_interval(*found[-1][1:], *found[0][1:])
    gap = found[-1][0] - found[0][0]
    floor = floor_gap([size for _, _, size in found], flags.mean())
    return {"gap": float(gap), "low": low, "high": high, "floor": floor, "excess": float(max(0, gap - floor))}


def equalised_odds(decisions, targets, groups):
    hits, alarms = (audit(decisions[targets == value], groups[targets == value]) for value in (1, 0))
    return {"true_positive": hits, "false_positive": alarms, "excess": max(hits["excess"], alarms["excess"])}


def standardised_gap(decisions, groups, strata):
    total = 0
    for stratum in np.unique(strata):
        inside = strata == stratum
        both = [decisions[inside & (groups == group)] for group in (0, 1)]
        if not all(len(one) for one in both):
            raise ValueError("nobody to compare with")
        total += inside.mean() * (both[1].mean() - both[0].mean())
    return float(total)


def fit(scores, targets, groups):
    best, rule = -1, None
    for rate in np.linspace(0.3, 0.98, 35):
        tried = {}
        for group in set(groups.tolist()):
            tried[group] = np.quantile(scores[(groups == group) & (targets == 1)], 1 - rate)
        accuracy = (decide(tried, scores, groups) == targets).mean()
        if accuracy > best:
            best, rule = accuracy, tried
    return rule


def decide(rule, scores, groups):
    threshold = np.zeros(len(scores))
    for group, value in rule.items():
        threshold[groups == group] = value
    return (scores >= threshold).astype(int)
