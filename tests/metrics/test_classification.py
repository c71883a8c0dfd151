import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from torchmetrics.functional.classification import multiclass_calibration_error

from harness.metrics import classification

RNG = np.random.default_rng(0)
GIVEN = RNG.dirichlet(np.ones(4), size=500)
TRUTH = RNG.integers(4, size=500)
CALIBRATED = np.array([RNG.choice(4, p=row) for row in GIVEN])


@pytest.mark.parametrize(
    ("metric", "first", "second", "want"),
    [
        pytest.param(classification.accuracy, [0, 1, 2, 2], [0, 1, 2, 0], 0.75, id="accuracy"),
        pytest.param(classification.f1_score, [1, 1, 0, 0], [1, 0, 0, 0], (2 / 3 + 4 / 5) / 2, id="macro-f1"),
        pytest.param(classification.f1_score, [0] * 10, [0] * 9 + [1], 18 / 19 / 2, id="majority-class-f1"),
        pytest.param(classification.roc_auc, [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75, id="auc"),
        pytest.param(classification.roc_auc, [-5.0, -1.0], [0, 1], 1, id="auc-of-negative-scores"),
        pytest.param(classification.roc_auc, [3.0] * 4, [0, 1, 0, 1], 0.5, id="auc-of-a-constant"),
        pytest.param(classification.brier_score, [[0.8, 0.2]], [0], 0.08, id="brier"),
        pytest.param(classification.brier_score, [[0.0, 1.0]], [0], 2, id="brier-worst"),
        pytest.param(classification.log_loss, [[0.25, 0.75]], [0], math.log(4), id="log-loss"),
        pytest.param(classification.adjusted_rand, [5, 5, 7, 7], [0, 0, 1, 1], 1, id="rand-other-names"),
        pytest.param(classification.adjusted_rand, [0, 1, 0, 1], [0, 0, 1, 1], -0.5, id="rand-worst"),
        pytest.param(classification.calibration_error, [[0.9, 0.1]] * 10, [0] * 9 + [1], 0, id="calibrated"),
        pytest.param(
            classification.calibration_error, [[0.9, 0.1]] * 10, [0] * 5 + [1] * 5, 0.4, id="overconfident"
        ),
    ],
)
def test_known_answers(metric, first, second, want):
    assert metric(first, second) == pytest.approx(want, abs=1e-12)


def test_accuracy_interval_is_wilsons():
    got = classification.accuracy_interval([1] * 81 + [0] * 182, [1] * 263)
    assert (got.low, got.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("bins", [10, 15])
def test_calibration_error_agrees_with_torchmetrics(bins):
    theirs = multiclass_calibration_error(
        torch.from_numpy(GIVEN), torch.from_numpy(TRUTH), num_classes=4, n_bins=bins, norm="l1"
    )
    assert classification.calibration_error(GIVEN, TRUTH, bins) == pytest.approx(float(theirs), rel=1e-6)


def test_brier_and_log_loss_agree_with_sklearn():
    assert classification.log_loss(GIVEN, TRUTH) == pytest.approx(metrics.log_loss(TRUTH, GIVEN), rel=1e-12)
    ours = classification.brier_score(np.c_[1 - GIVEN[:, 0], GIVEN[:, 0]], (TRUTH == 0).astype(int))
    assert ours == pytest.approx(2 * metrics.brier_score_loss(TRUTH == 0, GIVEN[:, 0]), rel=1e-12)


def test_a_calibrated_model_has_a_floor_which_is_subtracted():
    """0.09 at 200 points, 0.04 at 1000, for a perfectly calibrated model."""
    raw = classification.calibration_error(GIVEN, CALIBRATED)
    assert raw > 0.02
    assert abs(classification.excess_calibration_error(GIVEN, CALIBRATED, seed=0)) < 0.02
    sharp = GIVEN**3 / (GIVEN**3).sum(axis=1, keepdims=True)
    assert classification.excess_calibration_error(sharp, CALIBRATED, seed=0) > 0.15


def test_brier_is_not_won_by_the_constant_that_wins_calibration_error():
    shares = np.bincount(TRUTH, minlength=4) / 500
    constant = np.tile(shares, (500, 1))
    right = 0.9 * np.eye(4)[TRUTH] + 0.025
    assert classification.calibration_error(constant, TRUTH) < classification.calibration_error(right, TRUTH)
    assert classification.brier_score(constant, TRUTH) > 10 * classification.brier_score(right, TRUTH)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: classification.accuracy([0, 1], [0]), "different shapes", id="wrong-count"),
        pytest.param(lambda: classification.accuracy([0.5], [0]), "not integers", id="not-labels"),
        pytest.param(lambda: classification.accuracy([[0]], [[0]]), "wrong shape", id="table-of-labels"),
        pytest.param(
            lambda: classification.roc_auc([0.1, 0.2], [1, 1]), "one class only", id="auc-of-one-class"
        ),
        pytest.param(lambda: classification.roc_auc([np.nan, 0.2], [0, 1]), "NaN", id="auc-nan"),
        pytest.param(
            lambda: classification.brier_score([[0.9, 0.9]], [0]), "not normalised", id="unnormalised"
        ),
        pytest.param(lambda: classification.log_loss([[1.2, -0.2]], [0]), "not probabilities", id="negative"),
        pytest.param(lambda: classification.log_loss([[0.5, 0.5]], [2]), "out of range", id="unknown-class"),
        pytest.param(lambda: classification.calibration_error([0.5, 0.5], [0]), "wrong shape", id="flat"),
    ],
)
def test_classification_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()
