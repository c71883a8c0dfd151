"""Metrics on a device have the values of those on the CPU, and refuse what those refuse in their words.

The device is the CPU, and torch's `lazy` where that can compute it: both are other code than `harness.metrics`.
"""

import math

import numpy as np
import pytest
import torch

from harness.gpu import computing
from harness.gpu.computing import FEATURE_TOLERANCE, TOLERANCE, DeviceStatistics, token_bits
from harness.metrics import frechet, language
from harness.metrics.frechet import FeatureStatistics
from harness.sources.encoder import load_encoder
from harness.sources.sprites import make_sprites

CPU = torch.device("cpu")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def close(a, b, tolerance=TOLERANCE):
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)


SHIFTS = {"centred": 0.0, "shifted": 3.0, "far-off": 1e6}


@pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS)
def test_statistics_are_those_of_the_cpu_however_they_are_gathered(rng, shift):
    rows = rng.normal(size=(700, 24)) * np.logspace(0, -2, 24) + shift
    device, cpu = DeviceStatistics(where=CPU), FeatureStatistics(rows)
    for batch in (rows[:1], rows[1:300], rows[300:]):
        device.update(batch)
    found = device.on_cpu()
    assert found.count == cpu.count == 700
    np.testing.assert_allclose(found.mean, cpu.mean, rtol=1e-12)
    scale = np.abs(cpu.covariance).max()
    np.testing.assert_allclose(found.covariance, cpu.covariance, rtol=0, atol=1e-9 * scale)


def test_many_small_chunks_are_as_good_as_one(rng, monkeypatch):
    rows = rng.normal(size=(100, 8))
    monkeypatch.setattr(computing, "CHUNK_BYTES", 8 * 8 * 3)
    np.testing.assert_allclose(
        DeviceStatistics(rows, where=CPU).on_cpu().covariance, FeatureStatistics(rows).covariance, rtol=1e-10
    )


SETS = {
    "apart": (500, 16, 0.5, 1.3),
    "close": (500, 16, 0.0, 1.0),
    "shifted": (400, 8, 1e4, 1.0),
    "singular": (10, 16, 0.5, 1.0),
    "two": (2, 3, 0.5, 2.0),
}


@pytest.mark.parametrize(("count", "width", "shift", "scale"), SETS.values(), ids=SETS)
def test_the_distance_is_that_of_the_cpu(rng, count, width, shift, scale):
    rows, other = rng.normal(size=(count, width)), rng.normal(size=(count, width)) * scale + shift
    a, b = DeviceStatistics(rows, where=CPU), DeviceStatistics(other, where=CPU)
    assert close(computing.frechet_distance(a, b), frechet.frechet_distance(rows, other))
    assert close(computing.relative_fid(a, b), frechet.relative_fid(rows, other))
    assert computing.frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6 * max(1.0, shift))


def test_where_the_quick_route_is_too_coarse_the_cpu_looks_closer(rng, monkeypatch):
    rows = rng.normal(size=(300, 6))
    a, b = DeviceStatistics(rows, where=CPU), DeviceStatistics(rows.copy(), where=CPU)
    assert computing._quick_distance(a, b) is None
    other = DeviceStatistics(rows * 2, where=CPU)
    assert computing._quick_distance(a, other) is not None
    monkeypatch.setattr(frechet, "frechet_distance", lambda *_: -1.0)
    assert computing.frechet_distance(a, b) == -1.0
    assert computing.frechet_distance(a, other) > 0


def test_of_sprites_from_pictures_to_the_distance():
    data = make_sprites(train=600, heldout=600, seed=0)
    encoder = load_encoder()
    pixels = [torch.from_numpy(np.asarray(part, np.float32))[:, None] for part in (data.train, data.heldout)]
    found = [computing.features(encoder.network, part, where=CPU, batch=100) for part in pixels]
    assert found[0].dtype == torch.float64
    ours = computing.relative_fid(*(DeviceStatistics(part, where=CPU) for part in found))
    theirs = frechet.relative_fid(encoder.features(data.train), encoder.features(data.heldout))
    assert close(ours, theirs, FEATURE_TOLERANCE)


REFUSED = {
    "nan": np.array([[1.0, np.nan]]),
    "infinite": np.array([[1.0, np.inf]]),
    "infinite-float32": np.array([[1.0, np.inf]], np.float32),
    "infinite-float16": np.array([[1.0, np.inf]], np.float16),
    "flat": np.arange(3.0),
    "empty": np.zeros((0, 2)),
    "too-large": np.array([[1e80, 1.0]]),
    "complex": np.array([[1j, 1.0]]),
}


@pytest.mark.parametrize("rows", REFUSED.values(), ids=REFUSED)
def test_what_the_cpu_refuses_is_refused_in_its_words_and_changes_nothing(rows):
    with pytest.raises(ValueError, match="features") as theirs:
        FeatureStatistics(rows)
    device = DeviceStatistics(np.eye(2), where=CPU)
    with pytest.raises(ValueError, match="features") as ours:
        device.update(rows)
    assert str(ours.value).partition(":")[0] == str(theirs.value).partition(":")[0]
    assert device.count == 2
    with pytest.raises(ValueError, match="wrong shape"):
        device.update(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="too few"):
        computing.frechet_distance(DeviceStatistics(np.eye(2)[:1], where=CPU), device)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float16"])
def test_features_of_any_dtype(rng, dtype):
    rows = (rng.random((30, 4)) * 3).astype(dtype)
    found = DeviceStatistics(rows, where=CPU).on_cpu()
    np.testing.assert_allclose(found.covariance, FeatureStatistics(rows).covariance, rtol=1e-7, atol=1e-12)


# ---- language ----------------------------------------------------------------------------------

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_bits_and_perplexity_are_those_of_the_cpu(rng, dtype):
    logits = torch.from_numpy(rng.normal(size=(5, 40, 33)) * 4).to(dtype)
    targets = rng.integers(0, 33, size=(5, 40))
    mask = rng.random((5, 40)) < 0.7
    for chosen in (None, mask):
        ours = token_bits(logits, targets, chosen, where=CPU)
        np.testing.assert_allclose(ours, language.token_bits(logits, targets, chosen), rtol=TOLERANCE)
        theirs = language.perplexity(logits, targets, chosen)
        assert close(computing.perplexity(logits, targets, chosen, where=CPU), theirs)


def test_in_chunks_they_are_the_same_and_in_order(rng, monkeypatch):
    logits, targets = rng.normal(size=(50, 7)), rng.integers(0, 7, size=50)
    monkeypatch.setattr(computing, "CHUNK_BYTES", 8 * 7 * 4)
    mask = np.arange(50) % 9 > 3  # some chunks have none that counts
    np.testing.assert_allclose(
        token_bits(logits, targets, mask, where=CPU),
        language.token_bits(logits, targets, mask),
        rtol=TOLERANCE,
    )


def test_large_logits_do_not_overflow():
    logits = np.array([[1e4, -1e4, 0.0], [0.0, 1e90, 3.0]])
    np.testing.assert_allclose(
        token_bits(logits, [0, 2], where=CPU), language.token_bits(logits, [0, 2]), rtol=TOLERANCE
    )
    with pytest.raises(ValueError, match="perplexity beyond all numbers"):
        computing.perplexity(logits, [0, 2], where=CPU)


UNFIT = {
    "nan": (np.array([[1.0, np.nan]]), [0], None),
    "infinite": (np.array([[1.0, np.inf]]), [0], None),
    "infinite-float32": (np.array([[1.0, np.inf]], np.float32), [0], None),
    "too-large": (np.array([[1e120, 1.0]]), [0], None),
    "probabilities": (np.array([[0.5, 0.5], [1.0, 0.0]]), [0, 1], None),
    "target-too-large": (np.zeros((1, 2)) + 3, [2], None),
    "target-negative": (np.zeros((1, 2)) + 3, [-1], None),
    "targets-of-floats": (np.zeros((1, 2)) + 3, [0.5], None),
    "other-shape": (np.zeros((2, 2)) + 3, [0], None),
    "empty": (np.zeros((0, 2)), [], None),
    "no-axis": (np.float64(3.0), 0, None),
    "mask-of-numbers": (np.zeros((1, 2)) + 3, [0], [1]),
    "mask-of-another-shape": (np.zeros((2, 2)) + 3, [0, 1], np.array([True])),
    "mask-leaves-none": (np.zeros((1, 2)) + 3, [0], np.array([False])),
}


@pytest.mark.parametrize(("logits", "targets", "mask"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_scored_is_refused_in_the_cpus_words(logits, targets, mask):
    with pytest.raises(ValueError) as theirs:
        language.token_bits(logits, targets, mask)
    with pytest.raises(ValueError) as ours:
        token_bits(logits, targets, mask, where=CPU)
    assert str(ours.value) == str(theirs.value)


# ---- devices -----------------------------------------------------------------------------------


def test_without_a_gpu_the_device_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert computing.device() == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert computing.device() == torch.device("cuda")


def out_of_memory(*_, **__):
    raise torch.OutOfMemoryError


def test_without_room_on_the_gpu_the_cpu_computes(rng, monkeypatch):
    rows, logits, targets = rng.normal(size=(60, 4)), rng.normal(size=(9, 5)), rng.integers(0, 5, size=9)
    theirs = frechet.frechet_distance(rows[:30], rows[30:] * 2), language.token_bits(logits, targets)
    a, b = DeviceStatistics(rows[:30], where=CPU), DeviceStatistics(rows[30:] * 2, where=CPU)
    monkeypatch.setattr(computing, "_quick_distance", out_of_memory)
    monkeypatch.setattr(computing, "_token_bits", out_of_memory)
    assert close(computing.frechet_distance(a, b), theirs[0])
    np.testing.assert_array_equal(token_bits(logits, targets), theirs[1])


def test_statistics_that_find_no_room_move_to_the_cpu(rng, monkeypatch):
    rows, added, full = rng.normal(size=(60, 4)), DeviceStatistics._add, []

    def add(self, batch):
        if not full:
            full.append(batch)
            raise torch.OutOfMemoryError
        added(self, batch)

    device = DeviceStatistics(rows[:30], where=CPU)
    monkeypatch.setattr(DeviceStatistics, "_add", add)
    device.update(rows[30:])
    np.testing.assert_allclose(device.on_cpu().covariance, FeatureStatistics(rows).covariance, rtol=1e-10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_card_the_values_are_those_of_the_cpu(rng):
    rows, logits, targets = (
        rng.normal(size=(900, 64)),
        rng.normal(size=(500, 99)),
        rng.integers(0, 99, size=500),
    )
    cuda = torch.device("cuda")
    a, b = DeviceStatistics(rows[:450], where=cuda), DeviceStatistics(rows[450:] * 1.5, where=cuda)
    assert close(computing.frechet_distance(a, b), frechet.frechet_distance(rows[:450], rows[450:] * 1.5))
    np.testing.assert_allclose(
        token_bits(logits, targets, where=cuda), language.token_bits(logits, targets), rtol=TOLERANCE
    )
