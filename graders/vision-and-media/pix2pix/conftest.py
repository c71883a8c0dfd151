"""What the checks share: drawings and their pictures, and networks behind the wall, trained once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
import torch
from threadpoolctl import threadpool_limits

from harness.grading import Rng, expect_array, expect_tensor, kind_of, wrong
from harness.metrics.images import edge_error, psnr, ssim
from harness.proxy import Remote
from harness.sources.sprites import SHAPES, Factors, render

Floats = npt.NDArray[np.float64]
Images = npt.NDArray[np.float32]

SIDE: Final = 16
RANGE: Final = 1.0
"""Largest possible pixel minus smallest; given to PSNR and SSIM, never guessed from pictures."""
STEPS: Final = 150
BATCH: Final = 32
TRAINING_PAIRS: Final = 2_000
HELD_OUT_PAIRS: Final = 300
TRAIN_SECONDS: Final = 300.0
"""A kill switch: the reference takes about 3 seconds on an idle core."""
LARGEST: Final = 1e6

KINDS: Final = tuple(SHAPES.index(name) for name in ("disc", "square", "triangle", "cross", "bar"))
PAINT: Final = np.array([0.5, 0.65, 0.8, 0.95, 1.0])
"""Brightness of each kind where the light is strongest."""
STRIPED: Final = np.array([0.0, 0.45, 0.0, 0.0, 0.45])
"""How much darker every second column of each kind is."""
GROUND: Final = 0.3
FADING: Final = 0.4
"""Share of a shape's brightness that is lost from the top row to the bottom row."""
SHADOW: Final = 2
"""Pixels to the right, and down, by which a shape's shadow is shifted."""


# ---- drawings and pictures -----------------------------------------------------------------


@dataclass(frozen=True)
class Pairs:
    """Outlines and what they are outlines of."""

    drawings: Images
    """(n, 1, 16, 16) in [0, 1]: bright lines along the inside of each shape's edge."""
    pictures: Images
    """(n, 1, 16, 16) in [0, 1]: the shapes, painted by kind, lit from above, with their shadows."""


def make_pairs(count: int, seed: int) -> Pairs:
    """Draw pairs: two shapes each, at places, sizes and tilts that vary continuously and independently."""
    rng = np.random.default_rng(seed)
    lines, painted, covered, shadow = np.zeros((4, count, SIDE, SIDE))
    for middle in (4.0, 11.5):
        kind = rng.integers(len(KINDS), size=count)
        factors = Factors(
            shape=np.array(KINDS)[kind],
            radius=rng.uniform(1.8, 2.6, size=count),
            x=middle + rng.uniform(-0.8, 0.8, size=count),
            y=rng.uniform(4.0, 11.0, size=count),
            angle=rng.uniform(-0.3, 0.3, size=count),
            brightness=np.ones(count),
        )
        mask = render(factors, side=SIDE).astype(np.float64)
        lines = np.maximum(lines * (1 - mask), mask - _eroded(mask))
        painted = painted * (1 - mask) + mask * _paint(kind)
        covered = np.maximum(covered, mask)
    shadow[:, SHADOW:, SHADOW:] = covered[:, :-SHADOW, :-SHADOW]
    pictures = painted + (1 - covered) * GROUND * (1 - shadow)
    return Pairs(_channel(lines), _channel(pictures))


def _paint(kind: npt.NDArray[Any]) -> Floats:
    """Return what each kind is painted with, (n, 16, 16): its brightness, stripes, and light from above."""
    rows, columns = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    light = 1 - FADING * rows / (SIDE - 1)
    stripes = 1 - STRIPED[kind][:, None, None] * (columns % 2)
    colour: Floats = PAINT[kind][:, None, None] * light * stripes
    return colour


def _eroded(mask: Floats) -> Floats:
    """Return the least of each pixel and its four neighbours."""
    padded = np.pad(mask, ((0, 0), (1, 1), (1, 1)))
    around = [padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:]]
    least: Floats = np.minimum.reduce([mask, *around])
    return least


def _channel(images: Floats) -> Images:
    return images[:, None].astype(np.float32)


# ---- what was handed in --------------------------------------------------------------------


class Network:
    """A learner's generator or discriminator: its answers are validated, and come in double precision."""

    def __init__(self, answer: object, what: str, *, patches: bool = False) -> None:
        if not isinstance(answer, Remote):
            wrong(f"{what}: expected a network, got {kind_of(answer)}.", reason="wrong-type")
        self.remote, self.what, self.patches = answer, what, patches
        self.remote.eval()  # batch normalisation and dropout, if there are any, are for training

    def __call__(self, *images: torch.Tensor) -> torch.Tensor:
        """Return pictures (n, 1, 16, 16), or logits (n, 1, rows, columns), float64."""
        shape = (len(images[0]), 1, None, None) if self.patches else (len(images[0]), 1, SIDE, SIDE)
        what = f"what {self.what} gives"
        values = expect_tensor(
            self.remote(*images), shape=shape, dtype=("float32", "float64"), what=what
        ).double()
        if not values.numel() or values.abs().max() > LARGEST:
            wrong(f"What {self.what} gives is empty, or beyond all bounds.")
        return values

    def gradients(self, *images: torch.Tensor, cotangent: torch.Tensor) -> tuple[list[Any], dict[str, Any]]:
        """Return the gradients of sum(answer * cotangent) by each image, and by parameter."""
        back = self.remote.vjp(*images, cotangent=cotangent)
        what, by_image = f"the gradient through {self.what}", []
        for image, slope in zip(images, (*back.inputs, *[None] * len(images)), strict=False):
            given = torch.zeros_like(image) if slope is None else slope  # None where it does not look
            by_image.append(expect_tensor(given, shape=tuple(image.shape), what=what).double())
        named = {}
        for name, slope in back.parameters.items():
            if slope is None:
                wrong(f"No gradient reaches {name} of {self.what}.", reason="no-gradient")
            named[name] = expect_tensor(slope, what=f"the gradient by {name} of {self.what}").double()
        if not named:
            wrong(f"{self.what} has no parameters that learn. Is it an nn.Module?", reason="no-gradient")
        return by_image, named

    def state(self) -> dict[str, Any]:
        """Return all that `state_dict` holds."""
        state = self.remote.state_dict()
        if not isinstance(state, dict) or not all(isinstance(each, torch.Tensor) for each in state.values()):
            wrong(f"state_dict() of {self.what}: expected tensors by name.", reason="wrong-type")
        return dict(state)


@dataclass(frozen=True)
class Duo:
    """A generator and a discriminator."""

    generator: Network
    discriminator: Network


@dataclass(frozen=True)
class Trained(Duo):
    """What `train` gave back."""

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


@pytest.fixture
def duo(submission: Any) -> Duo:
    """A generator and a discriminator as they are built, turned to double precision."""
    generator = Network(submission.Generator(), "the generator")
    discriminator = Network(submission.Discriminator(), "the discriminator", patches=True)
    generator.remote.double()
    discriminator.remote.double()
    return Duo(generator, discriminator)


@pytest.fixture(scope="session")
def fit(submission: Any) -> Callable[..., Trained]:
    """Calls the submission's `train` and validates what it gives."""

    def fitted(drawings: Images, pictures: Images, *, steps: int, batch: int, seed: int) -> Trained:
        submitted = submission.within(seconds=TRAIN_SECONDS)
        pairs = (torch.from_numpy(images.copy()) for images in (drawings, pictures))
        answer = submitted.train(*pairs, steps=steps, batch=batch, seed=seed)
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            wrong(
                f"train(...): expected (generator, discriminator, losses), got {kind_of(answer)}.",
                reason="wrong-type",
            )
        generator = Network(answer[0], "the trained generator")
        discriminator = Network(answer[1], "the trained discriminator", patches=True)
        losses = expect_array(answer[2], shape=(steps, 2), what="the losses of train(...)")
        return Trained(generator, discriminator, losses.astype(np.float64))

    return fitted


# ---- trained once --------------------------------------------------------------------------


@pytest.fixture(scope="session")
def pairs(run_rng: Rng) -> Pairs:
    """This run's pairs to train on."""
    return make_pairs(TRAINING_PAIRS, run_rng.seed())


@pytest.fixture(scope="session")
def unseen(run_rng: Rng) -> Pairs:
    """Pairs to translate; their pictures never cross the wall."""
    return make_pairs(HELD_OUT_PAIRS, run_rng.seed())


@pytest.fixture(scope="session")
def trained(fit: Callable[..., Trained], pairs: Pairs, run_rng: Rng) -> Trained:
    """The networks that several checks ask, trained once."""
    return fit(pairs.drawings, pairs.pictures, steps=STEPS, batch=BATCH, seed=run_rng.seed())


@dataclass(frozen=True)
class Quality:
    """How near pictures come to what was drawn, picture by picture."""

    psnr: Floats
    """(n,) dB."""
    ssim: Floats
    """(n,)"""
    edges: Floats
    """(n,) error of neighbouring differences over their size; 1 for a picture without edges."""


def measured(images: Floats, pictures: Images) -> Quality:
    """Return the three measures of images (n, 1, 16, 16), with the range of the data stated."""
    made, truth = images[:, 0], pictures[:, 0].astype(np.float64)
    rows = [(made[[row]], truth[[row]]) for row in range(len(made))]
    return Quality(
        np.array([psnr(*pair, RANGE) for pair in rows]),
        np.array([ssim(*pair, RANGE) for pair in rows]),
        np.array([edge_error(*pair) for pair in rows]),
    )


@dataclass(frozen=True)
class Translation:
    """Drawings that were never seen, painted."""

    images: Floats
    """(n, 1, 16, 16) in [0, 1]."""
    quality: Quality
    untouched: Quality
    """Of the drawings themselves: what the identity reaches."""


@pytest.fixture(scope="session")
def translation(trained: Trained, unseen: Pairs, run_rng: Rng) -> Translation:
    """What the trained generator makes of unseen drawings, asked in batches of many sizes."""
    images = np.empty(unseen.pictures.shape)
    cuts = run_rng.integers(20, 90, size=20).cumsum()
    for rows in np.split(run_rng.permutation(HELD_OUT_PAIRS), cuts[cuts < HELD_OUT_PAIRS]):
        images[rows] = trained.generator(torch.from_numpy(unseen.drawings[rows])).numpy()
    if images.min() < 0 or images.max() > 1:
        wrong(f"The generator's pictures reach from {images.min():.2g} to {images.max():.2g}.")
    untouched = measured(unseen.drawings.astype(np.float64), unseen.pictures)
    return Translation(images, measured(images, unseen.pictures), untouched)
