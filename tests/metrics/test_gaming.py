"""Cheats, and what catches each: the attack's name is the test's, the catcher's name is what it must answer.

Beside them, honest work of several kinds that must not be accused.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import zoom

from harness.metrics import classification, compression, language, privacy, retrieval
from harness.metrics.density import bits_per_dimension, iwae_per_point
from harness.metrics.fairness import demographic_parity_difference
from harness.metrics.images import edge_error, psnr, sample_images
from harness.metrics.intervals import paired_difference
from harness.metrics.modes import modes_covered
from harness.metrics.panel import sample_quality_panel
from harness.metrics.sampling import goodness_of_fit
from tests.metrics import markov
from tests.metrics.shapes import LEVELS, RandomFeatures, draw, on_grid

TRAIN, HELDOUT, COUNT = draw(1500, 0), draw(500, 1), 500
PUBLIC, PRIVATE = RandomFeatures(1), RandomFeatures(2)
RNG = np.random.default_rng(7)
COPIES = TRAIN[RNG.permutation(len(TRAIN))[:COUNT]]
FLAT = TRAIN.reshape(len(TRAIN), -1)
MEAN = FLAT.mean(axis=0)


@cache
def directions():
    """Return standard deviations and directions of the training images' principal components."""
    _, scales, rows = np.linalg.svd(FLAT - MEAN, full_matrices=False)
    return scales / np.sqrt(len(FLAT) - 1), rows


def noise(amount, shape=(COUNT, 12, 12)):
    return amount * np.random.default_rng(8).normal(size=shape)


def levels_off(images, most):
    return on_grid(images + np.random.default_rng(9).integers(-most, most + 1, images.shape) / (LEVELS - 1))


def gaussian():
    scales, rows = directions()
    return on_grid((MEAN + noise(1, (COUNT, 144)) * scales @ rows).reshape(-1, 12, 12))


def tuned_to_the_public_encoder():
    """Noise, moved step by step until the public encoder takes it for held-out-like images; pixels stay garbage."""
    images = np.random.default_rng(2).random((COUNT, FLAT.shape[1]))
    wanted = PUBLIC(draw(COUNT, 55))
    for _ in range(400):
        error = PUBLIC(images.reshape(-1, 12, 12)) - wanted
        active = images @ PUBLIC.weights + PUBLIC.shift > 0
        images = np.clip(images - 0.5 * (error * (active | (wanted > 0))) @ PUBLIC.weights.T, 0, 1)
    return on_grid(images.reshape(-1, 12, 12))


def enlarged(images, margin):
    size = 12 / (12 - 2 * margin)
    return on_grid(zoom(images[:, margin:-margin, margin:-margin], (1, size, size), order=1))


def interpolated(images):
    return on_grid((images + images[::-1]) / 2)[: COUNT // 2].repeat(2, axis=0)


def left_half(count, seed):
    images = draw(4 * count, seed)
    columns = np.arange(12)
    centre = (images.sum(axis=1) @ columns) / images.sum(axis=(1, 2))
    return images[centre < 4.6][:count]


IMAGE_CHEATS = {
    "training-images": (lambda: COPIES, "memorisation"),
    "training-images-one-level-off": (lambda: levels_off(COPIES, 1), "memorisation"),
    "training-images-two-levels-off": (lambda: levels_off(COPIES, 2), "memorisation"),
    "training-images-mirrored": (lambda: COPIES[..., ::-1], "memorisation"),
    "training-images-upside-down": (lambda: COPIES[:, ::-1], "memorisation"),
    "training-images-shifted": (lambda: np.roll(COPIES, 1, axis=2), "memorisation"),
    "training-images-mirrored-and-moved": (
        lambda: np.roll(COPIES[..., ::-1], 2, axis=1),
        "memorisation",
    ),
    "training-images-cropped": (lambda: enlarged(COPIES, 1), "memorisation"),
    "training-images-cropped-more": (lambda: enlarged(COPIES, 2), "memorisation"),
    "training-images-cropped-to-the-middle": (lambda: enlarged(COPIES, 3), "memorisation"),
    "training-images-mirrored-and-noisy": (lambda: on_grid(COPIES[..., ::-1] + noise(0.04)), "memorisation"),
    "training-images-in-a-tenth-of-the-samples": (
        lambda: np.concatenate([COPIES[:60], draw(COUNT - 60, 30)]),
        "memorisation",
    ),
    "training-images-very-noisy": (lambda: on_grid(COPIES + noise(0.2)), "coverage"),
    "one-image": (lambda: COPIES[:1].repeat(COUNT, axis=0), "duplicates"),
    "five-new-images": (lambda: draw(5, 31).repeat(COUNT // 5, axis=0), "duplicates"),
    "each-new-image-twice": (lambda: draw(COUNT // 2, 32).repeat(2, axis=0), "duplicates"),
    "mixtures-of-two-training-images-twice": (lambda: interpolated(COPIES), "duplicates"),
    "modes-dropped": (lambda: left_half(COUNT, 33), "coverage"),
    "the-mean-image": (lambda: on_grid(MEAN.reshape(1, 12, 12) + noise(0.03)), "coverage"),
    "uniform-noise": (lambda: on_grid(np.random.default_rng(1).random((COUNT, 12, 12))), "coverage"),
    "a-gaussian-fitted-to-pixels": (gaussian, "coverage"),
    "noise-tuned-to-the-public-encoder": (tuned_to_the_public_encoder, "second encoder"),
}


@cache
def judged(cheat):
    return sample_quality_panel(IMAGE_CHEATS[cheat][0](), TRAIN, HELDOUT, PUBLIC, PRIVATE)


@pytest.mark.parametrize("cheat", IMAGE_CHEATS)
def test_samples_that_cheat_are_caught_by_name(cheat):
    got = judged(cheat)
    assert IMAGE_CHEATS[cheat][1] in [gate.name for gate in got.gates if not gate.passed], got


def test_the_tuned_noise_would_have_won_the_public_encoder():
    got = judged("noise-tuned-to-the-public-encoder")
    assert got.relative_fid < judged("a-gaussian-fitted-to-pixels").relative_fid / 2
    assert got.pixels.coverage < 0.05


def blurry():
    _, rows = directions()
    images = draw(COUNT, 40).reshape(COUNT, -1) - MEAN
    return on_grid((MEAN + images @ rows[:12].T @ rows[:12]).reshape(-1, 12, 12))


HONEST = {
    "the-source-itself": lambda: draw(COUNT, 41),
    "a-little-blurred": blurry,
    "a-little-pale": lambda: on_grid(0.9 * draw(COUNT, 42)),
    "a-little-noisy": lambda: on_grid(draw(COUNT, 43) + noise(0.05)),
}


@pytest.mark.parametrize("kind", HONEST)
def test_honest_samples_are_not_accused(kind):
    got = sample_quality_panel(HONEST[kind](), TRAIN, HELDOUT, PUBLIC, PRIVATE)
    assert got.passed, got.gates


ASKED = {"count": COUNT, "shape": (12, 12), "low": 0.0, "high": 1.0, "levels": LEVELS}


@pytest.mark.parametrize(
    ("samples", "caught"),
    [
        pytest.param(COPIES[:100], "wrong count: 100", id="fewer-but-better"),
        pytest.param(np.concatenate([COPIES, COPIES]), "wrong count: 1000", id="more-for-less-bias"),
        pytest.param(np.where(COPIES == 0, np.nan, COPIES), "NaN", id="nan-pixels"),
        pytest.param(np.full((COUNT, 12, 12), np.inf), "infinity", id="infinite-pixels"),
        pytest.param(COPIES * 255, "out of range", id="bytes-for-a-unit-range"),
        pytest.param(COPIES.reshape(COUNT, 144), "wrong shape", id="flattened"),
        pytest.param([None] * COUNT, "not real numbers", id="nothing-at-all"),
    ],
)
def test_answers_of_the_wrong_kind_are_caught_by_name(samples, caught):
    with pytest.raises(ValueError, match=caught):
        sample_images(samples, **ASKED)


def test_detail_below_the_grid_gains_nothing():
    """Samples between grey levels, as lower or higher precision leaves them, are the same after quantising."""
    assert np.array_equal(sample_images(COPIES.astype(np.float16), **ASKED), sample_images(COPIES, **ASKED))


# Language models. The text is new for every grading; its exact entropy is known.

TEXT = markov.text(12_001, 5)
BEFORE, AFTER = TEXT[:-1], TEXT[1:]
ORACLE = language.token_bits(markov.oracle_logits(BEFORE), AFTER)


def excess(logits):
    return language.excess_bits(language.token_bits(logits, AFTER), ORACLE)


def peeking(tokens):
    """Read the next token out of the input, as attention without a mask can."""
    return markov.oracle_logits(tokens) + 3.0 * np.eye(markov.SYMBOLS)[np.append(tokens[1:], 0)]


def test_peeking_at_the_next_token_is_below_the_floor_and_leaks():
    assert language.below_floor(excess(peeking(BEFORE)))
    changed = language.suffix_perturbed(BEFORE[:64], 32, markov.SYMBOLS, seed=0)
    assert language.causal_leak(peeking(BEFORE[:64]), peeking(changed), 32) > 1


def test_peeking_only_in_whole_texts_differs_from_the_prefix():
    whole, prefix = peeking(BEFORE[:64]), peeking(BEFORE[:40])
    assert language.causal_leak(whole, prefix, 40) > 1


def test_memorised_text_is_below_the_floor():
    memory = np.where(np.arange(len(AFTER))[:, None] < 3000, 8.0, 0.0) * np.eye(markov.SYMBOLS)[AFTER]
    assert language.below_floor(excess(markov.oracle_logits(BEFORE) + memory))


def test_an_honest_bigram_model_is_above_the_floor_and_causal():
    training = markov.text(12_001, 6)
    counts = np.ones((markov.SYMBOLS, markov.SYMBOLS))
    np.add.at(counts, (training[:-1], training[1:]), 1)
    got = excess(np.log(counts)[BEFORE])
    assert 0 < got.mean < 0.02
    assert not language.below_floor(got)


def test_unnormalised_log_probabilities_are_refused_and_unnormalised_logits_gain_nothing():
    generous = markov.oracle_logits(BEFORE) + 2.0  # every token e^2 times as likely
    with pytest.raises(ValueError, match="not normalised"):
        language.normalised_log_probabilities(generous)
    assert excess(generous).mean == pytest.approx(0, abs=1e-12)


def test_probabilities_in_place_of_logits_are_named():
    with pytest.raises(ValueError, match="logits are probabilities"):
        language.perplexity(markov.TRANSITIONS[BEFORE], AFTER)


def test_a_smaller_vocabulary_is_named():
    with pytest.raises(ValueError, match="targets are out of range"):
        language.perplexity(markov.oracle_logits(BEFORE)[:, :6], AFTER)


def test_skipping_the_hard_tokens_is_named():
    with pytest.raises(ValueError, match="different shapes"):
        language.perplexity(markov.oracle_logits(BEFORE)[ORACLE < 1], AFTER)


def test_a_larger_vocabulary_does_not_lower_bits_per_character():
    pairs = BEFORE[0::2] * markov.SYMBOLS + AFTER[0::2]
    shares = np.log(np.bincount(pairs, minlength=64) + 1.0)
    singles = np.log(np.bincount(BEFORE, minlength=8) + 1.0)
    per_token = language.bits_per_token(np.tile(shares, (len(pairs), 1)), pairs)
    per_pair = language.bits_per_character(np.tile(shares, (len(pairs), 1)), pairs, 2 * len(pairs))
    per_character = language.bits_per_token(np.tile(singles, (len(BEFORE), 1)), BEFORE)
    assert per_token > per_character > per_pair > markov.entropy_rate() / 2
    assert per_pair == pytest.approx(per_token / 2)


def test_lower_precision_is_seen_in_the_excess_and_in_the_logits():
    """Logits rounded to whole numbers, passed off as the full model."""
    rounded = np.rint(markov.oracle_logits(BEFORE))
    assert excess(rounded).mean > 5 * excess(rounded).standard_error
    assert compression.logit_divergence(markov.oracle_logits(BEFORE), rounded) > 0.003


def test_greedy_decoding_sold_as_sampling_is_seen():
    draws = np.bincount(np.full(500, markov.TRANSITIONS[0].argmax()), minlength=markov.SYMBOLS)
    assert goodness_of_fit(draws, markov.TRANSITIONS[0]) < 1e-6


# The rest of the roadmap.


def test_returning_every_document_is_refused_and_scoring_all_alike_earns_nothing():
    documents = list(range(50))
    with pytest.raises(ValueError, match="wrong count: 50, expected 5"):
        retrieval.scores_of_ranking(documents, documents, 5)
    assert retrieval.recall_at_k(np.zeros((1, 50)), np.eye(1, 50), 5) == 0


def test_naming_the_best_document_five_times_is_refused():
    with pytest.raises(ValueError, match="repeat"):
        retrieval.scores_of_ranking([3, 3, 3, 3, 3], list(range(50)), 5)


def test_the_majority_class_has_no_f1_and_no_auc():
    truth = np.repeat([0, 1], [95, 5])
    assert classification.accuracy(np.zeros(100, dtype=int), truth) == 0.95
    assert classification.f1_score(np.zeros(100, dtype=int), truth) < 0.5
    assert classification.roc_auc(np.zeros(100), truth) == 0.5


def test_unnormalised_confidence_is_refused():
    with pytest.raises(ValueError, match="not normalised"):
        classification.brier_score([[1.0, 1.0]], [0])


def test_blur_is_seen_by_the_edges_where_psnr_rewards_it():
    noisy = np.clip(HELDOUT + 0.25 * RNG.normal(size=HELDOUT.shape), 0, 1)
    smooth = (
        np.repeat(noisy.mean(axis=(1, 2), keepdims=True), 12, axis=1).repeat(12, axis=2) * 0.3 + noisy * 0.7
    )
    assert psnr(smooth, HELDOUT, 1.0) > psnr(noisy, HELDOUT, 1.0)
    assert edge_error(np.full_like(HELDOUT, HELDOUT.mean()), HELDOUT) == pytest.approx(1)


def test_a_likelihood_beyond_the_source_is_seen():
    """A density scaled by e: the bound exceeds the exact log-likelihood on every point."""
    exact = -0.5 * RNG.normal(size=500) ** 2 - 0.92
    claimed = iwae_per_point(exact[:, None] + 1.0 + 0.01 * RNG.normal(size=(500, 8)))
    assert paired_difference(claimed, exact).z > 4
    assert bits_per_dimension(np.full(5, 700.0), 64) < 0  # impossible for a probability


def test_one_lucky_sample_per_mode_does_not_cover_it():
    centres = 5.0 * np.arange(20)[:, None]
    samples = np.concatenate([np.zeros((480, 1)), centres])
    assert modes_covered(samples, centres, 0.1).covered == 1


def test_a_layer_that_was_never_quantised_shows_in_the_file():
    assert compression.levels_in_use(RNG.normal(size=(32, 32))) > 256


def test_constant_logits_flip_everything():
    assert compression.flip_rate(RNG.normal(size=(50, 10)), np.zeros((50, 10))) == 1


def test_a_group_too_small_to_be_judged_is_refused():
    with pytest.raises(ValueError, match="too small: 3 members"):
        demographic_parity_difference(np.zeros(103, dtype=int), np.repeat([0, 1], [100, 3]))


def test_an_epsilon_that_forgets_the_steps_is_recomputed():
    claimed = privacy.epsilon(1.0, 0.01, 1, 1e-5)
    assert privacy.epsilon(1.0, 0.01, 1000, 1e-5) > 2 * claimed
    assert privacy.audited_epsilon(990, 1000, 5, 1000, delta=1e-5) > claimed
