"""Privacy: DP-SGD with an accountant, membership inference, and redaction of personal data.

Shapes are written at the end of lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Gradients = Callable[[Floats, Integers], Floats]

ORDERS = range(2, 65)


# ---- one private step ------------------------------------------------------------------------


def clip(gradients: Floats, norm: float) -> Floats:
    """Return each example's gradient, shortened to a length of at most `norm`.

    Args:
        gradients: (examples, width); examples may be 0.
        norm: Above 0.

    Returns:
        (examples, width); what is short enough is unchanged.
    """
    ### BEGIN SOLUTION divide each row by its length over the norm, where that is above 1
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)  # (examples, 1)
    return gradients / np.maximum(lengths / norm, 1.0)
    ### END SOLUTION


def private_gradient(gradients: Floats, norm: float, noise: float, expected: float, seed: int) -> Floats:
    """Return the noisy mean gradient of a batch.

    Args:
        gradients: (examples, width), one for each example; examples may be 0.
        norm: To which each is clipped.
        noise: Standard deviation of the noise on the sum, in units of `norm`.
        expected: By what the sum is divided: the expected number of examples, whatever their number is.
        seed: Of the noise.

    Returns:
        (width,).
    """
    ### BEGIN SOLUTION clip, sum, add noise once, divide by a number that tells nothing of the data
    total = clip(gradients, norm).sum(axis=0)  # (width,)
    total += np.random.default_rng(seed).normal(scale=noise * norm, size=total.shape)
    return total / expected
    ### END SOLUTION


# ---- the accountant --------------------------------------------------------------------------


def epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return the epsilon of DP-SGD at `delta`, by Rényi differential privacy at the orders 2 to 64.

    Args:
        noise: Above 0.
        rate: Probability of each example to be in a batch, above 0 and up to 1.
        steps: 1 or more.
        delta: Above 0, below 1.
    """
    ### BEGIN SOLUTION the divergence of a step at each order, times steps, turned into epsilon; take the least
    found = []
    for order in ORDERS:
        if rate == 1:
            divergence = order / (2 * noise**2)
        else:
            k = np.arange(order + 1)
            binomial = np.array([math.log(math.comb(order, int(each))) for each in k])
            terms = binomial + (order - k) * math.log1p(-rate) + k * math.log(rate) + k * (k - 1) / (2 * noise**2)
            divergence = float(np.logaddexp.reduce(terms)) / (order - 1)
        bound = steps * divergence + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        found.append(bound)
    return max(0.0, min(found))
    ### END SOLUTION


def noise_for(target: float, rate: float, steps: int, delta: float) -> float:
    """Return the least noise with which `epsilon` is at most `target`, to 1 %, never below it."""
    ### BEGIN SOLUTION epsilon falls with noise: find a bracket, then halve it
    high = 1.0
    while epsilon(high, rate, steps, delta) > target:
        high *= 2
    low = high / 2
    while epsilon(low, rate, steps, delta) <= target:
        high, low = low, low / 2
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        if epsilon(middle, rate, steps, delta) <= target:
            high = middle
        else:
            low = middle
    return high
    ### END SOLUTION


# ---- training --------------------------------------------------------------------------------


def train(gradients: Gradients, n: int, width: int, target: float, delta: float, seed: int) -> dict[str, Any]:
    """Train by DP-SGD on data that somebody else keeps, within a budget, and return the log.

    Args:
        gradients: From weights (width,) and indices (examples,) of a batch to the gradient of the loss of
            each of its examples, (examples, width). Asked once in each step, of an empty batch, too.
        n: Examples in the data.
        width: Weights.
        target: The epsilon that must not be exceeded.
        delta: Of the same promise.
        seed: Of everything that is drawn.

    Returns:
        noise, rate, steps, clip, learning_rate, and weights (steps + 1, width), which begins with zeros.
        In each step every example is in the batch with probability rate, independently, and the weights
        become weights - learning_rate * (sum of clipped gradients + noise * clip * z) / (rate * n), z normal.
    """
    ### BEGIN SOLUTION choose rate, steps and clip; the accountant gives the noise; then step by step
    rate, steps, norm, learning_rate = 0.25, 60, 1.0, 0.5
    noise = noise_for(target, rate, steps, delta)
    rng = np.random.default_rng(seed)
    weights = np.zeros((steps + 1, width))
    for step in range(steps):
        batch = np.flatnonzero(rng.random(n) < rate)  # (examples,)
        asked = gradients(weights[step], batch)  # (examples, width)
        direction = private_gradient(asked, norm, noise, rate * n, int(rng.integers(2**31)))
        weights[step + 1] = weights[step] - learning_rate * direction
    log = {"noise": noise, "rate": rate, "steps": steps, "clip": norm, "learning_rate": learning_rate}
    return {**log, "weights": weights}
    ### END SOLUTION


# ---- membership inference --------------------------------------------------------------------


def likelihood_ratio(losses: Floats, inside: Floats, outside: Floats) -> Floats:
    """Return for each example how much likelier its loss is if the model was trained on it.

    Args:
        losses: (examples,), by the model under attack.
        inside: (models, examples), by models of the attacker's that were trained on the example.
        outside: (models, examples), by models that were not.

    Returns:
        (examples,): log N(loss; mean and variance inside) - log N(loss; those outside), variances with n - 1.
    """

    ### BEGIN SOLUTION a normal law for each example, from each kind of model
    def log_density(sample: Floats) -> Floats:
        variance = sample.var(axis=0, ddof=1)  # (examples,)
        return -((losses - sample.mean(axis=0)) ** 2) / (2 * variance) - np.log(variance) / 2

    return log_density(inside) - log_density(outside)
    ### END SOLUTION


def caught_at(scores: Floats, members: npt.NDArray[np.bool_], false_alarms: float) -> float:
    """Return the largest share of members that one threshold catches with at most some share of false alarms.

    Args:
        scores: (examples,), higher for likelier members; several may be equal.
        members: (examples,), True for members; there are some of both.
        false_alarms: The share of the others that may be called members, 0 to 1.

    Returns:
        0 to 1. Whoever scores at or above the threshold is called a member.
    """
    ### BEGIN SOLUTION try each score as the threshold, and none at all
    inside, outside = scores[members], scores[~members]
    best = 0.0
    for threshold in np.unique(scores):
        if (outside >= threshold).mean() <= false_alarms:
            best = max(best, float((inside >= threshold).mean()))
    return best
    ### END SOLUTION


# ---- redaction -------------------------------------------------------------------------------


def redact(text: str) -> str:
    """Return the text with e-mail addresses, cards, phones and IPv4 addresses replaced by their kind.

    They become [EMAIL], [CARD], [PHONE] and [IP]; what else looks like a number stays.
    """

    ### BEGIN SOLUTION a pattern for each kind; what a pattern cannot tell, arithmetic does
    def card(found: re.Match[str]) -> str:
        digits = [int(each) for each in found[0] if each.isdigit()][::-1]
        doubled = [sum(divmod(2 * each, 10)) for each in digits[1::2]]
        return "[CARD]" if (sum(digits[::2]) + sum(doubled)) % 10 == 0 else found[0]

    byte = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
    text = re.sub(r"[\w.%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}", "[EMAIL]", text)
    text = re.sub(r"\+\d(?:[ .()-]{0,2}\d){7,14}(?!\d)", "[PHONE]", text)
    text = re.sub(r"(?<![\d+])\d(?:[ -]?\d){12,18}(?!\d)", card, text)
    return re.sub(rf"(?<![\d.])(?:{byte}\.){{3}}{byte}(?!\.?\d)", "[IP]", text)
    ### END SOLUTION
