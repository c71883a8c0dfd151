"""Inception-v3 as a feature space: the published FID, where its weights can be had.

The network and its weights are those of torch-fidelity (Obukhov et al. 2020), converted from the TensorFlow
graph of Heusel et al. 2017, so that values are comparable with papers. Small grey images are outside of
what it was trained on; the exercises use encoders of their own, which need no download.

    features = InceptionFeatures()
    frechet_distance(FeatureStatistics(features(samples)), FeatureStatistics(features(real)))
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.request import urlopen

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from harness.metrics.checking import Floats

URL: Final = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth"
)
DIGEST: Final = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""sha256 of the weights."""
WIDTH: Final = 2048
BATCH: Final = 32


class InceptionUnavailable(RuntimeError):
    """The network or its weights are not here; the message says how to get them."""


def weights_file() -> Path:
    """Return where the weights are looked for: in this user's cache folder."""
    return user_cache_path("roadmark") / URL.rpartition("/")[2]


def fetch_weights(url: str = URL, file: Path | None = None, digest: str = DIGEST) -> Path:
    """Download the weights (95 MB) and return their file; nothing is left of a download that is not them.

    Raises:
        InceptionUnavailable: no network, or other bytes than expected.
    """
    file = file or weights_file()
    try:
        with urlopen(url, timeout=60) as answer:  # noqa: S310 - an address of ours, checked by digest
            data = answer.read()
    except OSError as error:
        raise InceptionUnavailable(f"the weights cannot be fetched: {error}. Put them at {file}") from None
    _require(data, digest, url)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(file)
    return file


class InceptionFeatures:
    """Images to the 2,048 numbers before Inception-v3's last layer.

    Attributes:
        digest: sha256 of the weights, for a `Measurement`'s `encoder`.
    """

    def __init__(self, weights: Path | None = None, *, digest: str = DIGEST) -> None:
        """Load the network.

        Args:
            weights: The file; by default the one that `fetch_weights` writes.
            digest: What its sha256 has to be.

        Raises:
            InceptionUnavailable: torch-fidelity or the weights are missing, or the file is another.
        """
        network = _torch_fidelity().FeatureExtractorInceptionV3
        file = weights or weights_file()
        if not file.exists():
            raise InceptionUnavailable(
                f"no weights at {file}: fetch them once with "
                "python -c 'from harness.metrics.inception import fetch_weights; fetch_weights()'"
            )
        _require(file.read_bytes(), digest, str(file))
        self.digest = digest
        self._network = network("inception-v3-compat", [str(WIDTH)], feature_extractor_weights_path=str(file))

    def __call__(self, images: npt.NDArray[Any]) -> Floats:
        """Return the features, (n, 2048) float64.

        Args:
            images: (n, height, width) grey or (n, 3, height, width), float in [0, 1] or uint8.

        Raises:
            ValueError: another shape, or values outside of the range.
        """
        import torch

        pixels = torch.from_numpy(as_bytes(images))
        with torch.no_grad():
            parts = [self._network(part)[0] for part in pixels.split(BATCH)]
        return torch.cat(parts).double().numpy()


def as_bytes(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return images as the network takes them: (n, 3, height, width), 0 to 255."""
    if images.ndim == 3:
        images = np.repeat(images[:, None], 3, axis=1)
    if images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"images have the wrong shape: {images.shape}, expected (n, 3, height, width)")
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if not (np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1):
        raise ValueError("images are out of range: floats have to lie in [0, 1]")
    pixels: npt.NDArray[np.uint8] = np.rint(images * 255).astype(np.uint8)
    return pixels


def _torch_fidelity() -> ModuleType:
    try:
        import torch_fidelity  # type: ignore[import-not-found]
    except (ImportError, RuntimeError) as error:  # a torchvision that does not fit torch raises the latter
        raise InceptionUnavailable(
            f"torch-fidelity cannot be used ({error}): pip install 'roadmark[inception]'"
        ) from None
    module: ModuleType = torch_fidelity
    return module


def _require(data: bytes, digest: str, origin: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise InceptionUnavailable(f"{origin} is not the published network: sha256 {found[:12]}…")
