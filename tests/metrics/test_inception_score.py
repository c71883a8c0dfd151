import numpy as np
import pytest
import torch
from torchmetrics.image.inception import InceptionScore

from harness.metrics.inception_score import inception_score

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("predictions", "want"),
    [
        pytest.param(np.eye(5), 5, id="one-of-each-class"),
        pytest.param(np.full((7, 4), 0.25), 1, id="uninformative"),
        pytest.param(np.tile([1.0, 0.0], (6, 1)), 1, id="one-class"),
        pytest.param([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], 3 / 4 ** (1 / 3), id="two-to-one"),
    ],
)
def test_known_answers(predictions, want):
    assert inception_score(predictions) == pytest.approx(want)


@pytest.mark.filterwarnings("ignore:Metric `InceptionScore`:UserWarning", "ignore:std:UserWarning")
def test_agrees_with_torchmetrics_on_one_split():
    class Identity(torch.nn.Module):
        num_features = 6

        def forward(self, logits):
            return logits

    logits = RNG.normal(size=(300, 6)) * 2
    metric = InceptionScore(feature=Identity(), splits=1)
    metric.update(torch.from_numpy(logits))
    odds = np.exp(logits)
    assert inception_score(odds / odds.sum(axis=1, keepdims=True)) == pytest.approx(
        float(metric.compute()[0]), rel=1e-6
    )


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        pytest.param([[0.9, 0.9]], "not normalised", id="unnormalised"),
        pytest.param([0.5, 0.5], "wrong shape", id="flat"),
        pytest.param([[np.nan, 1.0]], "NaN", id="nan"),
    ],
)
def test_refuses(predictions, words):
    with pytest.raises(ValueError, match=words):
        inception_score(predictions)
