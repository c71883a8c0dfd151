"""Public checks: learners may read them and run them with `roadmark check`."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from harness.grading import assert_close, check, expect_number, kind_of, metric, wrong
from harness.metrics.distances import nearest
from harness.metrics.frechet import FeatureStatistics, relative_fid
from harness.metrics.intervals import basic_bootstrap, measurement
from harness.sources.sprites import SIDE

LATENTS: Final = 32
LEAST_COVERAGE: Final = 0.17
"""Share of unseen sprites with a sample near them, in the first encoder; real sprites reach 0.97."""


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape))


def pictures(rng, count):
    return torch.tensor(rng.uniform(size=(count, SIDE, SIDE)))


# ---- the losses ----------------------------------------------------------------------------


def judged(real, fake):
    """Return the discriminator's loss of logits by torch's own."""
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    return binary_cross_entropy_with_logits(real, ones) + binary_cross_entropy_with_logits(fake, zeros)


@check(points=2, hint="Cross-entropy with label 1 for real logits and 0 for fake ones: two means, added.")
def test_discriminator_tells_real_from_made(submission, rng):
    """The discriminator's loss is the cross-entropy of telling real from made"""
    for n, m in ((6, 6), (3, 7), (1, 1)):
        real, fake = 2 * drawn(rng, n) + 0.5, 2 * drawn(rng, m)
        got = submission.discriminator_loss(real.float(), fake.float())
        got = expect_number(got, what="discriminator_loss")
        assert_close(got, float(judged(real, fake)), rtol=1e-3, what="discriminator_loss(real, fake)")


@check(points=2, hint="-log D(fake), not log(1 - D(fake)): where D is sure, the second is flat.")
def test_generator_loss_does_not_saturate(submission, rng):
    """The generator's loss is the cross-entropy of passing for real"""
    for n in (6, 1):
        fake = 2 * drawn(rng, n)
        got = expect_number(submission.generator_loss(fake.float()), what="generator_loss")
        want = float(binary_cross_entropy_with_logits(fake, torch.ones_like(fake)))
        assert_close(got, want, rtol=1e-3, what="generator_loss(fake)")


@check(
    points=1,
    needs=[test_discriminator_tells_real_from_made, test_generator_loss_does_not_saturate],
    hint="-log sigmoid(x) is softplus(-x): it and its gradient stay right where sigmoid(x) is 0.",
)
def test_losses_survive_certainty(submission, rng):
    """Losses and gradients stay right when the discriminator is certain"""
    real, fake = 300 * drawn(rng, 5), 300 * drawn(rng, 5)
    back = submission.vjp(submission.discriminator_loss, real.float(), fake.float(), cotangent=torch.ones(()))
    assert_close(back.output, judged(real, fake), rtol=1e-3, what="discriminator_loss of large logits")
    slopes = [(torch.sigmoid(real) - 1) / 5, torch.sigmoid(fake) / 5]
    for got, want in zip(back.inputs, slopes, strict=False):
        assert_close(got, want, what="a gradient of discriminator_loss")
    back = submission.vjp(submission.generator_loss, fake.float(), cotangent=torch.ones(()))
    assert_close(back.output, torch.nn.functional.softplus(-fake).mean(), rtol=1e-3, what="generator_loss")
    assert_close(
        next(iter(back.inputs), None), (torch.sigmoid(fake) - 1) / 5, what="the gradient of generator_loss"
    )


# ---- the networks --------------------------------------------------------------------------


@check(points=1, hint="Generator: (n, 32) to (n, 12, 12) in [0, 1]. Discriminator: pictures to logits (n,).")
def test_codes_become_pictures_and_pictures_logits(pair, rng):
    """Codes become pictures and pictures logits, each on its own"""
    z, images = drawn(rng, 9, LATENTS), pictures(rng, 9)
    made, logits = pair.generator(z), pair.discriminator(images)
    if made.min() < 0 or made.max() > 1:
        wrong(f"The generator's pictures reach from {float(made.min()):.2g} to {float(made.max()):.2g}.")
    for network, rows, whole in ((pair.generator, z, made), (pair.discriminator, images, logits)):
        if float((whole - whole[0]).abs().max()) < 1e-9:
            wrong(f"{network.what} gives the same for all rows.")
        what = f"what {network.what} gives for one row, alone and among others,"
        assert_close(network(rows[3:4])[0], whole[3], rtol=1e-3, atol=1e-4, what=what)


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
    needs=[test_discriminator_tells_real_from_made, test_codes_become_pictures_and_pictures_logits],
    hint="Judge real pictures and generator(z), take discriminator_loss, differentiate by its own weights.",
)
def test_discriminator_learns_from_both(submission, pair, rng):
    """The discriminator's gradients are those of its loss on real and on made pictures"""
    real, z = pictures(rng, 5), drawn(rng, 7, LATENTS)
    made = pair.generator(z)
    _, from_real = pair.discriminator.gradients(real, (torch.sigmoid(pair.discriminator(real)) - 1) / 5)
    _, from_made = pair.discriminator.gradients(made, torch.sigmoid(pair.discriminator(made)) / 7)
    want = {name: slope.double() + from_made[name].double() for name, slope in from_real.items()}
    got = submission.discriminator_gradients(pair.generator.remote, pair.discriminator.remote, real, z)
    compared(got, want, "discriminator_gradients")


@check(
    points=2,
    needs=[test_generator_loss_does_not_saturate, test_codes_become_pictures_and_pictures_logits],
    hint="No detach() between generator and discriminator here: the error comes through the pictures.",
)
def test_generator_learns_through_the_discriminator(submission, pair, rng):
    """The generator's gradients come through the discriminator"""
    z = drawn(rng, 6, LATENTS)
    made = pair.generator(z)
    through, _ = pair.discriminator.gradients(made, (torch.sigmoid(pair.discriminator(made)) - 1) / 6)
    _, want = pair.generator.gradients(z, through.double())
    got = submission.generator_gradients(pair.generator.remote, pair.discriminator.remote, z)
    compared(got, want, "generator_gradients")


# ---- training and sampling -----------------------------------------------------------------


@check(
    points=1,
    needs=[
        test_losses_survive_certainty,
        test_discriminator_learns_from_both,
        test_generator_learns_through_the_discriminator,
    ],
    hint="torch.manual_seed(seed) before anything is drawn: first weights, batches and codes.",
)
def test_training_follows_its_seed(fit, sprites, rng):
    """The same seed trains the same networks, another seed others"""
    seed, z = rng.seed(), drawn(rng, 8, LATENTS).float()
    runs = [fit(sprites.train[:256], steps=6, batch=16, seed=number) for number in (seed, seed, seed + 1)]
    first, again, other = (run.generator(z) for run in runs)
    assert_close(again, first, rtol=1e-3, atol=1e-3, what="the pictures after training twice with one seed")
    if torch.allclose(other, first, atol=1e-3):
        wrong("Training with another seed gave the same generator.")


@check(
    points=1,
    needs=test_training_follows_its_seed,
    hint="Draw codes with torch.Generator().manual_seed(seed), as many as pictures, and use eval mode.",
)
def test_samples_follow_their_seed(fit, draw, sprites, rng):
    """Samples have the right count and range, follow their seed, and differ from each other"""
    generator = fit(sprites.train[:256], steps=6, batch=16, seed=rng.seed()).generator
    seed = rng.seed()
    first, again, other = (draw(generator, count=7, seed=number) for number in (seed, seed, seed + 1))
    assert_close(again, first, what="the samples of the same seed")
    if np.allclose(other, first, atol=1e-6):
        wrong("Samples of different seeds are the same.")
    if np.ptp(first, axis=0).max() < 1e-6:
        wrong("All samples of one call are the same picture.")


# ---- the trained generator -----------------------------------------------------------------


@check(
    points=2,
    needs=test_samples_follow_their_seed,
    hint="Look at the samples: are some shapes, places or sizes missing, or are all of them alike?",
)
def test_samples_cover_the_sprites(quality, samples, show):
    """The samples are as varied as the sprites"""
    show.images("Samples", samples[:60], columns=12, caption="Sixty of 1,000, as they were drawn.")
    duplicates = gate(quality, "duplicates")
    if not duplicates.passed:
        wrong(f"The samples repeat themselves: {duplicates.evidence}.")
    if not quality.features.coverage >= LEAST_COVERAGE:
        share = quality.features.coverage
        wrong(f"{share:.0%} of real sprites have a sample near them; {LEAST_COVERAGE:.0%} are needed.")


@check(
    points=2,
    needs=test_samples_follow_their_seed,
    hint="A generator bends codes into pictures; no training picture takes part in sampling.",
)
def test_samples_are_new(quality, samples, sprites, show):
    """The samples are new sprites, not the training set again"""
    show.images(
        "Samples above their nearest training sprites",
        neighbours(samples[:12], sprites.train),
        columns=12,
        caption=gate(quality, "memorisation").evidence,
    )
    if not gate(quality, "memorisation").passed:
        wrong(f"The samples are copies: {gate(quality, 'memorisation').evidence}.")


def neighbours(samples, train):
    """Return (2 n, 12, 12): the samples, then the training sprite nearest to each."""
    found = nearest(samples.reshape(len(samples), -1), train.reshape(len(train), -1)).indices[:, 0]
    return np.concatenate([samples, train[found]])


def gate(quality, name):
    """Return one gate of the panel."""
    return next(one for one in quality.gates if one.name == name)


@metric(
    points=8,
    better="lower",
    unit="relative FID of 1,000 samples, mean over two sprite encoders",
    needs=test_samples_are_new,
    hint="Adam with a first beta of 0.5, a rate that falls to 0, and batch norm in the generator help.",
)
def test_sample_quality(quality, samples, sprites, spaces, rng):
    """The samples look like sprites that nobody has seen"""
    if not gate(quality, "second encoder").passed:
        wrong(f"The samples please one encoder only: {gate(quality, 'second encoder').evidence}.")
    references = [FeatureStatistics(space(sprites.heldout)) for space in spaces]

    def distance(rows):
        parts = np.split(rows, len(references), axis=1)
        return float(
            np.mean([relative_fid(part, known) for part, known in zip(parts, references, strict=True)])
        )

    made = np.concatenate([space(samples) for space in spaces], axis=1)  # (n, features of both)
    return measurement(
        distance(made), basic_bootstrap(distance, made, seed=rng.seed()), len(samples), *notes(quality)
    )


def notes(quality):
    """Return what else the panel read, for the report."""
    seen = quality.features
    return (
        f"{quality.relative_fid:.3f} in one encoder, {quality.private_relative_fid:.3f} in the other",
        f"precision {seen.precision:.2f}, recall {seen.recall:.2f}, coverage {seen.coverage:.2f}",
        f"chance alone reads {quality.relative_fid_floor:.3f} in the first",
        f"pixels: relative FID {quality.pixel_relative_fid:.3f}, coverage {quality.pixels.coverage:.2f}",
    )


@check(
    points=1,
    needs=test_training_follows_its_seed,
    hint="Return both losses of each step as numbers, the discriminator's first.",
)
def test_losses_tell_the_truth(trained, sprites, show, rng):
    """train returns both losses of each step, and they end where the networks are"""
    show.curve("Loss of the discriminator", trained.losses[:, 0], y_label="nats")
    show.curve("Loss of the generator", trained.losses[:, 1], y_label="nats")
    rows = torch.from_numpy(sprites.train[rng.permutation(len(sprites.train))[:500]].copy())
    made = trained.generator(drawn(rng, 500, LATENTS).float()).float()
    now = float(judged(trained.discriminator(rows), trained.discriminator(made)))
    last = trained.losses[-100:, 0]
    if abs(last.mean() - now) > 0.4:
        wrong(f"The losses end near {last.mean():.2f}; the trained networks read {now:.2f} nats.")
    if min(trained.losses.std(axis=0)) < 0.01:
        wrong("The losses hardly change from step to step: are they those of the steps?")
