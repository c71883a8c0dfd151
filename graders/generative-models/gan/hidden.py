"""Hidden checks: learners see their titles, outcomes and hints."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import torch

from harness.grading import check, wrong
from harness.sources.sprites import SIDE

LATENTS: Final = 32
TEAR: Final = 0.2
"""Root of the summed squared change of a picture over all but equal codes; sprites differ by 3 and more."""


@check(
    points=1,
    needs=["discriminator_learns_from_both", "generator_learns_through_the_discriminator"],
    hint="These two only differentiate; an optimiser's step belongs into the training loop.",
)
def test_gradients_move_nothing(submission, pair, rng):
    """Asking for gradients changes neither network"""
    before = [{**pair.generator.state()}, {**pair.discriminator.state()}]
    real, z = torch.tensor(rng.uniform(size=(6, SIDE, SIDE))), torch.tensor(rng.normal(size=(6, LATENTS)))
    networks = pair.generator.remote, pair.discriminator.remote
    submission.discriminator_gradients(*networks, real, z)
    submission.generator_gradients(*networks, z)
    for old, network in zip(before, (pair.generator, pair.discriminator), strict=True):
        new = network.state()
        if set(new) != set(old) or not all(torch.equal(new[name], value) for name, value in old.items()):
            wrong(f"The gradients were asked for, and {network.what} has changed.")


@check(
    points=2,
    needs="training_follows_its_seed",
    hint="A generator is a network: it bends codes into pictures, and does not look pictures up.",
)
def test_generator_is_continuous(trained, show, rng):
    """Between two codes, pictures change step by step"""
    ends = rng.normal(size=(2, 200, LATENTS))
    shares = np.repeat(np.linspace(0, 1, 12)[None], 4, axis=0).ravel()
    shown = _between(ends[:, np.repeat(np.arange(4), 12)], shares)
    show.images("Four ways from code to code", trained.generator(shown).clamp(0, 1).numpy(), columns=12)
    low, high = np.zeros(200), np.ones(200)
    for _ in range(17):  # halves the part of each line along which the picture changes most
        middle = (low + high) / 2
        places = [trained.generator(_between(ends, each)).flatten(1) for each in (low, middle, high)]
        first, second = ((b - a).norm(dim=1).numpy() for a, b in pairwise(places))
        low, high = np.where(first >= second, low, middle), np.where(first >= second, middle, high)
    jump = trained.generator(_between(ends, high)) - trained.generator(_between(ends, low))
    if float(jump.flatten(1).norm(dim=1).max()) > TEAR:
        wrong("All but equal codes become different pictures: the generator looks pictures up.")


def _between(ends, share):
    return torch.tensor((1 - share[:, None]) * ends[0] + share[:, None] * ends[1]).float()
