"""What the checks share: networks behind the wall, this run's sprites, and the pair that is trained once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.metrics.panel import SampleQuality, sample_quality_panel
from harness.proxy import Remote
from harness.sources.encoder import SpriteEncoder, load_encoder
from harness.sources.sprites import SIDE, Images, Sprites, make_sprites, quantise

Floats = npt.NDArray[np.float64]
Space = Callable[[Images], Floats]
"""Pictures (n, 12, 12) to features (n, 32)."""

LATENTS: Final = 32
STEPS: Final = 1_500
BATCH: Final = 64
TRAINING_SPRITES: Final = 10_000
HELD_OUT_SPRITES: Final = 1_000
SAMPLES: Final = 1_000
DRAWS: Final = 4
"""Calls, each with a seed of its own, that the samples are drawn in."""
TRAIN_SECONDS: Final = 300.0
"""A kill switch: the reference takes about 6 seconds on an idle core."""
LARGEST: Final = 1e6


class Network:
    """A learner's generator or discriminator: its answers are validated, and come as tensors."""

    def __init__(self, answer: object, shape: tuple[int, ...], what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a network, got {kind_of(answer)}.", reason="wrong-type")
        self.remote, self.shape, self.what = answer, shape, what
        self.remote.eval()  # batch normalisation and dropout, if there are any, are for training

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Return what rows become, float64."""
        answer = self.remote(rows)
        shape, what = (len(rows), *self.shape), f"what {self.what} gives"
        values = expect_tensor(answer, shape=shape, dtype=("float32", "float64"), what=what).double()
        if values.abs().max() > LARGEST:
            wrong(f"What {self.what} gives is as large as {float(values.abs().max()):.2g}.")
        return values

    def gradients(self, rows: torch.Tensor, cotangent: torch.Tensor) -> tuple[Any, dict[str, Any]]:
        """Return the gradients of sum(answer * cotangent) by the rows, and by parameter."""
        back = self.remote.vjp(rows, cotangent=cotangent)
        by_rows = expect_tensor(
            next(iter(back.inputs), None), shape=tuple(rows.shape), what=f"the gradient through {self.what}"
        )
        named = {}
        for name, slope in back.parameters.items():
            if slope is None:
                wrong(f"No gradient reaches {name} of {self.what}.", reason="no-gradient")
            named[name] = expect_tensor(slope, what=f"the gradient by {name} of {self.what}")
        if not named:
            wrong(f"{self.what} has no parameters that learn. Is it an nn.Module?", reason="no-gradient")
        return by_rows, named

    def state(self) -> dict[str, Any]:
        """Return all that `state_dict` holds."""
        state = self.remote.state_dict()
        if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
            wrong(f"state_dict() of {self.what}: expected tensors by name.", reason="wrong-type")
        return dict(state)


@dataclass(frozen=True)
class Pair:
    """Two networks that are not trained, in double precision."""

    generator: Network
    discriminator: Network


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    generator: Network
    discriminator: Network
    losses: Floats
    """(steps, 2): the discriminator's and the generator's, nats."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture
def pair(submission: Any) -> Pair:
    """A generator and a discriminator as they are built, turned to double precision."""
    generator = Network(submission.Generator(), (SIDE, SIDE), "the generator")
    discriminator = Network(submission.Discriminator(), (), "the discriminator")
    generator.remote.double()
    discriminator.remote.double()
    return Pair(generator, discriminator)


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(images: Images, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        answer = submitted.train(torch.from_numpy(images.copy()), steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            wrong(
                f"train(...): expected (generator, discriminator, losses), got {kind_of(answer)}.",
                reason="wrong-type",
            )
        generator = Network(answer[0], (SIDE, SIDE), "the trained generator")
        discriminator = Network(answer[1], (), "the trained discriminator")
        losses = expect_array(answer[2], shape=(steps, 2), what="the losses of train(...)")
        return Trained(generator, discriminator, losses.astype(np.float64))

    return fitted


@pytest.fixture(scope="session")
def draw(submission: Any) -> Callable[..., Floats]:
    """Calls the submission's `sample` and validates what it gives, (count, 12, 12) in [0, 1]."""

    def drawn(generator: Network, *, count: int, seed: int) -> Floats:
        answer = submission.sample(generator.remote, count=count, seed=seed)
        what = "sample(...)"
        images = expect_tensor(answer, shape=(count, SIDE, SIDE), dtype=("float32", "float64"), what=what)
        try:
            quantise(images.numpy(), count=count)
        except ValueError as error:
            wrong(f"{what}: {error}.")
        return images.double().numpy()

    return drawn


# ---- trained once --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sprites(run_rng: Rng) -> Sprites:
    """This run's sprites: those to train on, and those that were held out."""
    return make_sprites(train=TRAINING_SPRITES, heldout=HELD_OUT_SPRITES, seed=run_rng.seed())


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], sprites: Sprites, run_rng: Rng) -> Trained:
    """The pair that several checks ask, trained once."""
    return fit(sprites.train, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@pytest.fixture(scope="session")
def samples(trained: Trained, draw: Callable[..., Floats], run_rng: Rng) -> Images:
    """(n, 12, 12) of the trained generator, on the grid of the data."""
    parts = [draw(trained.generator, count=SAMPLES // DRAWS, seed=run_rng.seed()) for _ in range(DRAWS)]
    return quantise(np.concatenate(parts), count=SAMPLES)


@pytest.fixture(scope="session")
def quality(samples: Images, sprites: Sprites, spaces: tuple[Space, ...], run_rng: Rng) -> SampleQuality:
    """All that is measured about the samples."""
    return sample_quality_panel(samples, sprites.train, sprites.heldout, *spaces, seed=run_rng.seed())


@cache
def encoder(name: str) -> SpriteEncoder:
    """Return a feature space for sprites, read once."""
    return load_encoder(name)


@pytest.fixture(scope="session")
def spaces() -> tuple[Space, ...]:
    """Both feature spaces."""
    return encoder("sprite").features, encoder("sprite-private").features
