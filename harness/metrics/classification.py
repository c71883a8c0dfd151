"""Accuracy and its kin; scikit-learn computes where it has the metric."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn import metrics  # type: ignore[import-untyped]

from harness.metrics.checking import Floats, Integers, finite_array, indices, probabilities, same_shape
from harness.metrics.intervals import Interval, wilson_interval


def accuracy(predicted: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the share of right labels, 0 to 1; higher is better.

    Args:
        predicted: (n,) integer labels.
        targets: (n,) integer labels.
    """
    guesses, truth = _labels(predicted, targets)
    return float((guesses == truth).mean())


def accuracy_interval(predicted: npt.ArrayLike, targets: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval for the accuracy."""
    guesses, truth = _labels(predicted, targets)
    return wilson_interval(int((guesses == truth).sum()), len(truth), confidence)


def f1_score(predicted: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return macro F1: the mean over classes of the harmonic mean of precision and recall.

    0 to 1, higher is better. A class that is never predicted counts 0, so the majority class alone
    cannot score; for two classes this is the mean of both classes' F1, not that of class 1.
    """
    guesses, truth = _labels(predicted, targets)
    return float(metrics.f1_score(truth, guesses, average="macro", zero_division=0.0))


def roc_auc(scores: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that a positive outscores a negative, ties half.

    Args:
        scores: (n,) real numbers, higher for the positive class.
        targets: (n,) 0 or 1, both present.

    Returns:
        0 to 1, 0.5 for a constant; higher is better.
    """
    ranking, truth = finite_array(scores, "scores", dimensions=1), indices(targets, "targets", below=2)
    same_shape(ranking, truth, ("scores", "targets"))
    if len(np.unique(truth)) < 2:
        raise ValueError("targets hold one class only: the ROC curve needs both")
    return float(metrics.roc_auc_score(truth, ranking))


def log_loss(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the mean negative log-probability of the right class, nats; lower is better.

    Probabilities are kept 2^-52 away from 0, as scikit-learn does: one certain mistake costs 36 nats.

    Args:
        predictions: (n, classes), rows summing to 1.
        targets: (n,) labels.
    """
    given, truth = _predictions(predictions, targets)
    return float(metrics.log_loss(truth, given, labels=np.arange(given.shape[1])))


def brier_score(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the mean squared distance to the one-hot truth (Brier 1950), 0 to 2; lower is better.

    Proper: no rewording of the probabilities helps, unlike calibration error, which a constant wins.
    """
    given, truth = _predictions(predictions, targets)
    return float(((given - np.eye(given.shape[1])[truth]) ** 2).sum(axis=1).mean())


def calibration_error(predictions: npt.ArrayLike, targets: npt.ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error of the top label, equal-width bins (Guo et al. 2017).

    Biased: a perfectly calibrated model reads 0.09 at 200 points and 0.04 at 1000. Grade
    `excess_calibration_error` or the Brier score.

    Returns:
        0 to 1; lower is better.
    """
    given, truth = _predictions(predictions, targets)
    return _binned_gap(given.max(axis=1), (given.argmax(axis=1) == truth).astype(np.float64), bins)


def calibration_floor(predictions: npt.ArrayLike, *, seed: int, bins: int = 15, draws: int = 200) -> float:
    """Return the mean calibration error of models with these confidences that are perfectly calibrated."""
    confidence = probabilities(predictions, "predictions").max(axis=-1).ravel()
    rng = np.random.default_rng(seed)
    drawn = (rng.random((draws, len(confidence))) < confidence).astype(np.float64)
    return float(np.mean([_binned_gap(confidence, right, bins) for right in drawn]))


def excess_calibration_error(
    predictions: npt.ArrayLike, targets: npt.ArrayLike, *, seed: int, bins: int = 15
) -> float:
    """Return the calibration error less its simulated floor; about 0 if calibrated, lower is better."""
    return calibration_error(predictions, targets, bins) - calibration_floor(
        predictions, seed=seed, bins=bins
    )


def adjusted_rand(predicted: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the adjusted Rand index of two clusterings (Hubert & Arabie 1985).

    1 for equal partitions whatever the names, about 0 for random ones, at least -0.5; higher is better.
    """
    guesses, truth = _labels(predicted, targets)
    return float(metrics.adjusted_rand_score(truth, guesses))


def _labels(predicted: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Integers, Integers]:
    guesses, truth = indices(predicted, "predicted labels"), indices(targets, "targets")
    if truth.ndim != 1:
        raise ValueError(f"targets have the wrong shape: {truth.shape}, expected (n,)")
    same_shape(guesses, truth, ("predicted labels", "targets"))
    return guesses, truth


def _predictions(predictions: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[Floats, Integers]:
    given = probabilities(predictions, "predictions")
    if given.ndim != 2 or given.shape[1] < 2:
        raise ValueError(f"predictions have the wrong shape: {given.shape}, expected (n, classes)")
    truth = indices(targets, "targets", below=given.shape[1])
    same_shape(given[:, 0], truth, ("rows of predictions", "targets"))
    return given, truth


def _binned_gap(confidence: Floats, right: Floats, bins: int) -> float:
    if bins < 1:
        raise ValueError(f"bins are too few: {bins}, needed at least 1")
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
