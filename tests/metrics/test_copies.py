import numpy as np
import pytest
from scipy.ndimage import zoom

from harness.metrics.copies import copies_in_disguise
from tests.metrics.shapes import draw, on_grid

TRAIN, HELDOUT = draw(1500, 0), draw(300, 1)
PICKED = np.random.default_rng(2).permutation(1500)[:200]
COPIES = TRAIN[PICKED]
NOISE = np.random.default_rng(3).normal(size=COPIES.shape)


@pytest.mark.parametrize(
    ("samples", "how"),
    [
        pytest.param(COPIES, "as it is", id="copies"),
        pytest.param(COPIES[..., ::-1], "mirrored", id="mirrored"),
        pytest.param(COPIES[:, ::-1], "upside down", id="upside-down"),
        pytest.param(COPIES[:, ::-1, ::-1], "turned by half", id="turned"),
        pytest.param(np.rot90(COPIES, axes=(1, 2)), "turned to the left", id="turned-to-the-left"),
        pytest.param(np.rot90(COPIES, 3, axes=(1, 2)), "turned to the right", id="turned-to-the-right"),
        pytest.param(COPIES.swapaxes(1, 2), "mirrored at the diagonal", id="mirrored-at-the-diagonal"),
        pytest.param(
            np.rot90(COPIES, 2, axes=(1, 2)).swapaxes(1, 2),
            "mirrored at the other diagonal",
            id="other-diagonal",
        ),
        pytest.param(np.roll(COPIES, -2, axis=2), "shifted by (0, -2)", id="rolled-left-by-two"),
        pytest.param(np.roll(COPIES, 1, axis=1), "shifted by (1, 0)", id="rolled-down"),
        pytest.param(
            np.pad(COPIES, ((0, 0), (0, 1), (1, 0)))[:, 1:, :-1],
            "shifted by (-1, 1)",
            id="cropped-and-padded",
        ),
        pytest.param(
            np.roll(COPIES, 1, axis=2)[..., ::-1], "shifted by (0, 1) and mirrored", id="moved-and-mirrored"
        ),
        pytest.param(
            np.roll(COPIES[:, ::-1], 2, axis=1),
            "shifted by (-2, 0) and upside down",
            id="upside-down-and-moved",
        ),
        pytest.param(
            on_grid(zoom(COPIES[:, 1:-1, 1:-1], (1, 1.2, 1.2), order=1)), "cropped by 1", id="enlarged-crop"
        ),
        pytest.param(
            on_grid(zoom(COPIES[:, 2:-2, 2:-2], (1, 1.5, 1.5), order=1)), "cropped by 2", id="larger-crop"
        ),
        pytest.param(on_grid(COPIES[..., ::-1] + 0.04 * NOISE), "mirrored", id="mirrored-and-noisy"),
    ],
)
def test_disguises_are_seen_and_the_pairs_are_right(samples, how):
    got = copies_in_disguise(samples, TRAIN, HELDOUT)
    assert got.test.z < -6
    right = [pair.train == PICKED[pair.sample] and pair.how == how for pair in got.pairs]
    assert sum(right) >= 0.8 * len(right)


@pytest.mark.parametrize("seed", range(10, 16))
def test_new_images_are_not_accused(seed):
    assert abs(copies_in_disguise(draw(300, seed), TRAIN, HELDOUT, seed=seed).test.z) < 3.5


def test_a_mirrored_source_is_not_accused():
    train = np.concatenate([TRAIN[:700], TRAIN[:700, :, ::-1]])
    assert copies_in_disguise(draw(300, 20)[..., ::-1], train, HELDOUT).test.z > -3.5


def test_large_images_are_reduced_first():
    train, samples, heldout = (np.kron(draw(n, s), np.ones((4, 4))) for n, s in ((300, 0), (60, 5), (60, 1)))
    copies = train[:60] + 0.15 * np.random.default_rng(0).normal(size=(60, 48, 48))  # averaged away
    assert copies_in_disguise(copies[:, None], train[:, None], heldout[:, None]).test.z < -6
    assert copies_in_disguise(samples[:, None], train[:, None], heldout[:, None]).test.z > -3.5


def test_pairs_are_few_sorted_and_the_same_each_time():
    first = copies_in_disguise(COPIES, TRAIN, HELDOUT, seed=1, most=50, shown=5)
    assert len(first.pairs) == 5
    assert [pair.ratio for pair in first.pairs] == sorted(pair.ratio for pair in first.pairs)
    assert first == copies_in_disguise(COPIES, TRAIN, HELDOUT, seed=1, most=50, shown=5)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        pytest.param(COPIES[:, :5], "wrong shape", id="too-small"),
        pytest.param(COPIES[:, :, :11], "different shapes", id="other-size"),
        pytest.param(COPIES[:1], "wrong shape", id="one-image"),
        pytest.param(COPIES * np.nan, "NaN", id="nan"),
    ],
)
def test_copies_in_disguise_refuses(samples, words):
    with pytest.raises(ValueError, match=words):
        copies_in_disguise(samples, TRAIN, HELDOUT)
