import dataclasses
import time

import numpy as np
import pytest

from harness.metrics.panel import sample_quality_panel
from tests.metrics.shapes import RandomFeatures, draw

TRAIN, HELDOUT = draw(1500, 0), draw(500, 1)
PUBLIC, PRIVATE = RandomFeatures(1), RandomFeatures(2)


def panel(samples, **options):
    return sample_quality_panel(samples, TRAIN, HELDOUT, PUBLIC, PRIVATE, **options)


@pytest.mark.parametrize("seed", range(10, 18))
def test_a_perfect_generator_passes_every_gate(seed):
    got = panel(draw(500, seed), seed=seed)
    assert got.passed, got.gates
    assert got.relative_fid < 0.1
    assert got.pixels.coverage > 0.8
    assert 0.4 < got.classifier_accuracy < 0.6
    assert got.unique_share == 1
    assert got.exact_copies < 0.05


def test_the_record_is_frozen_and_the_gates_name_their_evidence():
    got = panel(draw(500, 2))
    assert [gate.name for gate in got.gates] == ["memorisation", "duplicates", "coverage", "second encoder"]
    assert all(any(letter.isdigit() for letter in gate.evidence) for gate in got.gates)
    with pytest.raises(dataclasses.FrozenInstanceError):
        got.relative_fid = 0.0


def test_numbers_follow_quality():
    clean = draw(500, 3)
    noisy = np.clip(clean + 0.3 * np.random.default_rng(0).normal(size=clean.shape), 0, 1)
    good, bad = panel(clean), panel(noisy)
    assert bad.relative_fid > 5 * good.relative_fid
    assert bad.pixel_relative_fid > 5 * good.pixel_relative_fid
    assert bad.kernel_distance > good.kernel_distance + 0.05
    assert bad.features.coverage < good.features.coverage
    assert bad.authenticity > good.authenticity


def test_copies_come_with_the_pairs():
    got = panel(TRAIN[:500])
    assert len(got.pairs) == 16
    assert all(pair.ratio == pytest.approx(0, abs=1e-9) and pair.how == "as it is" for pair in got.pairs)


def test_without_a_private_encoder_there_is_no_such_gate():
    got = sample_quality_panel(draw(300, 4), TRAIN, HELDOUT, PUBLIC)
    assert got.private_ratio is got.private_relative_fid is None
    assert "second encoder" not in [gate.name for gate in got.gates]


def test_points_need_no_pixels():
    rng = np.random.default_rng(0)
    train, heldout, samples = (rng.normal(size=(n, 2)) for n in (900, 300, 300))
    got = sample_quality_panel(samples, train, heldout, lambda points: points)
    assert got.disguised_copying is None
    assert got.pairs == ()
    assert got.passed
    assert not sample_quality_panel(train[:300], train, heldout, lambda points: points).passed


def test_both_sides_are_cut_to_one_number_and_few_samples_are_noted():
    got = sample_quality_panel(draw(60, 5), TRAIN, HELDOUT, RandomFeatures(3, width=80))
    assert got.n == 60
    assert got.notes == ("60 samples for 80 features: the covariance is singular",)


def test_the_same_seed_gives_the_same_record():
    samples = draw(300, 6)
    assert panel(samples, seed=5) == panel(samples, seed=5)
    assert panel(samples, seed=5) != panel(samples, seed=6)


def test_the_panel_is_quick():
    """A thousand samples; 1.5 s is the promise, CPU seconds are what a shared machine can keep."""
    samples, train, heldout = draw(1000, 7), draw(5000, 8), draw(1000, 9)
    start = time.process_time()
    sample_quality_panel(samples, train, heldout, PUBLIC, PRIVATE)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        pytest.param(draw(500, 2) * np.nan, "samples contain NaN", id="nan"),
        pytest.param(draw(500, 2)[:, :11], "samples have the wrong shape", id="shape"),
        pytest.param(draw(19, 2), "samples are too few: 19", id="too-few"),
        pytest.param(np.zeros((0, 12, 12)), "samples are empty", id="nothing"),
        pytest.param("samples", "not real numbers", id="text"),
    ],
)
def test_the_panel_refuses(samples, words):
    with pytest.raises(ValueError, match=words):
        panel(samples)


def test_an_encoder_that_breaks_is_named():
    with pytest.raises(ValueError, match="features contain NaN"):
        sample_quality_panel(draw(300, 2), TRAIN, HELDOUT, lambda images: PUBLIC(images) * np.nan)
    with pytest.raises(ValueError, match="features are too few: 1"):
        sample_quality_panel(draw(300, 2), TRAIN, HELDOUT, lambda images: PUBLIC(images)[:1])
