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
    raise NotImplementedError("divide each row by its length over the norm, where that is above 1")


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
    raise NotImplementedError("clip, sum, add noise once, divide by a number that tells nothing of the data")


# ---- the accountant --------------------------------------------------------------------------


def epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """Return the epsilon of DP-SGD at `delta`, by Rényi differential privacy at the orders 2 to 64.

    Args:
        noise: Above 0.
        rate: Probability of each example to be in a batch, above 0 and up to 1.
        steps: 1 or more.
        delta: Above 0, below 1.
    """
    raise NotImplementedError("the divergence of a step at each order, times steps, turned into epsilon; take the least")


def noise_for(target: float, rate: float, steps: int, delta: float) -> float:
    """Return the least noise with which `epsilon` is at most `target`, to 1 %, never below it."""
    raise NotImplementedError("epsilon falls with noise: find a bracket, then halve it")


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
    raise NotImplementedError("choose rate, steps and clip; the accountant gives the noise; then step by step")


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

    raise NotImplementedError("a normal law for each example, from each kind of model")


def caught_at(scores: Floats, members: npt.NDArray[np.bool_], false_alarms: float) -> float:
    """Return the largest share of members that one threshold catches with at most some share of false alarms.

    Args:
        scores: (examples,), higher for likelier members; several may be equal.
        members: (examples,), True for members; there are some of both.
        false_alarms: The share of the others that may be called members, 0 to 1.

    Returns:
        0 to 1. Whoever scores at or above the threshold is called a member.
    """
    raise NotImplementedError("try each score as the threshold, and none at all")


# ---- redaction -------------------------------------------------------------------------------


def redact(text: str) -> str:
    """Return the text with e-mail addresses, cards, phones and IPv4 addresses replaced by their kind.

    They become [EMAIL], [CARD], [PHONE] and [IP]; what else looks like a number stays.
    """

    raise NotImplementedError("a pattern for each kind; what a pattern cannot tell, arithmetic does")
