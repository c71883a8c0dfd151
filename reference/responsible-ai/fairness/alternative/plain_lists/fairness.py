"""Plain Python and lists; the rule is plain data, found by walking along the sorted positives of each group."""

import bisect
import random
from math import sqrt

import numpy as np


def share(flags):
    return sum(flags) / len(flags) if flags else None


def group_rates(decisions, targets, groups):
    people = list(zip(decisions.tolist(), targets.tolist(), groups.tolist()))
    rates = {}
    for name in sorted({group for _, _, group in people}):
        mine = [(chosen, truth) for chosen, truth, group in people if group == name]
        rates[name] = [
            share([chosen for chosen, _ in mine]),
            share([chosen for chosen, truth in mine if truth]),
            share([chosen for chosen, truth in mine if not truth]),
        ]
    return rates


def wilson(count, n):
    z, p = 1.96, count / n
    middle, half = p + z**2 / 2 / n, z * sqrt(p * (1 - p) / n + (z / 2 / n) ** 2)
    return [(middle + sign * half) / (1 + z**2 / n) for sign in (-1, 1)]


def difference_interval(a, of_a, b, of_b):
    p, q = a / of_a, b / of_b
    l, u = wilson(a, of_a)
    m, v = wilson(b, of_b)
    return np.array([p - q - sqrt((p - l) ** 2 + (v - q) ** 2), p - q + sqrt((u - p) ** 2 + (q - m) ** 2)])


def floor_gap(sizes, rate):
    draws = np.random.RandomState(17)
    shares = np.stack([draws.binomial(int(size), rate, 15000) / int(size) for size in sizes])
    return (shares.max(0) - shares.min(0)).mean()


def audit(flags, groups):
    flags, groups = flags.tolist(), groups.tolist()
    parts = {}
    for flag, group in zip(flags, groups):
        parts.setdefault(group, []).append(flag)
    if min(map(len, parts.values())) < 30:
        raise ValueError("fewer than 30")
    ordered = sorted(parts.values(), key=share)
    worst, best = ordered[0], ordered[-1]
    low, high = difference_interval(sum(best), len(best), sum(worst), len(worst))
    floor = floor_gap([len(part) for part in ordered], share(flags))
    gap = share(best) - share(worst)
    return dict(gap=gap, low=low, high=high, floor=floor, excess=gap - floor if gap > floor else 0)


def equalised_odds(decisions, targets, groups):
    yes, no = targets > 0, targets < 1
    both = dict(
        true_positive=audit(decisions[yes], groups[yes]), false_positive=audit(decisions[no], groups[no])
    )
    return both | {"excess": max(one["excess"] for one in both.values())}


def standardised_gap(decisions, groups, strata):
    cells = {}
    for chosen, group, stratum in zip(decisions.tolist(), groups.tolist(), strata.tolist()):
        cells.setdefault(stratum, ([], []))[group].append(chosen)
    total = 0.0
    for other, one in cells.values():
        if not one or not other:
            raise ValueError("no comparison here")
        total += (len(one) + len(other)) * (share(one) - share(other))
    return total / len(decisions)


def fit(scores, targets, groups):
    people = {}
    for score, truth, group in zip(scores.tolist(), targets.tolist(), groups.tolist()):
        people.setdefault(group, ([], []))[truth].append(score)
    for refused, deserving in people.values():
        refused.sort()
        deserving.sort()

    def cut(deserving, rate):
        return deserving[min(len(deserving) - 1, int((1 - rate) * len(deserving)))]

    def right(rate):
        total = 0
        for others, deserving in people.values():
            threshold = cut(deserving, rate)
            total += len(deserving) - bisect.bisect_left(deserving, threshold)
            total += bisect.bisect_left(others, threshold)
        return total

    random.seed(0)
    best = max((place / 200 for place in range(50, 199)), key=right)
    return [[group, cut(deserving, best)] for group, (_, deserving) in people.items()]


def decide(rule, scores, groups):
    thresholds = dict(rule)
    return [int(score >= thresholds[group]) for score, group in zip(scores.tolist(), groups.tolist())]
