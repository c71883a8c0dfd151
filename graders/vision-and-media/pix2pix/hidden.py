"""Hidden checks: learners see their titles, outcomes and hints."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import torch

from harness.grading import assert_close, check, metric, wrong
from harness.metrics.intervals import measurement, t_interval

LINES: Final = 60
HALVINGS: Final = 14
TEAR: Final = 0.1
"""Root of the summed squared change of a picture over all but equal drawings."""


@check(
    points=1,
    needs=["discriminator_learns_from_both", "generator_learns_both_ways"],
    hint="These two only differentiate; an optimiser's step belongs into the training loop.",
)
def test_gradients_move_nothing(submission, duo, rng):
    """Asking for gradients changes neither network"""
    before = [duo.generator.state(), duo.discriminator.state()]
    drawings, pictures = (torch.tensor(rng.uniform(size=(4, 1, 16, 16))) for _ in range(2))
    networks = duo.generator.remote, duo.discriminator.remote
    submission.discriminator_gradients(*networks, drawings, pictures)
    submission.generator_gradients(*networks, drawings, pictures, 10.0)
    for old, network in zip(before, (duo.generator, duo.discriminator), strict=True):
        new = network.state()
        if set(new) != set(old) or not all(torch.equal(new[name], value) for name, value in old.items()):
            wrong(f"The gradients were asked for, and {network.what} has changed.")


@check(
    points=1,
    needs="training_follows_its_seed",
    hint="In eval() mode a picture depends on its own drawing and on nothing else.",
)
def test_a_drawing_has_one_picture(trained, translation, unseen):
    """Asked again, alone or among others, the trained generator paints the same"""
    for rows in (slice(0, 1), slice(40, 47)):
        again = trained.generator(torch.from_numpy(unseen.drawings[rows]))
        what = "a picture of the trained generator, asked for again,"
        assert_close(again, translation.images[rows], rtol=1e-3, atol=1e-3, what=what)


@check(
    points=2,
    needs="training_follows_its_seed",
    hint="A generator is a network: it paints a drawing, and does not look up the nearest one that it knows.",
)
def test_generator_is_continuous(trained, unseen, rng):
    """Between two drawings, pictures change step by step"""
    places = rng.choice(len(unseen.drawings), size=(2, LINES), replace=False)
    ends = torch.from_numpy(unseen.drawings[places])
    low, high = np.zeros(LINES), np.ones(LINES)
    for _ in range(HALVINGS):  # halves the part of each line along which the picture changes most
        middle = (low + high) / 2
        made = trained.generator(torch.cat([_between(ends, each) for each in (low, middle, high)]))
        parts = made.flatten(1).split(LINES)
        first, second = ((b - a).norm(dim=1).numpy() for a, b in pairwise(parts))
        low, high = np.where(first >= second, low, middle), np.where(first >= second, middle, high)
    made = trained.generator(torch.cat([_between(ends, low), _between(ends, high)]))
    before, after = made.flatten(1).split(LINES)
    if float((after - before).norm(dim=1).max()) > TEAR:
        wrong("All but equal drawings become different pictures: the generator looks pictures up.")


def _between(ends, share):
    part = torch.from_numpy(share).float()[:, None, None, None]
    return (1 - part) * ends[0] + part * ends[1]


# ---- how good the pictures are -------------------------------------------------------------


@metric(
    points=4,
    better="higher",
    unit="dB of PSNR over the untouched drawing",
    needs=(test_a_drawing_has_one_picture, test_generator_is_continuous),
    hint="The L1 term does most here: weigh it with 100, and let the step size fall to 0.",
)
def test_pictures_come_near_the_truth(translation, unseen, trained, show):
    """Painted pictures come nearer to the true ones than the drawings do"""
    show.curve("Loss of the discriminator", trained.losses[:, 0], y_label="nats")
    show.curve("Loss of the generator", trained.losses[:, 1], y_label="nats and L1")
    rows = [unseen.drawings[:12, 0], translation.images[:12, 0], unseen.pictures[:12, 0]]
    show.images("Drawing, painted, true", np.concatenate(rows).astype(np.float64), columns=12)
    gain = translation.quality.psnr - translation.untouched.psnr
    return _gained(gain, translation.quality.psnr, translation.untouched.psnr, "dB")


def _gained(gain, reached, untouched, unit):
    """Return the mean gain with its interval over pictures."""
    words = f"{reached.mean():.3g} {unit}".strip(), f"{untouched.mean():.3g} {unit}".strip()
    notes = (f"painted {words[0]}, the drawings themselves {words[1]}", "range of the pixels stated as 1")
    return measurement(float(gain.mean()), t_interval(gain), len(gain), *notes)


@metric(
    points=3,
    better="higher",
    unit="SSIM over the untouched drawing's",
    needs=(test_a_drawing_has_one_picture, test_generator_is_continuous),
    hint="Compare structure by eye: shadows, stripes and the light from above are all learnable.",
)
def test_pictures_have_the_right_structure(translation):
    """Painted pictures have more of the true structure than the drawings have"""
    gain = translation.quality.ssim - translation.untouched.ssim
    return _gained(gain, translation.quality.ssim, translation.untouched.ssim, "")


@metric(
    points=4,
    better="lower",
    unit="error of neighbouring differences over their size",
    needs=(test_a_drawing_has_one_picture, test_generator_is_continuous),
    hint="Skips from the drawing to the last layers keep edges where they are; blur loses them.",
)
def test_edges_are_sharp_and_in_place(translation):
    """Edges of painted pictures are as sharp as the true ones, and where they are"""
    each = translation.quality.edges
    note = f"the drawings themselves {translation.untouched.edges.mean():.3g}; 1 for a picture without edges"
    return measurement(float(each.mean()), t_interval(each), len(each), note)
