import numpy as np
import pytest
import torch

from harness.metrics import checking


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param([], "samples are empty", id="nothing"),
        pytest.param(np.zeros((0, 3)), "samples are empty", id="no-rows"),
        pytest.param([1.0, np.nan], "samples contain NaN", id="nan"),
        pytest.param([1.0, np.inf], "samples contain infinity", id="infinity"),
        pytest.param(["a"], "not real numbers", id="text"),
        pytest.param([1j], "not real numbers", id="complex"),
        pytest.param(None, "not real numbers", id="none"),
        pytest.param({"a": 1}, "not real numbers", id="dict"),
        pytest.param([[1], [1, 2]], "not one array", id="ragged"),
        pytest.param(torch.eye(2).to_sparse(), "not one array", id="sparse-tensor"),
    ],
)
def test_finite_array_refuses_by_kind(values, words):
    with pytest.raises(ValueError, match=words):
        checking.finite_array(values, "samples")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([[1, 2]], id="list"),
        pytest.param(np.array([[1, 2]], dtype=np.uint8), id="bytes"),
        pytest.param(np.array([[1, 2]], dtype=np.float16), id="half"),
        pytest.param(torch.tensor([[1.0, 2.0]], requires_grad=True), id="tensor-with-gradient"),
        pytest.param(torch.tensor([[1.0, 2.0]], dtype=torch.bfloat16), id="bfloat16"),
        pytest.param(torch.tensor([[1, 2]]), id="integer-tensor"),
    ],
)
def test_finite_array_reads_what_graders_hold(values):
    got = checking.finite_array(values, "samples", dimensions=2)
    assert got.dtype == np.float64
    assert got.tolist() == [[1, 2]]


def test_matrix_flattens_images_and_counts_rows():
    assert checking.matrix(np.zeros((5, 3, 2)), "samples").shape == (5, 6)
    with pytest.raises(ValueError, match=r"wrong shape: \(5,\)"):
        checking.matrix(np.zeros(5), "samples")
    with pytest.raises(ValueError, match="too few: 5, needed at least 6"):
        checking.matrix(np.zeros((5, 3)), "samples", least=6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param([0.0, 1.0], "not integers", id="float"),
        pytest.param([0, -1], "out of range: -1 to 0", id="negative"),
        pytest.param([0, 3], "out of range: 0 to 3, allowed 0 to 2", id="too-large"),
        pytest.param(np.zeros(0, dtype=int), "empty", id="nothing"),
    ],
)
def test_indices_refuses_by_kind(values, words):
    with pytest.raises(ValueError, match=words):
        checking.indices(values, "targets", below=3)


def test_probabilities_are_normalised_exactly_or_refused():
    got = checking.probabilities([[0.3334, 0.3333, 0.3334]], "predictions")  # as half precision leaves them
    assert got.sum() == pytest.approx(1, abs=1e-15)
    with pytest.raises(ValueError, match=r"predictions are not normalised: a row sums to 1.2"):
        checking.probabilities([[0.5, 0.5], [0.6, 0.6]], "predictions")
    with pytest.raises(ValueError, match=r"not probabilities: the smallest is -0.5"):
        checking.probabilities([[1.5, -0.5]], "predictions")
