"""Train the two sprite encoders: `python -m harness.sources.train_encoder [DIRECTORY]`.

Prints the held-out accuracy and the sha256 to pin in `encoder.DIGESTS`. Training again gives
equally good weights but, on another machine, other bytes; published figures need the pinned ones.
"""

from __future__ import annotations

import argparse
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from harness.sources.encoder import FEATURES, WEIGHTS, SpriteNetwork
from harness.sources.sprites import (
    BRIGHTNESS,
    CENTRE,
    RADIUS,
    SHAPES,
    SIDE,
    TILT,
    Factors,
    Images,
    make_sprites,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH: Final = 128
DATA_SEED: Final = 20_240_601
"""Seed of the sprites that both are trained on; gradings draw other ones."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What an encoder is trained to tell about sprites."""

    images: Tensor
    """(n, 1, 12, 12)."""
    shape: Tensor
    """(n,) index into SHAPES."""
    factors: Tensor
    """(n, 5): x, y, radius, brightness and angle, each scaled to [-1, 1]."""

    def __getitem__(self, rows: Tensor) -> Targets:
        return Targets(self.images[rows], self.shape[rows], self.factors[rows])


class Heads(nn.Module, ABC):
    """What reads the features during training, and is thrown away after it."""

    @abstractmethod
    def loss(self, network: SpriteNetwork, targets: Targets) -> Tensor:
        """Return the training loss of one batch."""

    @abstractmethod
    def accuracy(self, network: SpriteNetwork, targets: Targets) -> dict[str, float]:
        """Return what is stated about held-out sprites."""


class NamesFactors(Heads):
    """Linear heads that name the shape and the continuous factors."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Linear(FEATURES, len(SHAPES))
        self.factors = nn.Linear(FEATURES, 5)

    def loss(self, network: SpriteNetwork, targets: Targets) -> Tensor:
        features = network(targets.images)
        miss = functional.mse_loss(self.factors(features), targets.factors)
        return functional.cross_entropy(self.shape(features), targets.shape) + 4 * miss

    def accuracy(self, network: SpriteNetwork, targets: Targets) -> dict[str, float]:
        features = network(targets.images)
        miss = (self.factors(features) - targets.factors).square().mean(0) / targets.factors.var(0)
        names = ("x", "y", "radius", "brightness", "angle")
        explained = {f"{name}_r2": 1 - float(part) for name, part in zip(names, miss, strict=True)}
        return {"shape_accuracy": _share_right(self.shape(features), targets.shape), **explained}


class Restores(Heads):
    """A decoder that fills in sprites of which a quarter of the pixels went dark; also names the shape."""

    def __init__(self) -> None:
        super().__init__()
        self.shape = nn.Linear(FEATURES, len(SHAPES))
        self.decoder = nn.Sequential(nn.Linear(FEATURES, 256), nn.SiLU(), nn.Linear(256, SIDE * SIDE))

    def loss(self, network: SpriteNetwork, targets: Targets) -> Tensor:
        features = network(targets.images * (torch.rand_like(targets.images) > 0.25))
        miss = functional.mse_loss(self.decoder(features), targets.images.flatten(1))
        return functional.cross_entropy(self.shape(features), targets.shape) + 50 * miss

    def accuracy(self, network: SpriteNetwork, targets: Targets) -> dict[str, float]:
        features = network(targets.images)
        miss = functional.mse_loss(self.decoder(features), targets.images.flatten(1))
        return {
            "shape_accuracy": _share_right(self.shape(features), targets.shape),
            "psnr_db": -10 * float(torch.log10(miss)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one encoder is made."""

    name: str
    width: int
    seed: int
    steps: int
    heads: Callable[[], Heads]


RECIPES: Final = (
    Recipe(name="sprite", width=16, seed=1, steps=4_000, heads=NamesFactors),
    Recipe(name="sprite-private", width=20, seed=2, steps=4_000, heads=Restores),
)


def main() -> None:
    """Train both encoders and write them to the directory named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", nargs="?", type=Path, default=WEIGHTS)
    directory = parser.parse_args().directory
    torch.set_num_threads(2)
    sprites = make_sprites(seed=DATA_SEED)
    heldout = targets_of(sprites.heldout, sprites.heldout_factors)
    for recipe in RECIPES:
        network, heads = train(recipe, targets_of(sprites.train, sprites.train_factors))
        with torch.inference_mode():
            accuracy = heads.accuracy(network, heldout)
        blob = save(dict(network.state_dict()), _metadata(recipe, accuracy))
        (directory / f"{recipe.name}.safetensors").write_bytes(blob)
        print(recipe.name, hashlib.sha256(blob).hexdigest(), accuracy)  # noqa: T201


def train(recipe: Recipe, sprites: Targets) -> tuple[SpriteNetwork, Heads]:
    """Return the network and its heads after `recipe.steps` steps of AdamW, cosine to zero."""
    torch.manual_seed(recipe.seed)
    network, heads = SpriteNetwork(recipe.width), recipe.heads()
    modules = nn.ModuleList([network, heads])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    for _ in range(recipe.steps):
        rows = torch.randint(len(sprites.shape), (BATCH,))
        optimizer.zero_grad()
        heads.loss(network, sprites[rows]).backward()
        optimizer.step()
        schedule.step()
    return network, heads


def targets_of(images: Images, factors: Factors) -> Targets:
    """Return pictures and their factors as tensors, scaled for training."""
    spans = np.array([CENTRE, CENTRE, RADIUS, BRIGHTNESS, TILT])
    values = np.stack([factors.x, factors.y, factors.radius, factors.brightness, factors.angle], axis=1)
    scaled = 2 * (values - spans[:, 0]) / np.ptp(spans, axis=1) - 1
    return Targets(
        torch.from_numpy(images)[:, None], torch.from_numpy(factors.shape), torch.from_numpy(scaled).float()
    )


def _share_right(logits: Tensor, shape: Tensor) -> float:
    return float((logits.argmax(dim=1) == shape).float().mean())


def _metadata(recipe: Recipe, accuracy: dict[str, float]) -> dict[str, str]:
    stated = {name: f"{value:.4f}" for name, value in accuracy.items()}
    objective = type(recipe.heads()).__name__
    return {"objective": objective, "seed": str(recipe.seed), "steps": str(recipe.steps), **stated}


if __name__ == "__main__":
    main()
