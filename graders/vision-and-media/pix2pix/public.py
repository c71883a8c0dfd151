"""Public checks: learners may read them and run them with `roadmark check`."""

from __future__ import annotations

from typing import Final

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, softplus

from harness.grading import assert_close, check, expect_number, kind_of, wrong

SIDE: Final = 16
PATCH: Final = 10
"""Pixels a side that one logit of the discriminator may look at."""
MOST_PATCHES: Final = 8
"""Logits of the discriminator a side."""
FAR: Final = 6
"""Pixels from which the generator has to see what it paints."""


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape))


def images(rng, count):
    return torch.tensor(rng.uniform(size=(count, 1, SIDE, SIDE)))


# ---- the losses ----------------------------------------------------------------------------


def judged(real, fake):
    """Return the discriminator's loss of logits by torch's own."""
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    told = binary_cross_entropy_with_logits(real, ones) + binary_cross_entropy_with_logits(fake, zeros)
    return told / 2


@check(
    points=2, hint="Cross-entropy with label 1 for real patches and 0 for made ones: the mean of two means."
)
def test_discriminator_tells_patches_apart(submission, rng):
    """The discriminator's loss is half the cross-entropy of real patches and of made ones"""
    for shape, other in (((5, 1, 3, 3), (5, 1, 3, 3)), ((2, 1, 4, 2), (3, 1, 2, 2)), ((1, 1, 1, 1),) * 2):
        real, fake = 2 * drawn(rng, *shape) + 0.5, 2 * drawn(rng, *other)
        got = expect_number(submission.discriminator_loss(real.float(), fake.float()), what="the loss")
        assert_close(got, float(judged(real, fake)), rtol=1e-3, what="discriminator_loss(real, fake)")


@check(points=2, hint="-log D(fake), averaged over patches, plus weight times the mean absolute difference.")
def test_generator_fools_and_keeps_to_the_truth(submission, rng):
    """The generator's loss is to fool every patch, and to be near the true picture"""
    for count, weight in ((4, 10.0), (1, 0.0), (3, 1.5)):
        logits, made, truth = 2 * drawn(rng, count, 1, 3, 3), images(rng, count), images(rng, count)
        want = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        want = want + weight * l1_loss(made, truth)
        got = submission.generator_loss(logits.float(), made.float(), truth.float(), weight)
        got = expect_number(got, what="generator_loss")
        assert_close(got, float(want), rtol=1e-3, what="generator_loss(logits, made, truth, weight)")


@check(
    points=1,
    needs=[test_discriminator_tells_patches_apart, test_generator_fools_and_keeps_to_the_truth],
    hint="-log sigmoid(x) is softplus(-x): it and its gradient stay right where sigmoid(x) is 0.",
)
def test_losses_survive_certainty(submission, rng):
    """Losses and gradients stay right when the discriminator is certain"""
    real, fake = 300 * drawn(rng, 3, 1, 2, 2), 300 * drawn(rng, 3, 1, 2, 2)
    back = submission.vjp(submission.discriminator_loss, real.float(), fake.float(), cotangent=torch.ones(()))
    assert_close(back.output, judged(real, fake), rtol=1e-3, what="discriminator_loss of large logits")
    slopes = [(torch.sigmoid(real) - 1) / 24, torch.sigmoid(fake) / 24]
    for got, want in zip([*back.inputs, None, None], slopes, strict=False):
        assert_close(got, want, what="a gradient of discriminator_loss")
    made, truth = images(rng, 3).float(), images(rng, 3).float()
    got = expect_number(submission.generator_loss(fake.float(), made, truth, 2.0), what="generator_loss")
    want = softplus(-fake).mean() + 2 * l1_loss(made, truth)
    assert_close(got, float(want), rtol=1e-3, what="generator_loss of large logits")


# ---- the networks --------------------------------------------------------------------------


@check(
    points=1,
    hint="Generator: (n, 1, 16, 16) to the same in [0, 1]. Discriminator: a logit for each patch.",
)
def test_drawings_become_pictures_and_pictures_logits(duo, rng):
    """Drawings become pictures and pairs become logits, each row on its own"""
    drawings, pictures = images(rng, 5), images(rng, 5)
    made, logits = duo.generator(drawings), duo.discriminator(drawings, pictures)
    if made.min() < 0 or made.max() > 1:
        wrong(f"The generator's pictures reach from {float(made.min()):.2g} to {float(made.max()):.2g}.")
    if min(logits.shape[2:]) < 2 or max(logits.shape[2:]) > MOST_PATCHES:
        sides = " by ".join(str(side) for side in logits.shape[2:])
        wrong(
            f"The discriminator gives {sides} logits for a picture; 2 to {MOST_PATCHES} a side are asked for."
        )
    for network, rows, whole in (
        (duo.generator, (drawings,), made),
        (duo.discriminator, (drawings, pictures), logits),
    ):
        if float((whole - whole[0]).abs().max()) < 1e-9:
            wrong(f"{network.what} gives the same for all rows.")
        alone = network(*(each[3:4] for each in rows))[0]
        what = f"what {network.what} gives for one row, alone and among others,"
        assert_close(alone, whole[3], rtol=1e-3, atol=1e-4, what=what)


@check(
    points=2,
    needs=test_drawings_become_pictures_and_pictures_logits,
    hint="Two convolutions of 4 pixels with stride 2 see 10 pixels; a third one would see 22.",
)
def test_a_logit_sees_a_patch(duo, rng):
    """Each logit of the discriminator looks at a patch of at most 10 by 10 pixels"""
    drawings, pictures = images(rng, 1), images(rng, 1)
    _, _, rows, columns = duo.discriminator(drawings, pictures).shape
    for row, column in ((0, 0), (rows - 1, 0), (rows // 2, columns // 2)):
        one = torch.zeros(1, 1, rows, columns, dtype=torch.float64)
        one[0, 0, row, column] = 1
        by_image, _ = duo.discriminator.gradients(drawings, pictures, cotangent=one)
        seen = (by_image[0] != 0) | (by_image[1] != 0)
        extent = [
            int(places.max() - places.min()) + 1 for places in torch.nonzero(seen[0, 0]).T if len(places)
        ]
        if not extent:
            wrong("A logit of the discriminator does not depend on what it is given.")
        if max(extent) > PATCH:
            wrong(f"A logit looks at {extent[0]} by {extent[1]} pixels, not at {PATCH} by {PATCH} at most.")


@check(
    points=1,
    needs=test_drawings_become_pictures_and_pictures_logits,
    hint="Put drawing and picture together as two channels: torch.cat([drawing, picture], dim=1).",
)
def test_discriminator_judges_the_pair(duo, rng):
    """The discriminator looks at the picture and at what it should be a picture of"""
    drawings, pictures = images(rng, 4), images(rng, 4)
    logits = duo.discriminator(drawings, pictures)
    for name, other in (
        ("drawing", duo.discriminator(drawings.flip(0), pictures)),
        ("picture", duo.discriminator(drawings, pictures.flip(0))),
    ):
        if float((other - logits).abs().max()) < 1e-9:
            wrong(f"The logits are the same whatever the {name} is.")


@check(
    points=1,
    needs=test_drawings_become_pictures_and_pictures_logits,
    hint="Halve the resolution twice and come back: what is deep inside sees far. Skips keep what is near.",
)
def test_generator_sees_far_and_near(duo, rng):
    """A painted pixel depends on the lines beside it, and on lines far away"""
    drawings = images(rng, 2)
    one = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.float64)
    one[:, :, 8, 8] = 1
    (by_drawing,), _ = duo.generator.gradients(drawings, cotangent=one)
    seen = by_drawing.abs().amax(dim=(0, 1))
    far = torch.ones(SIDE, SIDE, dtype=torch.bool)
    far[8 - FAR + 1 : 8 + FAR, 8 - FAR + 1 : 8 + FAR] = False
    if not float(seen[7:10, 7:10].max()) > 0:
        wrong("A painted pixel does not depend on the drawing at its own place.")
    if not float(seen[far].max()) > 0:
        wrong(f"A painted pixel does not depend on anything {FAR} pixels away: how can it know the shape?")


def compared(got, want, what):
    """Require gradients by name to be those wanted; their sizes differ from layer to layer."""
    if not isinstance(got, dict) or set(got) != set(want):
        wrong(
            f"{what}: expected a gradient for each parameter's name, got {kind_of(got)}.", reason="wrong-type"
        )
    largest = max(float(each.abs().max()) for each in want.values())
    for name, truth in want.items():
        tolerance = 1e-3 * max(float(truth.abs().max()), 1e-3 * largest)
        assert_close(got[name], truth, rtol=1e-3, atol=tolerance, what=f"{what}, {name}")


@check(
    points=2,
    needs=[test_discriminator_tells_patches_apart, test_discriminator_judges_the_pair],
    hint="Judge (drawing, picture) and (drawing, generator(drawing)), and differentiate the loss of both.",
)
def test_discriminator_learns_from_both(submission, duo, rng):
    """The discriminator's gradients are those of its loss on real and on made pairs"""
    drawings, pictures = images(rng, 4), images(rng, 4)
    made, judge = duo.generator(drawings), duo.discriminator
    real, fake = judge(drawings, pictures), judge(drawings, made)
    slopes = ((torch.sigmoid(real) - 1) / (2 * real.numel()), torch.sigmoid(fake) / (2 * fake.numel()))
    _, from_real = judge.gradients(drawings, pictures, cotangent=slopes[0])
    _, from_made = judge.gradients(drawings, made, cotangent=slopes[1])
    shapes = [{name: each.shape for name, each in one.items()} for one in (from_real, from_made)]
    if shapes[0] != shapes[1]:
        wrong("The discriminator's parameters are others when it is asked again.")
    want = {name: slope + from_made[name] for name, slope in from_real.items()}
    got = submission.discriminator_gradients(duo.generator.remote, judge.remote, drawings, pictures)
    compared(got, want, "discriminator_gradients")


@check(
    points=2,
    needs=[test_generator_fools_and_keeps_to_the_truth, test_discriminator_judges_the_pair],
    hint="Both terms of the loss reach the generator: one through the discriminator, one directly.",
)
def test_generator_learns_both_ways(submission, duo, rng):
    """The generator's gradients come through the discriminator, and from the true picture"""
    drawings, pictures = images(rng, 4), images(rng, 4)
    made = duo.generator(drawings)
    logits = duo.discriminator(drawings, made)
    slope = (torch.sigmoid(logits) - 1) / logits.numel()
    (_, through), _ = duo.discriminator.gradients(drawings, made, cotangent=slope)
    for weight in (1.0, 0.0):
        cotangent = through + weight * torch.sign(made - pictures) / made.numel()
        _, want = duo.generator.gradients(drawings, cotangent=cotangent)
        got = submission.generator_gradients(
            duo.generator.remote, duo.discriminator.remote, drawings, pictures, weight
        )
        compared(got, want, f"generator_gradients with weight {weight:g}")


# ---- training ------------------------------------------------------------------------------


@check(
    points=1,
    needs=[
        test_losses_survive_certainty,
        test_a_logit_sees_a_patch,
        test_generator_sees_far_and_near,
        test_discriminator_learns_from_both,
        test_generator_learns_both_ways,
    ],
    hint="torch.manual_seed(seed) before anything is drawn: first weights and batches.",
)
def test_training_follows_its_seed(fit, pairs, unseen, rng):
    """The same seed trains the same networks, another seed others"""
    seed, drawings = rng.seed(), torch.from_numpy(unseen.drawings[:6])
    given = pairs.drawings[:64], pairs.pictures[:64]
    runs = [fit(*given, steps=3, batch=8, seed=number) for number in (seed, seed, seed + 1)]
    first, again, other = (run.generator(drawings) for run in runs)
    assert_close(again, first, rtol=1e-3, atol=1e-3, what="the pictures after training twice with one seed")
    if torch.allclose(other, first, atol=1e-5):
        wrong("Training with another seed gave the same generator.")
