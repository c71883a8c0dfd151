"""Images against the truth: PSNR and SSIM through torchmetrics, edges, and samples put on the data's grid."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from harness.metrics.checking import Floats, finite_array, same_shape

BEST_PSNR: Final = 100.0
"""What equal images score, in dB: their ratio is infinite, which no mean survives."""
_WINDOW: Final = 11
"""Width of the Gaussian window of SSIM, the smallest image that it can judge."""


def sample_images(
    samples: npt.ArrayLike, *, count: int, shape: tuple[int, ...], low: float, high: float, levels: int
) -> Floats:
    """Return samples on the grid of the data, refusing a wrong number, shape or range.

    Values between grey levels would be told from real data at a glance by any classifier, whether or
    not the images are good; so both go to the same grid before they are compared.

    Args:
        samples: (count, *shape).
        count: images asked for; fewer would be the best of many, more a different bias.
        shape: of one image.
        low: smallest value of the data.
        high: largest value; values outside by more than half a level are refused.
        levels: grey levels of the data, at least 2.
    """
    images = finite_array(samples, "samples")
    if images.ndim == 0 or images.shape[1:] != shape:
        raise ValueError(f"samples have the wrong shape: {images.shape}, expected {(count, *shape)}")
    if len(images) != count:
        raise ValueError(f"samples have the wrong count: {len(images)}, expected {count}")
    step = (high - low) / (levels - 1)
    if images.min() < low - step / 2 or images.max() > high + step / 2:
        raise ValueError(
            f"samples are out of range: {images.min():.4g} to {images.max():.4g}, allowed {low:g} to {high:g}"
        )
    return low + step * np.clip(np.rint((images - low) / step), 0, levels - 1)


def psnr(images: npt.ArrayLike, targets: npt.ArrayLike, data_range: float) -> float:
    """Return the peak signal-to-noise ratio, mean over images, in dB; higher is better.

    Args:
        images: (n, ...).
        targets: the same shape.
        data_range: largest possible value minus smallest, such as 1 or 255; never guessed from the data.

    Returns:
        10 log10(range^2 / MSE) of each image, at most `BEST_PSNR`, averaged. Blur wins it: pair it with
        `edge_error`, and score the gain over the untouched input.
    """
    made, truth = _pairs(images, targets, data_range)
    error = ((made - truth) ** 2).reshape(len(made), -1).mean(axis=1)
    least = data_range**2 * 10 ** (-BEST_PSNR / 10)
    return float(10 * np.log10(data_range**2 / np.maximum(error, least)).mean())


def ssim(images: npt.ArrayLike, targets: npt.ArrayLike, data_range: float) -> float:
    """Return the structural similarity (Wang et al. 2004), Gaussian window of 11, mean over images.

    Args:
        images: (n, height, width) or (n, channels, height, width), sides at least 11.
        targets: the same shape.
        data_range: as for `psnr`; torchmetrics would otherwise take the range of what it sees.

    Returns:
        -1 to 1, 1 for equal images; higher is better. An untouched input often scores high: grade the gain.
    """
    made, truth = _pairs(images, targets, data_range)
    if made.ndim not in {3, 4} or min(made.shape[-2:]) < _WINDOW:
        raise ValueError(
            f"images have the wrong shape: {made.shape}, expected (n, height, width), sides from {_WINDOW}"
        )
    height, width = made.shape[-2:]
    first, second = (
        torch.from_numpy(array.reshape(len(array), -1, height, width)) for array in (made, truth)
    )
    value = structural_similarity_index_measure(first, second, data_range=float(data_range))
    assert isinstance(value, torch.Tensor)  # a pair only where the full image is asked for
    return float(value)


def edge_error(images: npt.ArrayLike, targets: npt.ArrayLike) -> float:
    """Return the mean absolute error of neighbouring differences over that of an edgeless image.

    0 for equal images, 1 for a constant one, above 1 for invented edges; lower is better. It sees the
    blur that PSNR rewards.

    Args:
        images: (n, ..., height, width).
        targets: the same shape; images without any edge are refused.
    """
    made, truth = _pairs(images, targets, 1.0)
    wanted = [np.diff(truth, axis=axis) for axis in (-2, -1)]
    scale = sum(float(np.abs(edges).sum()) for edges in wanted)
    if scale == 0:
        raise ValueError("targets have no edges")
    wrong = sum(
        float(np.abs(np.diff(made, axis=axis) - edges).sum())
        for axis, edges in zip((-2, -1), wanted, strict=True)
    )
    return wrong / scale


def _pairs(images: npt.ArrayLike, targets: npt.ArrayLike, data_range: float) -> tuple[Floats, Floats]:
    made, truth = finite_array(images, "images"), finite_array(targets, "targets")
    same_shape(made, truth, ("images", "targets"))
    if made.ndim < 3:
        raise ValueError(f"images have the wrong shape: {made.shape}, expected (n, ..., height, width)")
    if not 0 < data_range < np.inf:
        raise ValueError(f"data_range is out of range: {data_range}, needed more than 0")
    return made, truth
