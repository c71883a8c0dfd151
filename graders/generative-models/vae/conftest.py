"""What the checks share: validated answers, a source of known density, and a model that is trained once."""

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
from harness.sources.ppca import PPCA, make_ppca
from harness.sources.sprites import SIDE, Images, Sprites, make_sprites, quantise

Floats = npt.NDArray[np.float64]
Space = Callable[[Images], Floats]
"""Pictures (n, 12, 12) to features (n, 32)."""

STEPS: Final = 2500
BATCH: Final = 128
TRAINING_SPRITES: Final = 10_000
HELD_OUT_SPRITES: Final = 1_000
PROBES: Final = 500
"""Further sprites, for questions about the encoder; they cross the wall once the model is trained."""
SAMPLES: Final = 1_000
DRAWS: Final = 4
"""Calls, each with a seed of its own, that the samples are drawn in."""
TRAIN_SECONDS: Final = 300.0
"""A kill switch: the reference takes about 6 seconds on an idle core."""


class Model:
    """A learner's VAE: its answers are validated, and come as float64 arrays."""

    def __init__(self, answer: object, what: str) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a VAE, got {kind_of(answer)}.", reason="wrong-type")
        self.remote = answer
        self.remote.eval()  # dropout and batch normalisation, if there are any, are for training

    def encode(self, images: Images) -> tuple[Floats, Floats]:
        """Return mean and log-variance, (n, d) each, of pictures (n, 12, 12)."""
        pair = self.remote.encode(torch.from_numpy(images.copy()))
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            wrong(f"encode(images): expected (mean, log_variance), got {kind_of(pair)}.", reason="wrong-type")
        mean, log_variance = (
            expect_tensor(
                part,
                shape=(len(images), None),
                dtype=("float32", "float64"),
                what=f"{name} of encode(images)",
            )
            for part, name in zip(pair, ("mean", "log_variance"), strict=True)
        )
        if mean.shape != log_variance.shape or mean.shape[1] == 0:
            shapes = f"mean {tuple(mean.shape)} and log_variance {tuple(log_variance.shape)}"
            wrong(f"encode(images): got {shapes}, not twice (n, d).", reason="wrong-shape")
        return mean.double().numpy(), log_variance.double().numpy()

    def decode(self, z: Floats) -> Floats:
        """Return the mean pictures (n, 12, 12) of codes (n, d)."""
        answer = self.remote.decode(torch.from_numpy(z).float())
        shape = (len(z), SIDE, SIDE)
        return (
            expect_tensor(answer, shape=shape, dtype=("float32", "float64"), what="decode(z)")
            .double()
            .numpy()
        )


@dataclass(frozen=True)
class Trained:
    """What `train` gave back."""

    model: Model
    losses: Floats
    """(steps,) nats."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the grader's arithmetic on one thread: several wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def untrained(submission: Any) -> Model:
    """A VAE as it is built."""
    return Model(submission.VAE(), "VAE()")


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(images: Images, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        answer = submitted.train(torch.from_numpy(images.copy()), steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"train(...): expected (model, losses), got {kind_of(answer)}.", reason="wrong-type")
        model = Model(answer[0], "the first value of train(...)")
        losses = expect_array(answer[1], shape=(steps,), what="the losses of train(...)")
        return Trained(model, losses.astype(np.float64))

    return fitted


@pytest.fixture(scope="session")
def draw(submission: Any) -> Callable[..., Floats]:
    """Calls the submission's `sample` and validates what it gives, (count, 12, 12) in [0, 1]."""

    def drawn(model: Model, *, count: int, seed: int) -> Floats:
        answer = submission.sample(model.remote, count=count, seed=seed)
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
    return make_sprites(train=TRAINING_SPRITES, heldout=HELD_OUT_SPRITES + PROBES, seed=run_rng.seed())


@pytest.fixture(scope="session")
def unseen(sprites: Sprites) -> Images:
    """(n, 12, 12) sprites that never cross the wall: what samples are compared with."""
    return sprites.heldout[:HELD_OUT_SPRITES]


@pytest.fixture(scope="session")
def probes(sprites: Sprites) -> Images:
    """(n, 12, 12) sprites that were not trained on, and that no sample is compared with."""
    return sprites.heldout[HELD_OUT_SPRITES:]


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], sprites: Sprites, run_rng: Rng) -> Trained:
    """The model that several checks ask, trained once."""
    return fit(sprites.train, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@pytest.fixture(scope="session")
def samples(trained: Trained, draw: Callable[..., Floats], run_rng: Rng) -> Images:
    """(n, 12, 12) of the trained model, on the grid of the data."""
    parts = [draw(trained.model, count=SAMPLES // DRAWS, seed=run_rng.seed()) for _ in range(DRAWS)]
    return quantise(np.concatenate(parts), count=SAMPLES)


@pytest.fixture(scope="session")
def quality(
    samples: Images, sprites: Sprites, unseen: Images, spaces: tuple[Space, ...], run_rng: Rng
) -> SampleQuality:
    """All that is measured about the samples."""
    return sample_quality_panel(samples, sprites.train, unseen, *spaces, seed=run_rng.seed())


@cache
def encoder(name: str) -> SpriteEncoder:
    """Return a feature space for sprites, read once."""
    return load_encoder(name)


@pytest.fixture(scope="session")
def spaces() -> tuple[Space, ...]:
    """Both feature spaces."""
    return encoder("sprite").features, encoder("sprite-private").features


@pytest.fixture(scope="session")
def spaces_digest() -> str:
    """Which weights the features were taken with."""
    return " ".join(encoder(name).digest for name in ("sprite", "sprite-private"))


# ---- a source of known density -------------------------------------------------------------


@dataclass(frozen=True)
class LinearVAE:
    """A VAE whose truth is known: probabilistic PCA, whose posterior is a diagonal Gaussian."""

    source: PPCA
    x: Floats
    """(n, dimensions) drawn from the source."""
    mean: Floats
    """(n, latents) of the exact posterior."""
    log_variance: Floats
    """(n, latents) of the exact posterior, the same for every x."""

    @property
    def log_density(self) -> Floats:
        """(n,) exact ln p(x), nats."""
        return self.source.log_density(self.x)


@pytest.fixture
def linear(rng: Rng) -> LinearVAE:
    """A linear VAE with its exact posterior; the source's axes are orthogonal, so that it is diagonal."""
    source = make_ppca(seed=rng, dimensions=7, latents=3, sigma=float(rng.uniform(0.4, 0.8)))
    x = source.sample(6, rng)
    mean, covariance = source.posterior(x)
    return LinearVAE(source, x, mean, np.log(np.diag(covariance)) + np.zeros_like(mean))
