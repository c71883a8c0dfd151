"""The inception score, for display only: one image per class, repeated, scores nearly the maximum."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import probabilities


def inception_score(predictions: npt.ArrayLike) -> float:
    """Return exp of the mean KL divergence from p(label | sample) to p(label) (Salimans et al. 2016).

    One split over all samples, in float64: splits bias the score downwards and shuffle unseeded.

    Args:
        predictions: (n, classes) probabilities of the classifier.

    Returns:
        1 (uninformative, or all samples alike) to the number of classes; higher is better. Never
        grade on it: it sees neither memorisation nor missing variety within a class.
    """
    given = probabilities(predictions, "predictions")
    if given.ndim != 2:
        raise ValueError(f"predictions have the wrong shape: {given.shape}, expected (n, classes)")
    marginal = given.mean(axis=0)
    ratio = np.divide(given, marginal, out=np.ones_like(given), where=given > 0)
    return math.exp(float((given * np.log(ratio)).sum(axis=1).mean()))
