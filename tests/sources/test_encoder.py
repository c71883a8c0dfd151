from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from harness.errors import GraderError
from harness.sources.encoder import DIGESTS, WEIGHTS, load_encoder
from harness.sources.sprites import SHAPES, make_sprites, quantise
from harness.sources.train_encoder import RECIPES, targets_of, train

SPRITES = make_sprites(train=4_000, heldout=4_000, seed=77)


@pytest.fixture(params=list(DIGESTS))
def encoder(request):
    return load_encoder(request.param)


def relative_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the Frechet distance over the reference's total variance, by scipy's matrix root."""
    covariances = np.cov(a.T), np.cov(b.T)
    root = sqrtm(covariances[0] @ covariances[1]).real
    distance = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * root
    )
    return distance / np.trace(covariances[1])


def like_gaussian(images: np.ndarray, count: int) -> np.ndarray:
    pixels = images.reshape(len(images), -1).astype(np.float64)
    rng = np.random.default_rng(0)
    drawn = rng.multivariate_normal(pixels.mean(axis=0), np.cov(pixels.T), count, method="eigh")
    return drawn.clip(0, 1).reshape(-1, 12, 12)


def test_features_rise_from_real_over_dropped_modes_and_gaussian_to_noise(encoder):
    train, rng = SPRITES.train, np.random.default_rng(1)
    samples = [
        train[:1_000],
        train[SPRITES.train_factors.shape < 4][:1_000],
        like_gaussian(train, 1_000),
        rng.uniform(size=(1_000, 12, 12)),
    ]
    reference = encoder.features(SPRITES.heldout)
    real, dropped, gaussian, noise = (
        relative_distance(encoder.features(quantise(sample)), reference) for sample in samples
    )
    assert real < 0.012
    assert dropped > 10 * real
    assert gaussian > 30 * real
    assert noise > 2 * gaussian


def test_features_are_fixed_whatever_the_batch_or_mode(encoder):
    images = SPRITES.heldout[:1_500]
    features = encoder.features(images)
    assert features.shape == (1_500, 32)
    assert features.dtype == np.float64
    np.testing.assert_allclose(encoder.features(images[700:710]), features[700:710], atol=1e-4)
    encoder.network.train()
    np.testing.assert_array_equal(encoder.features(images), features)
    assert not any(parameter.requires_grad for parameter in encoder.network.parameters())
    assert encoder.features(images[:0]).shape == (0, 32)


def test_features_name_shape_and_place(encoder):
    half = slice(0, 3_000), slice(3_000, None)
    factors = SPRITES.heldout_factors
    features = np.column_stack([encoder.features(SPRITES.heldout), np.ones(4_000)])
    wanted = np.column_stack([np.eye(len(SHAPES))[factors.shape], factors.x, factors.y])
    linear, *_ = np.linalg.lstsq(features[half[0]], wanted[half[0]])
    told = features[half[1]] @ linear
    assert (told[:, :6].argmax(axis=1) == factors.shape[half[1]]).mean() > 0.97
    for column, place in ((6, factors.x), (7, factors.y)):
        assert np.corrcoef(told[:, column], place[half[1]])[0, 1] > 0.95


def test_the_two_encoders_see_differently():
    public, private = (load_encoder(name).features(SPRITES.heldout) for name in DIGESTS)
    assert np.abs(public - private).max() > 1
    assert load_encoder("sprite").trained["objective"] != load_encoder("sprite-private").trained["objective"]


def test_weights_are_small_and_state_their_accuracy(encoder):
    assert (WEIGHTS / f"{encoder.name}.safetensors").stat().st_size < 300_000
    assert encoder.digest == DIGESTS[encoder.name]
    assert float(encoder.trained["shape_accuracy"]) > 0.995


@pytest.mark.parametrize("shape", [(5, 144), (5, 1, 12, 12), (12, 12), (3, 8, 8)], ids=str)
def test_other_shapes_are_refused(encoder, shape):
    with pytest.raises(ValueError, match="images have shape"):
        encoder.features(np.zeros(shape))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        pytest.param("sprites", None, "no encoder 'sprites'", id="unknown-name"),
        pytest.param("sprite", None, "cannot be read", id="missing"),
        pytest.param(
            "sprite", lambda blob: blob[:-1] + bytes([blob[-1] ^ 1]), "not the pinned", id="one-bit-off"
        ),
        pytest.param("sprite", lambda _: b"", "not the pinned", id="empty"),
    ],
)
def test_other_weights_are_refused(tmp_path, name, change, message):
    if change:
        blob = (WEIGHTS / f"{name}.safetensors").read_bytes()
        (tmp_path / f"{name}.safetensors").write_bytes(change(blob))
    with pytest.raises(GraderError, match=message):
        load_encoder(name, weights=tmp_path)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_training_learns(recipe):
    targets = targets_of(SPRITES.train[:500], SPRITES.train_factors[:500])

    def loss_after(steps):
        network, heads = train(replace(recipe, width=4, steps=steps), targets)
        with torch.inference_mode():
            return float(heads.loss(network, targets))

    assert loss_after(100) < 0.9 * loss_after(0)
