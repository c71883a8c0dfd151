import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from harness.sources.sprites import (
    BRIGHTNESS,
    CENTRE,
    RADIUS,
    ROUND,
    SHAPES,
    TILT,
    Factors,
    draw_factors,
    make_sprites,
    quantise,
    render,
)

SPRITES = make_sprites(train=3_000, heldout=600, seed=0)


def one(shape: str, *, radius=2.5, x=5.5, y=5.5, angle=0.0, brightness=1.0) -> Factors:
    values = {"radius": radius, "x": x, "y": y, "angle": angle, "brightness": brightness}
    return Factors(
        shape=np.array([SHAPES.index(shape)]), **{name: np.array([value]) for name, value in values.items()}
    )


def test_shapes_types_and_grid():
    assert SPRITES.train.shape == (3_000, 12, 12)
    assert SPRITES.heldout.shape == (600, 12, 12)
    assert SPRITES.train.dtype == SPRITES.heldout.dtype == np.float32
    assert set(np.unique(SPRITES.train)) == {level / 16 for level in range(17)}
    assert len(SPRITES.train_factors) == 3_000
    assert len(SPRITES.heldout_factors) == 600


def test_pictures_are_those_of_their_factors():
    np.testing.assert_array_equal(render(SPRITES.train_factors[:50]), SPRITES.train[:50])
    np.testing.assert_array_equal(render(SPRITES.heldout_factors), SPRITES.heldout)


def test_factors_cover_their_ranges_independently():
    factors = draw_factors(20_000, 1)
    spans = {"radius": RADIUS, "x": CENTRE, "y": CENTRE, "brightness": BRIGHTNESS, "angle": TILT}
    for name, (low, high) in spans.items():
        values = getattr(factors, name)
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
    np.testing.assert_allclose(np.bincount(factors.shape) / 20_000, 1 / 6, atol=0.01)
    table = np.corrcoef([getattr(factors, field.name) for field in fields(factors)])
    assert np.abs(table - np.eye(6)).max() < 0.03
    assert (factors.angle[np.isin(factors.shape, ROUND)] == 0).all()


def test_hardly_any_two_sprites_are_equal():
    everything = np.concatenate([SPRITES.train, SPRITES.heldout]).reshape(3_600, -1)
    assert len(np.unique(everything, axis=0)) > 3_590


@pytest.mark.parametrize("shape", SHAPES)
def test_light_lies_around_the_centre_and_keeps_its_area(shape):
    places = [(4.3, 5.2), (5.5, 5.5), (6.1, 4.9)]
    masses = []
    for x, y in places:
        picture = render(one(shape, x=x, y=y))[0]
        masses.append(picture.sum())
        assert (picture.sum(axis=0) @ np.arange(12)) / picture.sum() == pytest.approx(x, abs=0.15)
        assert (picture.sum(axis=1) @ np.arange(12)) / picture.sum() == pytest.approx(y, abs=0.25)
    assert max(masses) < 1.15 * min(masses)


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        pytest.param("disc", np.pi, id="disc"),
        pytest.param("square", 1.78**2, id="square"),
        pytest.param("bar", 2.8 * 0.84, id="bar"),
        pytest.param("cross", 2 * 2.4 * 0.8 - 0.8**2, id="cross"),
        pytest.param("triangle", 3 * np.sqrt(3) * 0.72**2, id="triangle"),
        pytest.param("ring", np.pi * (1.25**2 - 0.65**2), id="ring"),
    ],
)
def test_areas_known_answers(shape, area):
    large = render(one(shape, radius=12.0, x=31.5, y=31.5), side=64)[0]  # edges hardly count
    assert large.sum() / 144 == pytest.approx(area, rel=0.02)


@pytest.mark.parametrize("shape", ["square", "cross", "bar", "triangle"])
def test_a_quarter_turn_turns_the_picture(shape):
    np.testing.assert_array_equal(
        render(one(shape, angle=np.pi / 2))[0], np.rot90(render(one(shape))[0], k=-1)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_brightness_scales_and_places_shift(shape):
    picture = render(one(shape))[0]
    np.testing.assert_array_equal(render(one(shape, brightness=0.5))[0].max(), 0.5 * picture.max())
    np.testing.assert_array_equal(render(one(shape, x=6.5))[0][:, 1:], picture[:, :-1])
    np.testing.assert_array_equal(render(one(shape, y=4.5))[0][:-1], picture[1:])


def test_rows_of_factors_can_be_chosen_and_replaced():
    factors = SPRITES.train_factors
    np.testing.assert_array_equal(factors[factors.shape == 2].shape, 2)
    dark = replace(factors[:5], brightness=np.zeros(5))
    assert render(dark).max() == 0


def test_seeds():
    same, other = (make_sprites(train=50, heldout=10, seed=seed) for seed in (5, 6))
    np.testing.assert_array_equal(make_sprites(train=50, heldout=10, seed=5).train, same.train)
    assert (same.train != other.train).any()
    rng = np.random.default_rng(0)
    assert (
        make_sprites(train=9, heldout=1, seed=rng).train != make_sprites(train=9, heldout=1, seed=rng).train
    ).any()


GOOD = SPRITES.heldout[:4].astype(np.float64)


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(GOOD, id="float64"),
        pytest.param(GOOD.astype(np.float16), id="float16"),
        pytest.param(torch.from_numpy(GOOD), id="tensor"),
        pytest.param(GOOD.tolist(), id="lists"),
        pytest.param((GOOD + 0.03).clip(0, 1), id="off-the-grid"),
        pytest.param(GOOD * (1 + 5e-7) - 1e-7, id="rounding-outside-the-range"),
    ],
)
def test_quantise_snaps_to_the_grid(images):
    snapped = SPRITES.on_grid(images, count=4)
    assert snapped.dtype == np.float32
    np.testing.assert_array_equal(snapped, GOOD)


def test_zeros_and_ones_of_any_kind_are_pictures():
    np.testing.assert_array_equal(quantise(GOOD > 0.5), (GOOD > 0.5).astype(np.float32))
    np.testing.assert_array_equal(quantise((GOOD > 0.5).astype(np.uint8)), (GOOD > 0.5).astype(np.float32))


def spoilt(value: float) -> np.ndarray:
    images = GOOD.copy()
    images[2, 3, 4] = value
    return images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        pytest.param(GOOD[:3], r"shape \(3, 12, 12\), not \(4, 12, 12\)", id="too-few"),
        pytest.param(np.concatenate([GOOD, GOOD]), r"shape \(8, 12, 12\), not \(4, 12, 12\)", id="too-many"),
        pytest.param(GOOD[:0], r"shape \(0, 12, 12\)", id="none"),
        pytest.param(GOOD[:, None], r"shape \(4, 1, 12, 12\)", id="channel"),
        pytest.param(GOOD.reshape(4, 144), r"shape \(4, 144\)", id="flat"),
        pytest.param(GOOD[0], r"shape \(12, 12\)", id="single"),
        pytest.param(0.5, r"shape \(\)", id="number"),
        pytest.param(None, "object, not real", id="nothing"),
        pytest.param("sprites", "not real numbers", id="text"),
        pytest.param([[1, 2], [3]], "not an array", id="ragged"),
        pytest.param(GOOD + 0j, "complex128, not real", id="complex"),
        pytest.param(torch.from_numpy(GOOD).requires_grad_(), "not an array", id="still-in-a-graph"),
        pytest.param(spoilt(np.nan), "1 images hold NaN or infinity; the first is image 2", id="nan"),
        pytest.param(spoilt(-np.inf), "1 images hold NaN", id="infinity"),
        pytest.param(spoilt(1.01), "not within", id="above-one"),
        pytest.param(spoilt(-0.01), "-0.01", id="below-zero"),
        pytest.param(GOOD * 255, "from 0 to 239.1, not within", id="bytes"),
        pytest.param(2 * GOOD - 1, "from -1", id="minus-one-to-one"),
    ],
)
def test_quantise_refuses_what_is_no_set_of_sprites(images, message):
    with pytest.raises(ValueError, match=message):
        quantise(images, count=4)


def test_sources_need_no_torch():
    code = "import sys, harness.sources.sprites, harness.sources.captions; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
