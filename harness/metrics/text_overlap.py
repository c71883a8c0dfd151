"""BLEU and chrF, computed by torchmetrics; imported only by exercises that translate or summarise."""

from __future__ import annotations

from collections.abc import Sequence

from torchmetrics.functional.text import bleu_score, chrf_score


def bleu(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return corpus BLEU-4 (Papineni et al. 2002), tokens split at whitespace, without smoothing.

    0 to 1, higher is better. 0 where no 4-gram matches, so a perfect answer of three words scores 0: use
    `chrf` or exact match for short outputs.

    Args:
        predictions: one text per item.
        references: the accepted texts of each item, at least one.
    """
    _check(predictions, references)
    return float(bleu_score(list(predictions), [list(texts) for texts in references]))


def chrf(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return chrF2, the F score of character n-grams up to 6 (Popović 2015), 0 to 1; higher is better."""
    _check(predictions, references)
    value = chrf_score(list(predictions), [list(texts) for texts in references], n_word_order=0)
    assert not isinstance(value, tuple)  # only with sentence scores
    return float(value)


def _check(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if isinstance(predictions, str) or not predictions or len(predictions) != len(references):
        raise ValueError(f"predictions have the wrong count: {len(predictions)}, expected {len(references)}")
    if not all(isinstance(text, str) for text in predictions):
        raise ValueError("predictions are not all text")
    if any(isinstance(texts, str) or not texts for texts in references):
        raise ValueError("references are not a list of accepted texts for each prediction")
