"""Perplexity and bits from full-vocabulary logits, normalised here in float64.

Own arithmetic: torchmetrics takes the logarithm of a float32 softmax (a confident wrong logit gives inf),
counts tokens in float32 (it stops at 2^24), and accepts probabilities in place of logits. Compare models in
bits per character or byte: perplexity per token moves with the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.metrics.checking import MASS_TOLERANCE, Floats, Integers, finite_array, indices
from harness.metrics.intervals import PairedDifference, paired_difference

BLOCK: Final = 200
"""Tokens per block for standard errors of a loss."""
_LARGEST_LOGIT: Final = 1e100
"""Beyond it differences and sums might overflow; float32 ends at 1e38."""
FLOOR_ERRORS: Final = 4.0
"""Standard errors below the exact entropy from which a score proves leakage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of text to show a model: inputs `text[start:stop]`, targets `text[start + 1 : stop + 1]`."""

    start: int
    stop: int
    scored_from: int
    """First target, counted in the whole text, that is scored in this window."""


def log_softmax(logits: npt.ArrayLike) -> Floats:
    """Return natural log-probabilities along the last axis, float64; large logits do not overflow."""
    scores = _checked_logits(logits)
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), dtype=np.float64)


def normalised_log_probabilities(values: npt.ArrayLike) -> Floats:
    """Return log-probabilities, refusing rows that do not sum to 1: surplus mass would buy any perplexity."""
    given = finite_array(values, "log-probabilities")
    if given.ndim == 0:
        raise ValueError("log-probabilities have the wrong shape: (), expected (..., vocabulary)")
    mass = np.logaddexp.reduce(given, axis=-1)
    worst = float(mass.flat[np.abs(mass).argmax()])
    if abs(worst) > MASS_TOLERANCE:
        raise ValueError(f"log-probabilities are not normalised: a row sums to {_exp(worst):.4g}, not 1")
    return np.asarray(given - mass[..., None], dtype=np.float64)


def token_bits(logits: npt.ArrayLike, targets: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> Floats:
    """Return the bits that each target costs, in order, for those that count.

    Args:
        logits: (..., vocabulary), any finite numbers; log-probabilities are fine, probabilities are refused.
        targets: (...), indices into the vocabulary. There is no magic padding value: use the mask.
        mask: (...), true where a target counts; all count if not given.

    Returns:
        (counted,) bits, each 0 or more; lower is better.
    """
    scores = _checked_logits(logits)
    counted = _counted(targets, mask)
    wanted = np.where(counted, np.asarray(targets), 0)
    truth = indices(wanted, "targets", below=scores.shape[-1])
    if scores.shape[:-1] != truth.shape:
        raise ValueError(f"logits and targets have different shapes: {scores.shape} and {truth.shape}")
    _refuse_probabilities(scores)
    return _target_bits(scores[counted], truth[counted])


def bits_per_token(logits: npt.ArrayLike, targets: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Return the mean cross-entropy in bits, log2(vocabulary) for a uniform guess; lower is better."""
    return float(token_bits(logits, targets, mask).mean())


def perplexity(logits: npt.ArrayLike, targets: npt.ArrayLike, mask: npt.ArrayLike | None = None) -> float:
    """Return exp of the mean negative log-likelihood over all tokens, not a mean over sequences.

    Args:
        logits: (..., vocabulary).
        targets: (...).
        mask: (...), true where a target counts.

    Returns:
        1 or more, `vocabulary` for a uniform guess; lower is better. Refused where it overflows.
    """
    value = _exp(bits_per_token(logits, targets, mask) * math.log(2))
    if math.isinf(value):
        raise ValueError("logits give perplexity beyond all numbers: a target is all but impossible")
    return value


def bits_per_character(logits: npt.ArrayLike, targets: npt.ArrayLike, characters: int) -> float:
    """Return all bits of the text over its characters: comparable across vocabularies.

    Args:
        logits: (..., vocabulary).
        targets: (...), every token of the text, none left out.
        characters: in the text (or bytes, for bits per byte), counted by the grader.

    Returns:
        0 or more; lower is better. At least the entropy rate of a synthetic source, in expectation.
    """
    if characters < 1:
        raise ValueError(f"characters are too few: {characters}, needed at least 1")
    return float(token_bits(logits, targets).sum() / characters)


def excess_bits(bits: npt.ArrayLike, oracle_bits: npt.ArrayLike, block: int = BLOCK) -> PairedDifference:
    """Return how many bits per token a model loses to the exact source on the same tokens.

    0 is perfect, lower is better; about 7 times less noise than the raw bits.

    Args:
        bits: (n,) of the model, from `token_bits`.
        oracle_bits: (n,) minus log2 of the source's own probabilities.
        block: tokens per block of the standard error.
    """
    return paired_difference(bits, oracle_bits, block)


def below_floor(excess: PairedDifference) -> bool:
    """Say whether a model beats the exact source by more than chance: it has seen the text or looks ahead."""
    return excess.mean < 0 and excess.z < -FLOOR_ERRORS


def windows(length: int, context: int, stride: int) -> Iterator[Window]:
    """Yield windows in which every position from 1 on is scored exactly once.

    The first window scores all that it holds; each later one ends `stride` further, is full, and scores
    only what is new, so a token sees more than `context - stride` predecessors. Stride `context` gives
    disjoint windows. The choice moves a score 5 to 30 times more than seeds do: a specification names it.

    Args:
        length: tokens in the text, at least 2.
        context: most tokens that a model is shown, its inputs: the target of the last one lies outside.
        stride: new positions per window, 1 to `context`.
    """
    if length < 2 or not 1 <= stride <= context:
        raise ValueError(f"length, context or stride is out of range: {length}, {context}, {stride}")
    stop = 0
    while stop < length - 1:
        scored_from = stop + 1
        stop = min(stop + (stride if stop else context), length - 1)
        yield Window(start=max(0, stop - context), stop=stop, scored_from=scored_from)


def suffix_perturbed(tokens: npt.ArrayLike, position: int, vocabulary: int, *, seed: int) -> Integers:
    """Return a copy in which every token from `position` on is another one, drawn at random.

    Args:
        tokens: (..., length), indices below `vocabulary`.
        position: 1 to length - 1; what comes before stays as it is.
        vocabulary: size, at least 2.
        seed: of the draw.
    """
    text = indices(tokens, "tokens", below=vocabulary)
    if vocabulary < 2 or not 1 <= position < text.shape[-1]:
        raise ValueError(f"position or vocabulary is out of range: {position}, {vocabulary}")
    shifts = np.random.default_rng(seed).integers(1, vocabulary, size=text[..., position:].shape)
    changed = text.copy()
    changed[..., position:] = (text[..., position:] + shifts) % vocabulary
    return changed


def causal_leak(logits: npt.ArrayLike, perturbed_logits: npt.ArrayLike, position: int) -> float:
    """Return the largest change of log-probabilities before `position`: 0 for a causal model, up to rounding.

    Args:
        logits: (..., length, vocabulary) for a text.
        perturbed_logits: the same shape, for `suffix_perturbed` of it. Shorter ones are prefixes: a model
            must answer a prefix as it answers the same positions of the whole text.
        position: first token that differs.

    Returns:
        Largest absolute difference, nats; 10.4 was measured for an unmasked transformer.
    """
    first, second = log_softmax(logits), log_softmax(perturbed_logits)
    if (
        first.ndim < 2
        or first.ndim != second.ndim
        or not 1 <= position <= min(first.shape[-2], second.shape[-2])
    ):
        raise ValueError(
            f"logits have the wrong shape: {first.shape} and {second.shape} at position {position}"
        )
    a, b = first[..., :position, :], second[..., :position, :]
    if a.shape != b.shape:
        raise ValueError(f"logits have different shapes: {first.shape} and {second.shape}")
    return float(np.abs(a - b).max())


def exact_match(predictions: Sequence[str], references: Sequence[str]) -> float:
    """Return the share of strings that are equal but for outer whitespace, 0 to 1; higher is better."""
    if not predictions or len(predictions) != len(references):
        raise ValueError(f"predictions have the wrong count: {len(predictions)}, expected {len(references)}")
    if not all(isinstance(text, str) for text in (*predictions, *references)):
        raise ValueError("predictions are not all text")
    return sum(a.strip() == b.strip() for a, b in zip(predictions, references, strict=True)) / len(references)


def _checked_logits(logits: npt.ArrayLike) -> Floats:
    scores = finite_array(logits, "logits")
    if scores.ndim == 0:
        raise ValueError("logits have the wrong shape: (), expected (..., vocabulary)")
    if np.abs(scores).max() > _LARGEST_LOGIT:
        raise ValueError(f"logits are too large: {np.abs(scores).max():.4g}")
    return scores


def _counted(targets: npt.ArrayLike, mask: npt.ArrayLike | None) -> npt.NDArray[np.bool_]:
    shape = np.shape(targets)
    if mask is None:
        return np.ones(shape, dtype=np.bool_)
    counted = np.asarray(mask)
    if counted.dtype != np.bool_ or counted.shape != shape:
        raise ValueError(f"mask is {counted.dtype} {counted.shape}, expected bool {shape}")
    if not counted.any():
        raise ValueError("targets are empty: the mask leaves none")
    return counted


def _refuse_probabilities(scores: Floats) -> None:
    """Refuse rows that sum to 1 within [0, 1]: as logits, probabilities are almost flat."""
    rows = scores.reshape(-1, scores.shape[-1])
    if (
        rows.shape[-1] > 1
        and rows.min() >= 0
        and rows.max() <= 1
        and np.allclose(rows.sum(axis=-1), 1, atol=1e-4)
    ):
        raise ValueError("logits are probabilities: give logits or log-probabilities")


def _target_bits(scores: Floats, truth: Integers) -> Floats:
    """Return bits of the targets, (n, vocabulary) and (n,), without a second table of log-probabilities."""
    top = scores.max(axis=-1)
    chosen = np.take_along_axis(scores, truth[:, None], axis=-1)[:, 0]
    mass = np.exp(scores - top[:, None]).sum(axis=-1)
    return np.asarray((np.log(mass) + (top - chosen)) / math.log(2), dtype=np.float64)


def _exp(value: float) -> float:
    return math.exp(value) if value < 709 else math.inf
