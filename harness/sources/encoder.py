"""Frozen networks that turn sprites into the 32 features in which generators are compared.

`sprite` was trained to name the factors behind a sprite. `sprite-private` was trained
otherwise (wider, another seed, to restore spoilt sprites), so samples tuned to please the
first do not please it: a relative FID several times worse in the second is the sign.
Both were made by `python -m harness.sources.train_encoder`.

Relative FID of 1,000 samples in the two, means over three draws of the data: held-out sprites
0.005 and 0.008, a small VAE 0.15 and 0.21, a Gaussian 0.52 and 0.49, noise 3.4 and 1.9.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load
from torch import nn

from harness.errors import GraderError
from harness.sources.sprites import SIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from harness.sources import Floats

FEATURES: Final = 32
"""Width of the penultimate layer, so 1,000 samples estimate its covariance well."""
WEIGHTS: Final = Path(__file__).parent / "weights"
DIGESTS: Final[Mapping[str, str]] = {
    "sprite": "4513e95f211be9fa2ac0928efb9477402a6f5a58d9cb0ac1106c82bb91a51383",
    "sprite-private": "49ef0bf5ba13da662b0cc48d839889143c9ffc21e9a1e8c1f21b407039875b53",
}
"""sha256 of each file in WEIGHTS; other bytes under these names are refused."""
_BATCH: Final = 250  # stays within the caches: several times faster than 1,000


class SpriteNetwork(nn.Sequential):
    """Three convolutions and a linear layer: (n, 1, 12, 12) in [0, 1] to (n, 32)."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.SiLU(),  # (n, 2 width, 6, 6)
            nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1),
            nn.SiLU(),  # (n, 2 width, 3, 3)
            nn.Flatten(),
            nn.Linear(18 * width, FEATURES),
            nn.SiLU(),  # smooth: dead ReLUs would leave the covariance of the features singular
        )


@dataclass(frozen=True, slots=True)
class SpriteEncoder:
    """A trained network that can no longer change: nothing in it depends on a training mode."""

    network: SpriteNetwork
    name: str
    digest: str
    """sha256 of the weights, to be stored beside every figure made with them."""
    trained: Mapping[str, str]
    """What the training script wrote: objective, seed, steps, held-out accuracy."""

    def features(self, images: npt.NDArray[Any]) -> Floats:
        """Return (n, 32) features of pictures (n, 12, 12) in [0, 1]; 10,000 take well under 2 s.

        Raises:
            ValueError: another shape.
        """
        if images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"images have shape {images.shape}, not (n, {SIDE}, {SIDE})")
        pixels = torch.from_numpy(np.asarray(images, np.float32))[:, None]
        with torch.inference_mode():
            features = torch.cat([self.network(batch) for batch in torch.split(pixels, _BATCH)])
        return features.double().numpy()


def load_encoder(name: str = "sprite", *, weights: Path = WEIGHTS) -> SpriteEncoder:
    """Read the encoder `name` from `weights`, refusing bytes other than those that were pinned.

    Raises:
        GraderError: no such encoder, or the file is missing or is not the pinned one.
    """
    if name not in DIGESTS:
        raise GraderError(f"there is no encoder {name!r}", hint=f"there are {', '.join(DIGESTS)}")
    file = weights / f"{name}.safetensors"
    blob = _read(file)
    digest = hashlib.sha256(blob).hexdigest()
    if digest != DIGESTS[name]:
        raise GraderError(
            f"{file} has sha256 {digest}, not the pinned {DIGESTS[name]}",
            hint="reinstall Roadmark: figures made with other weights cannot be compared",
        )
    return _build(name, digest, blob, file)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise GraderError(f"{file} cannot be read: {error.strerror}", hint="reinstall Roadmark") from error


def _build(name: str, digest: str, blob: bytes, file: Path) -> SpriteEncoder:
    state = load(blob)
    network = SpriteNetwork(len(state["0.weight"]))
    network.load_state_dict(state)
    network.eval().requires_grad_(requires_grad=False)
    with safe_open(file, "pt") as opened:
        trained = dict(opened.metadata())
    return SpriteEncoder(network=network, name=name, digest=digest, trained=trained)
