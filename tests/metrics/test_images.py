import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from harness.metrics.images import BEST_PSNR, edge_error, psnr, sample_images, ssim
from tests.metrics.shapes import draw

TRUTH = draw(20, 0)
NOISY = np.clip(TRUTH + 0.1 * np.random.default_rng(0).normal(size=TRUTH.shape), 0, 1)


def blurred(images):
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
    return sum(padded[:, i : i + 12, j : j + 12] for i in range(3) for j in range(3)) / 9


@pytest.mark.parametrize(
    ("error", "data_range", "want"),
    [
        pytest.param(0.1, 1.0, 20, id="a-tenth"),
        pytest.param(0.1, 10.0, 40, id="larger-range"),
        pytest.param(1.0, 1.0, 0, id="as-wrong-as-can-be"),
        pytest.param(0.0, 1.0, BEST_PSNR, id="equal"),
    ],
)
def test_psnr_known_answers(error, data_range, want):
    assert psnr(np.zeros((3, 4, 4)) + error, np.zeros((3, 4, 4)), data_range) == pytest.approx(want)


def test_psnr_agrees_with_torchmetrics_on_one_image():
    theirs = peak_signal_noise_ratio(torch.from_numpy(NOISY[:1]), torch.from_numpy(TRUTH[:1]), data_range=1.0)
    assert psnr(NOISY[:1], TRUTH[:1], 1.0) == pytest.approx(float(theirs), rel=1e-6)


def test_ssim_known_answers():
    assert ssim(TRUTH, TRUTH, 1.0) == pytest.approx(1)
    flat = np.full((1, 16, 16), 0.25), np.full((1, 16, 16), 0.75)
    want = (2 * 0.25 * 0.75 + 1e-4) / (
        0.25**2 + 0.75**2 + 1e-4
    )  # constant images: luminance alone, C1 = (0.01)^2
    assert ssim(*flat, 1.0) == pytest.approx(want, rel=1e-5)
    assert ssim(TRUTH[:, None], NOISY[:, None], 1.0) == pytest.approx(ssim(TRUTH, NOISY, 1.0))


def test_the_data_range_is_never_guessed():
    assert ssim(0.01 * TRUTH, 0.01 * NOISY, 1.0) > 0.99  # a faint image in a wide range is nearly constant
    assert ssim(TRUTH, NOISY, 1.0) < 0.97


def test_blur_wins_psnr_and_loses_on_edges():
    noise = np.clip(TRUTH + 0.2 * np.random.default_rng(1).normal(size=TRUTH.shape), 0, 1)
    assert psnr(blurred(noise), TRUTH, 1.0) > psnr(noise, TRUTH, 1.0)
    assert edge_error(blurred(TRUTH), TRUTH) > 0.3
    assert edge_error(TRUTH, TRUTH) == 0
    assert edge_error(np.full_like(TRUTH, 0.5), TRUTH) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: psnr(TRUTH[:3], TRUTH, 1.0), "different shapes", id="wrong-count"),
        pytest.param(lambda: psnr(TRUTH * np.nan, TRUTH, 1.0), "NaN", id="nan"),
        pytest.param(lambda: psnr(TRUTH, TRUTH, 0.0), "data_range", id="no-range"),
        pytest.param(
            lambda: ssim(TRUTH[:, :10], TRUTH[:, :10], 1.0), "wrong shape", id="smaller-than-the-window"
        ),
        pytest.param(lambda: ssim(TRUTH[0], TRUTH[0], 1.0), "wrong shape", id="one-bare-image"),
        pytest.param(lambda: edge_error(TRUTH, np.ones_like(TRUTH)), "no edges", id="edgeless-truth"),
    ],
)
def test_images_refuse(call, words):
    with pytest.raises(ValueError, match=words):
        call()


ASKED = {"count": 20, "shape": (12, 12), "low": 0.0, "high": 1.0, "levels": 17}


def test_sample_images_puts_samples_on_the_grid():
    got = sample_images(TRUTH + 0.02, **ASKED)
    assert np.array_equal(got, TRUTH)
    assert len(np.unique(sample_images(NOISY, **ASKED))) <= 17


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        pytest.param(TRUTH[:19], "wrong count: 19, expected 20", id="too-few"),
        pytest.param(np.repeat(TRUTH, 2, axis=0), "wrong count: 40", id="too-many"),
        pytest.param(TRUTH[:, None], "wrong shape", id="with-channel"),
        pytest.param(TRUTH * 255, "out of range: 0 to 255", id="bytes"),
        pytest.param(TRUTH - 1, "out of range", id="minus-one-to-zero"),
        pytest.param(np.where(TRUTH > 0.5, np.nan, TRUTH), "NaN", id="nan"),
        pytest.param("images", "not real numbers", id="text"),
    ],
)
def test_sample_images_refuses(samples, words):
    with pytest.raises(ValueError, match=words):
        sample_images(samples, **ASKED)
