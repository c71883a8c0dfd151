import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score
from torchmetrics.functional.retrieval import retrieval_reciprocal_rank

from harness.metrics.retrieval import mean_reciprocal_rank, ndcg_at_k, recall_at_k, scores_of_ranking

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(20, 30))
RELEVANT = (RNG.random((20, 30)) < 0.2).astype(int)
RELEVANT[:, 0] = 1


@pytest.mark.parametrize(
    ("scores", "relevant", "k", "recall", "mrr", "ndcg"),
    [
        pytest.param([[3, 2, 1]], [[1, 0, 0]], 1, 1, 1, 1, id="best"),
        pytest.param([[1, 2, 3]], [[1, 0, 0]], 2, 0, 1 / 3, 0, id="last"),
        pytest.param(
            [[3, 2, 1]], [[0, 1, 1]], 2, 1 / 2, 1 / 2, 0.386853, id="ndcg-by-hand"
        ),  # .63093 / 1.63093
        pytest.param(
            [[3, 2, 1]], [[0, 1, 3]], 3, 1, 1 / 2, 0.586883, id="graded"
        ),  # (.63093+3*.5)/(3+.63093)
        pytest.param([[-0.1, -0.5, -0.9, -2]], [[1, 0, 0, 0]], 1, 1, 1, 1, id="negative-scores"),
        pytest.param([[7, 7, 7, 7]], [[1, 0, 0, 0]], 3, 0, 1 / 4, 0, id="all-tied"),
        pytest.param([[2, 2, 1]], [[1, 0, 1]], 1, 0, 1 / 2, 0, id="tied-at-the-top"),
        pytest.param([[2, 1], [1, 2]], [[1, 0], [1, 0]], 1, 1 / 2, 3 / 4, 1 / 2, id="two-queries"),
    ],
)
def test_known_answers(scores, relevant, k, recall, mrr, ndcg):
    assert recall_at_k(scores, relevant, k) == pytest.approx(recall)
    assert mean_reciprocal_rank(scores, relevant) == pytest.approx(mrr)
    assert ndcg_at_k(scores, relevant, k) == pytest.approx(ndcg, abs=1e-6)


@pytest.mark.parametrize("k", [1, 5, 30])
def test_ndcg_agrees_with_sklearn_where_nothing_is_tied(k):
    gains = RELEVANT * RNG.integers(1, 4, size=RELEVANT.shape)
    assert ndcg_at_k(SCORES, gains, k) == pytest.approx(ndcg_score(gains, SCORES, k=k), rel=1e-12)


def test_negative_scores_count_here_and_not_in_torchmetrics():
    """Cosine and negative distance are exactly this case."""
    scores, relevant = torch.tensor([-0.1, -0.5, -0.9, -2.0]), torch.tensor([1, 0, 0, 0])
    assert float(retrieval_reciprocal_rank(scores, relevant)) == 0
    assert mean_reciprocal_rank(scores[None], relevant[None]) == 1


@given(st.floats(-100, 100), st.floats(0.1, 10))
def test_only_the_order_of_scores_matters(shift, scale):
    moved = np.round(SCORES, 3) * scale + shift
    assert recall_at_k(moved, RELEVANT, 5) == pytest.approx(recall_at_k(np.round(SCORES, 3), RELEVANT, 5))


@given(st.integers(0, 1000))
def test_ties_never_help(seed):
    rng = np.random.default_rng(seed)
    tied = rng.integers(3, size=(2, 8)).astype(float)
    relevant = (rng.random((2, 8)) < 0.4) | (np.arange(8) == 0)
    broken = tied + 0.1 * rng.random((2, 8))
    assert mean_reciprocal_rank(tied, relevant) <= mean_reciprocal_rank(broken, relevant)
    assert ndcg_at_k(tied, relevant, 4) <= ndcg_at_k(broken, relevant, 4) + 1e-12


def test_a_ranking_of_ids_is_scored_like_scores():
    documents = ["a", "b", "c", "d"]
    scores = scores_of_ranking(["c", "a"], documents, 2)
    assert scores.tolist() == [1, 0, 2, 0]
    assert recall_at_k(scores[None], [[1, 0, 0, 1]], 2) == 0.5


@pytest.mark.parametrize(
    ("retrieved", "words"),
    [
        pytest.param(["a"], "wrong count: 1, expected 2 of 4", id="too-few"),
        pytest.param(["a", "b", "c", "d"], "wrong count: 4", id="everything"),
        pytest.param(["a", "a"], "repeat", id="twice"),
        pytest.param(["a", "x"], "not all documents", id="unknown"),
    ],
)
def test_rankings_are_checked(retrieved, words):
    with pytest.raises(ValueError, match=words):
        scores_of_ranking(retrieved, ["a", "b", "c", "d"], 2)


@pytest.mark.parametrize(
    ("scores", "relevant", "k", "words"),
    [
        pytest.param([[np.nan, 1]], [[1, 0]], 1, "scores contain NaN", id="nan"),
        pytest.param([[1, 2]], [[0, 0]], 1, "all 0 for query 0", id="nothing-relevant"),
        pytest.param([[1, 2]], [[1, -1]], 1, "negative", id="negative-gain"),
        pytest.param([[1, 2]], [[1, 0, 0]], 1, "different shapes", id="other-documents"),
        pytest.param([[1, 2]], [[1, 0]], 0, "k is out of range", id="k-0"),
        pytest.param([1, 2], [1, 0], 1, "wrong shape", id="flat"),
        pytest.param(np.zeros((0, 2)), np.zeros((0, 2)), 1, "empty", id="no-queries"),
    ],
)
def test_retrieval_refuses(scores, relevant, k, words):
    with pytest.raises(ValueError, match=words):
        recall_at_k(scores, relevant, k)
    with pytest.raises(ValueError, match=words):
        ndcg_at_k(scores, relevant, k)
