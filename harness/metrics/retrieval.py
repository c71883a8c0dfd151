"""Recall@k, mean reciprocal rank and nDCG from scores, with ties ranked against the learner.

Own arithmetic: since 1.7.4 torchmetrics sets every relevant document whose score is 0 or less to not
relevant in recall, MRR, precision and MAP, which zeroes cosine and negative-distance scores, and its
order of ties is whatever `topk` makes of them. Here a tied document that is worth less comes first, so
scoring everything alike earns nothing, and a query without a relevant document is refused: what it
should count as is the exercise's decision, not a default.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import Floats, finite_array, same_shape


def recall_at_k(scores: npt.ArrayLike, relevant: npt.ArrayLike, k: int) -> float:
    """Return the mean share of each query's relevant documents that is among its top k.

    Args:
        scores: (queries, documents), any real numbers, higher is nearer.
        relevant: (queries, documents), above 0 where relevant.
        k: fixed by the grader: returning everything has recall 1.

    Returns:
        0 to 1, higher is better. At most k / relevant where a query has more than k.
    """
    gains = _ranked(scores, relevant) > 0
    return float((gains[:, : _depth(k)].sum(axis=1) / gains.sum(axis=1)).mean())


def mean_reciprocal_rank(scores: npt.ArrayLike, relevant: npt.ArrayLike) -> float:
    """Return the mean of 1 / (rank of the first relevant document), 0 to 1; higher is better."""
    gains = _ranked(scores, relevant) > 0
    return float((1 / (1 + gains.argmax(axis=1))).mean())


def ndcg_at_k(scores: npt.ArrayLike, gains: npt.ArrayLike, k: int) -> float:
    """Return the mean discounted gain of the top k over that of the best order (Järvelin & Kekäläinen 2002).

    Args:
        scores: (queries, documents).
        gains: (queries, documents), 0 or more, linear (not 2^g - 1) as in scikit-learn and torchmetrics.
        k: documents that count.

    Returns:
        0 to 1, 1 for the best order; higher is better.
    """
    ranked = _ranked(scores, gains)
    best = -np.sort(-ranked, axis=1)
    depth = min(_depth(k), ranked.shape[1])
    discounts = 1 / np.log2(np.arange(depth) + 2)
    return float(((ranked[:, :depth] @ discounts) / (best[:, :depth] @ discounts)).mean())


def scores_of_ranking(retrieved: Sequence[object], documents: Sequence[object], k: int) -> Floats:
    """Return the scores that a ranked list of ids stands for: k for the first, down to 1, else 0.

    Args:
        retrieved: exactly k ids, best first; repeated and unknown ids are refused.
        documents: all ids, in the columns' order of the relevance table.
        k: ids asked for, fewer than the documents.
    """
    if len(retrieved) != k or not 0 < k < len(documents):
        raise ValueError(
            f"retrieved ids have the wrong count: {len(retrieved)}, expected {k} of {len(documents)}"
        )
    places = {document: column for column, document in enumerate(documents)}
    if len(set(retrieved)) != k:
        raise ValueError("retrieved ids repeat")
    if not places.keys() >= set(retrieved):
        raise ValueError("retrieved ids are not all documents of the collection")
    scores = np.zeros(len(documents))
    scores[[places[document] for document in retrieved]] = np.arange(k, 0, -1)
    return scores


def _ranked(scores: npt.ArrayLike, gains: npt.ArrayLike) -> Floats:
    """Return (queries, documents) gains in the order of the scores, the worst first among ties."""
    given = finite_array(scores, "scores", dimensions=2)
    worth = finite_array(gains, "relevance values", dimensions=2)
    same_shape(given, worth, ("scores", "relevance values"))
    if worth.min() < 0:
        raise ValueError(f"relevance values are negative: {worth.min():.4g}")
    if not (worth.max(axis=1) > 0).all():
        raise ValueError(f"relevance values are all 0 for query {int((worth.max(axis=1) == 0).argmax())}")
    return np.take_along_axis(worth, np.lexsort((worth, -given), axis=-1), axis=1)


def _depth(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is out of range: {k}, needed at least 1")
    return k
