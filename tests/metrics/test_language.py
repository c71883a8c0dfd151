import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import perplexity as torchmetrics_perplexity

from harness.metrics import language
from harness.metrics.intervals import PairedDifference
from tests.metrics import markov

RNG = np.random.default_rng(0)
LOGITS, TARGETS = RNG.normal(size=(3, 50, 11)), RNG.integers(11, size=(3, 50))


@pytest.mark.parametrize(
    ("logits", "targets", "want"),
    [
        pytest.param(np.zeros((4, 7)), [0, 1, 2, 6], 7, id="uniform"),
        pytest.param(np.full((1, 5), -1e4), [3], 5, id="uniform-anywhere"),
        pytest.param(np.log([[0.5, 0.25, 0.25]]), [1], 4, id="a-quarter"),
        pytest.param(np.log([[0.5, 0.5], [0.125, 0.875]]), [0, 0], 4, id="geometric-mean"),
        pytest.param([[800.0, 0.0]], [0], 1, id="certain-and-right"),
        pytest.param(np.log([[[0.5, 0.5]]]), [[1]], 2, id="batched"),
    ],
)
def test_perplexity_known_answers(logits, targets, want):
    assert language.perplexity(logits, targets) == pytest.approx(want, rel=1e-12)
    assert language.bits_per_token(logits, targets) == pytest.approx(math.log2(want), abs=1e-12)


def test_perplexity_agrees_with_torchmetrics_in_float64():
    theirs = torchmetrics_perplexity(torch.from_numpy(LOGITS), torch.from_numpy(TARGETS))
    assert language.perplexity(LOGITS, TARGETS) == pytest.approx(float(theirs), rel=1e-6)


def test_a_confident_wrong_logit_is_finite_here_and_infinite_there():
    """Elsewhere the logarithm is taken of a float32 softmax, in which the target has vanished."""
    logits, targets = np.zeros((1, 8, 4), dtype=np.float32), np.zeros((1, 8), dtype=np.int64)
    logits[0, 0, 1] = 120
    theirs = torchmetrics_perplexity(torch.from_numpy(logits), torch.from_numpy(targets))
    assert math.isinf(float(theirs))
    assert language.perplexity(logits, targets) == pytest.approx(
        math.exp((120 + 7 * math.log(4)) / 8), rel=1e-9
    )


def test_half_precision_logits_are_normalised_in_float64():
    logits = np.array([[20.0, 0.0, 0.0]], dtype=np.float16)
    assert language.bits_per_token(logits, [1]) == pytest.approx(
        (20 + math.log1p(2 * math.exp(-20))) / math.log(2)
    )


@given(st.floats(-1e6, 1e6), st.integers(0, 10))
def test_a_constant_added_to_the_logits_changes_nothing(shift, seed):
    logits = np.random.default_rng(seed).normal(size=(5, 6))
    targets = np.arange(5)
    want = language.token_bits(logits, targets)
    assert np.allclose(language.token_bits(logits + shift, targets), want, atol=1e-8)


def test_log_softmax_is_torchs():
    want = torch.log_softmax(torch.from_numpy(LOGITS), dim=-1).numpy()
    assert np.allclose(language.log_softmax(LOGITS), want, atol=1e-14)
    assert language.log_softmax([[1e99, -1e99]]).tolist() == [[0, -2e99]]


def test_log_probabilities_may_stand_for_logits_and_probabilities_may_not():
    """Read as logits, probabilities are almost flat: torchmetrics takes them and says nothing."""
    log_probabilities = language.log_softmax(LOGITS)
    assert language.perplexity(log_probabilities, TARGETS) == pytest.approx(
        language.perplexity(LOGITS, TARGETS)
    )
    with pytest.raises(ValueError, match="logits are probabilities"):
        language.perplexity(np.exp(log_probabilities), TARGETS)


def test_normalised_log_probabilities():
    got = language.normalised_log_probabilities(np.log([[0.5, 0.4999]]))
    assert np.exp(got).sum() == pytest.approx(1, abs=1e-15)
    with pytest.raises(ValueError, match=r"not normalised: a row sums to 1.5"):
        language.normalised_log_probabilities(np.log([[0.5, 0.5], [0.75, 0.75]]))
    with pytest.raises(ValueError, match="a row sums to inf"):
        language.normalised_log_probabilities([[1000.0, 0.0]])


def test_masked_targets_do_not_count_and_may_hold_anything():
    targets, mask = TARGETS.copy(), np.ones(TARGETS.shape, dtype=bool)
    targets[:, 40:], mask[:, 40:] = -100, False
    want = language.perplexity(LOGITS[:, :40], TARGETS[:, :40])
    assert language.perplexity(LOGITS, targets, mask) == pytest.approx(want, rel=1e-12)
    with pytest.raises(ValueError, match="targets are out of range: -100"):
        language.perplexity(LOGITS, targets)  # elsewhere it wraps silently


def test_corpus_perplexity_is_not_a_mean_over_sequences():
    each = [language.perplexity(LOGITS[i], TARGETS[i]) for i in range(3)]
    assert language.perplexity(LOGITS, TARGETS) == pytest.approx(np.exp(np.mean(np.log(each))))
    assert language.perplexity(LOGITS, TARGETS) < np.mean(each)


def test_bits_per_character_does_not_move_with_the_vocabulary():
    """Sixteen fair coin tosses as bits, and as four symbols of four: 1 bit per character both ways."""
    assert language.bits_per_character(np.zeros((16, 2)), np.zeros(16, dtype=int), 16) == 1
    assert language.bits_per_character(np.zeros((4, 16)), np.zeros(4, dtype=int), 16) == 1


@pytest.mark.parametrize(
    ("logits", "targets", "words"),
    [
        pytest.param(LOGITS * np.nan, TARGETS, "logits contain NaN", id="nan"),
        pytest.param(LOGITS * np.inf, TARGETS, "logits contain infinity", id="infinity"),
        pytest.param(LOGITS[..., :10], TARGETS, "targets are out of range", id="too-small-a-vocabulary"),
        pytest.param(LOGITS[:, :49], TARGETS, "different shapes", id="a-token-short"),
        pytest.param(LOGITS, TARGETS + 0.0, "not integers", id="float-targets"),
        pytest.param(np.zeros((0, 4)), np.zeros(0, dtype=int), "empty", id="nothing"),
        pytest.param([[1e6, -1e6]], [1], "beyond all numbers", id="impossible"),
        pytest.param([[1e308, -1e308]], [1], "too large", id="overflow"),
        pytest.param(3.0, 0, "wrong shape", id="a-number"),
    ],
)
def test_perplexity_refuses(logits, targets, words):
    with pytest.raises(ValueError, match=words):
        language.perplexity(logits, targets)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        pytest.param(np.zeros(TARGETS.shape, dtype=bool), "mask leaves none", id="none-left"),
        pytest.param(np.ones(TARGETS.shape), "expected bool", id="not-a-mask"),
        pytest.param(np.ones((3, 49), dtype=bool), "expected bool", id="other-shape"),
    ],
)
def test_masks_are_checked(mask, words):
    with pytest.raises(ValueError, match=words):
        language.perplexity(LOGITS, TARGETS, mask)


def test_excess_bits_of_the_source_itself_are_zero_and_less_noisy_than_the_bits():
    text = markov.text(20_001, 0)
    oracle = language.token_bits(markov.oracle_logits(text[:-1]), text[1:])
    assert oracle.mean() == pytest.approx(markov.entropy_rate(), abs=0.05)
    smoothed = np.log(0.95 * markov.TRANSITIONS + 0.05 / markov.SYMBOLS)[text[:-1]]
    excess = language.excess_bits(language.token_bits(smoothed, text[1:]), oracle)
    assert excess.mean > 4 * excess.standard_error > 0
    raw = np.std(oracle) / np.sqrt(len(oracle))
    assert excess.standard_error < raw / 4
    assert not language.below_floor(excess)
    assert not language.below_floor(language.excess_bits(oracle, oracle))


@pytest.mark.parametrize(
    ("mean", "error", "want"),
    [(-0.05, 0.01, True), (-0.03, 0.01, False), (0.05, 0.01, False), (-0.05, 0.0, True), (0.0, 0.0, False)],
)
def test_below_floor_needs_four_standard_errors(mean, error, want):
    assert language.below_floor(PairedDifference(mean=mean, standard_error=error, n=9)) is want


@given(st.integers(2, 60), st.integers(1, 20).flatmap(lambda c: st.tuples(st.just(c), st.integers(1, c))))
def test_windows_score_each_token_once_with_enough_context(length, case):
    context, stride = case
    scored = []
    for window in language.windows(length, context, stride):
        assert 0 <= window.start < window.stop < length
        assert window.stop - window.start <= context
        new = range(window.scored_from, window.stop + 1)
        assert all(t - window.start > min(context - stride, t - 1) for t in new)
        scored.extend(new)
    assert scored == list(range(1, length))


def test_windows_by_hand():
    got = [(w.start, w.stop, w.scored_from) for w in language.windows(11, 4, 3)]
    assert got == [(0, 4, 1), (3, 7, 5), (6, 10, 8)]


def test_more_context_never_hurts_a_source_with_memory():
    """Disjoint windows pay for their first tokens: what a stride means has to be said."""
    text = markov.text(4000, 1)

    def bits(stride):
        total = []
        for w in language.windows(len(text), 16, stride):
            logits = markov.oracle_logits(text[w.start : w.stop])
            logits[0] = 0  # a model that needs one token of context
            costs = language.token_bits(logits, text[w.start + 1 : w.stop + 1])
            total.extend(costs[w.scored_from - w.start - 1 :])
        assert len(total) == len(text) - 1
        return np.mean(total)

    assert bits(16) > bits(8) + 0.02


def test_causality_probe_tells_a_causal_model_from_one_that_looks_ahead():
    text = markov.text(64, 2)[None]
    changed = language.suffix_perturbed(text, 40, markov.SYMBOLS, seed=0)
    assert (changed[:, :40] == text[:, :40]).all()
    assert (changed[:, 40:] != text[:, 40:]).all()

    def causal(tokens):
        return markov.oracle_logits(tokens)

    def peeking(tokens):
        return causal(tokens) + 5.0 * np.eye(markov.SYMBOLS)[np.roll(tokens, -1, axis=-1)]

    assert language.causal_leak(causal(text), causal(changed), 40) == 0
    assert language.causal_leak(peeking(text), peeking(changed), 40) > 1
    assert language.causal_leak(causal(text), causal(text[:, :40]), 40) == 0  # a prefix answers alike
    assert language.causal_leak(peeking(text), peeking(text[:, :40]), 40) > 1


def test_causal_leak_ignores_a_constant_added_per_position():
    logits = RNG.normal(size=(5, 6))
    assert language.causal_leak(logits, logits + np.arange(5)[:, None], 5) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("predictions", "references", "want"),
    [
        pytest.param(["a", "b "], ["a", "b"], 1, id="whitespace"),
        pytest.param(["A", "b"], ["a", "b"], 0.5, id="case-counts"),
        pytest.param([""], ["a"], 0, id="nothing-said"),
    ],
)
def test_exact_match_known_answers(predictions, references, want):
    assert language.exact_match(predictions, references) == want


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: language.exact_match([], []), id="no-texts"),
        pytest.param(lambda: language.exact_match(["a"], ["a", "b"]), id="wrong-count"),
        pytest.param(lambda: language.exact_match([1], ["1"]), id="not-text"),
        pytest.param(lambda: list(language.windows(1, 4, 4)), id="text-of-one"),
        pytest.param(lambda: list(language.windows(9, 4, 5)), id="stride-skips"),
        pytest.param(lambda: language.suffix_perturbed([0, 1], 2, 4, seed=0), id="no-suffix"),
        pytest.param(lambda: language.suffix_perturbed([0, 4], 1, 4, seed=0), id="unknown-token"),
        pytest.param(
            lambda: language.causal_leak(np.zeros((4, 2)), np.zeros((4, 3)), 2), id="other-vocabulary"
        ),
        pytest.param(lambda: language.causal_leak(np.zeros((4, 2)), np.zeros((1, 2)), 2), id="too-short"),
        pytest.param(lambda: language.bits_per_character(np.zeros((1, 2)), [0], 0), id="no-characters"),
    ],
)
def test_language_refuses(call):
    with pytest.raises(ValueError, match=r"count|not all text|out of range|shape|too few"):
        call()
