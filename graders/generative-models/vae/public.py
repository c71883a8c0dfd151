"""Public checks: learners may read them and run them with `roadmark check`."""

from __future__ import annotations

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from harness.grading import assert_close, check, metric, wrong
from harness.metrics.distances import nearest
from harness.metrics.frechet import FeatureStatistics, relative_fid
from harness.metrics.intervals import basic_bootstrap, measurement
from harness.sources.sprites import SIDE

LEAST_EXPLAINED = 0.7
"""Share of the variance of unseen sprites that their codes must keep; 16 principal components keep 0.8."""
CODE_NATS = (2.0, 80.0)
"""What a code may carry: less is no code, more is an autoencoder that pays no attention to the prior."""
LEAST_COVERAGE = 0.25
"""Share of unseen sprites with a sample near them; real sprites reach 0.97, principal components 0.4."""


def posteriors(rng, count, width):
    """Return mean, log-variance and noise, (count, width) each: variances from 0.02 to 50."""
    mean, log_variance, noise = rng.normal(size=(3, count, width))
    return (torch.from_numpy(part).float() for part in (2 * mean, 1.3 * log_variance, noise))


def deviation(log_variance):
    return (log_variance.double() / 2).exp()


# ---- the pieces of the bound ---------------------------------------------------------------


@check(points=2, hint="KL = Σ (mean² + exp(log_variance) - 1 - log_variance) / 2, over the coordinates.")
def test_divergence_has_its_closed_form(submission, rng):
    """The KL divergence from the prior is what torch.distributions says"""
    for count, width in ((5, 3), (1, 7), (4, 1)):
        mean, log_variance, _ = posteriors(rng, count, width)
        truth = kl_divergence(Normal(mean.double(), deviation(log_variance)), Normal(0.0, 1.0)).sum(dim=1)
        assert_close(
            submission.kl_divergence(mean, log_variance), truth, what="kl_divergence(mean, log_variance)"
        )


@check(
    points=2, hint="z = mean + standard deviation * noise; the standard deviation is exp(log_variance / 2)."
)
def test_code_is_shifted_scaled_noise(submission, rng):
    """A code is the mean plus noise, scaled by the standard deviation"""
    mean, log_variance, noise = posteriors(rng, 6, 4)
    code = submission.reparameterise(mean, log_variance, noise)
    truth = mean.double() + deviation(log_variance) * noise.double()
    assert_close(code, truth, what="reparameterise(mean, log_variance, noise)")


@check(
    points=2,
    needs=test_code_is_shifted_scaled_noise,
    hint="Compute the code from mean and log_variance; detach(), no_grad() and torch.normal() cut the graph.",
)
def test_gradients_reach_the_encoder(submission, rng):
    """The gradient of a code flows back into mean and log-variance"""
    mean, log_variance, noise = posteriors(rng, 5, 3)
    cotangent = torch.from_numpy(rng.normal(size=(5, 3))).float()
    back = submission.vjp(submission.reparameterise, mean, log_variance, noise, cotangent=cotangent)
    for gradient, name in zip(back.inputs, ("mean", "log_variance"), strict=False):
        if gradient is None:
            wrong(f"No gradient reaches {name}: the encoder would learn nothing from the pictures.")
    half_slope = cotangent.double() * noise.double() * deviation(log_variance) / 2
    assert_close(back.inputs[0], cotangent, what="the gradient for mean")
    assert_close(back.inputs[1], half_slope, what="the gradient for log_variance")


@check(
    points=1, hint="Σ of Normal(decoded, sigma).log_prob(x) over all axes but the first, constants included."
)
def test_likelihood_is_gaussian(submission, rng):
    """The likelihood is a normal density, summed over the pixels of each picture"""
    for shape in ((3, 12, 12), (4, 5)):
        x, decoded = (torch.from_numpy(part).float() for part in rng.uniform(size=(2, *shape)))
        sigma = float(rng.uniform(0.1, 2.0))
        truth = Normal(decoded.double(), sigma).log_prob(x.double()).flatten(1).sum(dim=1)
        assert_close(
            submission.log_likelihood(x, decoded, sigma), truth, what="log_likelihood(x, decoded, sigma)"
        )


@check(
    points=2,
    needs=(test_divergence_has_its_closed_form, test_likelihood_is_gaussian),
    hint="elbo = log_likelihood - kl_divergence, for each picture; -elbo is what training lowers.",
)
def test_bound_is_likelihood_minus_divergence(submission, rng):
    """The bound is what the decoder explains minus what the code costs, and so are its gradients"""
    mean, log_variance, _ = posteriors(rng, 4, 3)
    x, decoded = (torch.from_numpy(part).float() for part in rng.uniform(size=(2, 4, 6, 5)))
    sigma, cotangent = float(rng.uniform(0.3, 1.0)), torch.from_numpy(rng.normal(size=4)).float()
    leaves = [part.double().requires_grad_() for part in (decoded, mean, log_variance)]
    truth = Normal(leaves[0], sigma).log_prob(x.double()).flatten(1).sum(dim=1)
    truth = truth - kl_divergence(Normal(leaves[1], (leaves[2] / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    slopes = torch.autograd.grad((truth * cotangent.double()).sum(), leaves)
    back = submission.vjp(submission.elbo, x, decoded, mean, log_variance, sigma, cotangent=cotangent)
    assert_close(back.output, truth, what="elbo(x, decoded, mean, log_variance, sigma)")
    for gradient, slope, name in zip(
        back.inputs[1:], slopes, ("decoded", "mean", "log_variance"), strict=False
    ):
        if gradient is None:
            wrong(f"No gradient of the bound reaches {name}.")
        assert_close(gradient, slope, what=f"the gradient of the bound for {name}")


# ---- the model -----------------------------------------------------------------------------


@check(
    points=1, hint="encode gives two tensors (n, d) for pictures (n, 12, 12), and decode takes (n, d) back."
)
def test_model_turns_pictures_into_codes_and_back(untrained, rng):
    """Pictures become codes and codes pictures, each on its own"""
    images = rng.uniform(size=(6, SIDE, SIDE)).astype(np.float32)
    mean, log_variance = untrained.encode(images)
    single = untrained.encode(images[2:3])
    for part, alone, name in zip((mean, log_variance), single, ("mean", "log_variance"), strict=True):
        assert_close(alone[0], part[2], atol=1e-4, what=f"the {name} of one picture, alone and among others,")
    z = rng.normal(size=mean.shape)
    pictures = untrained.decode(z)
    assert_close(
        untrained.decode(z[4:])[0],
        pictures[4],
        atol=1e-4,
        what="the picture of a code, alone and among others,",
    )
    for part, name in ((mean, "codes of different pictures"), (pictures, "pictures of different codes")):
        if np.ptp(part, axis=0).max() < 1e-6:
            wrong(f"The {name} are all the same.")


@check(
    points=1,
    needs=(
        test_bound_is_likelihood_minus_divergence,
        test_gradients_reach_the_encoder,
        test_model_turns_pictures_into_codes_and_back,
    ),
    hint="torch.manual_seed(seed) before anything is drawn: first weights, batches and noise.",
)
def test_training_follows_its_seed(fit, sprites, rng):
    """The same seed trains the same model, another seed another one"""
    seed = rng.seed()
    runs = [fit(sprites.train[:512], steps=12, batch=16, seed=number) for number in (seed, seed, seed + 1)]
    first, again, other = (np.concatenate(run.model.encode(sprites.train[:8]), axis=1) for run in runs)
    assert_close(again, first, atol=1e-4, what="the encoding after training twice with one seed")
    if other.shape == first.shape and np.allclose(other, first, atol=1e-4):
        wrong("Training with another seed gave the same model.")
    assert_close(runs[1].losses, runs[0].losses, rtol=1e-3, what="the losses of training twice with one seed")


@check(
    points=1,
    needs=test_training_follows_its_seed,
    hint="Draw codes with torch.Generator().manual_seed(seed), decode them, and keep the pictures in [0, 1].",
)
def test_samples_follow_their_seed(fit, draw, sprites, rng):
    """Samples have the right count and range, and follow their seed"""
    model = fit(sprites.train[:512], steps=12, batch=16, seed=rng.seed()).model
    seed = rng.seed()
    first, again, other = (draw(model, count=7, seed=number) for number in (seed, seed, seed + 1))
    assert_close(again, first, what="the samples of the same seed")
    if np.allclose(other, first, atol=1e-6):
        wrong("Samples of different seeds are the same.")
    if np.ptp(first, axis=0).max() < 1e-6:
        wrong("All samples of one call are the same picture.")


# ---- the trained model ---------------------------------------------------------------------


@check(
    points=2,
    needs=test_samples_follow_their_seed,
    hint="A code that carries nothing has collapsed onto the prior; one that carries too much ignores it.",
)
def test_codes_carry_what_matters(trained, probes, show):
    """The codes of unseen sprites bring them back, at a bounded cost"""
    show.curve("Training loss", trained.losses, y_label="-ELBO, nats per picture")
    mean, log_variance = trained.model.encode(probes)
    pictures = trained.model.decode(mean)
    pairs = np.stack([probes[:12], pictures[:12]]).reshape(24, SIDE, SIDE)
    explained = 1 - float(((probes - pictures) ** 2).sum() / ((probes - probes.mean(axis=0)) ** 2).sum())
    nats = kl_of(mean, log_variance)
    caption = f"{explained:.0%} of the variance comes back; a code carries {nats:.1f} nats."
    show.images("Unseen sprites, and what their codes bring back", pairs, columns=12, caption=caption)
    if not explained >= LEAST_EXPLAINED:
        wrong(
            f"Codes bring back {explained:.0%} of the variance of unseen sprites, not {LEAST_EXPLAINED:.0%}."
        )
    least, most = CODE_NATS
    if not least <= nats <= most:
        wrong(f"A code carries {nats:.3g} nats on average; between {least:g} and {most:g} make sense here.")


def kl_of(mean, log_variance):
    """Return the mean KL divergence from the prior in nats; infinite where a variance overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        each = (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1) / 2
    return float(np.nan_to_num(each, nan=np.inf).mean())


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
    if not quality.pixels.coverage >= LEAST_COVERAGE:
        share = quality.pixels.coverage
        wrong(f"{share:.0%} of real sprites have a sample near them; {LEAST_COVERAGE:.0%} are needed.")


@check(
    points=2,
    needs=test_samples_cover_the_sprites,
    hint="Sampling decodes codes drawn from the prior; no training picture takes part in it.",
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
    scale="log",
    needs=(test_samples_are_new, test_codes_carry_what_matters),
    hint="A better bound helps most: more capacity, larger steps at first and smaller ones later.",
)
def test_sample_quality(quality, samples, unseen, spaces, spaces_digest, rng):
    """The samples look like sprites that nobody has seen"""
    if not gate(quality, "second encoder").passed:
        wrong(f"The samples please one encoder only: {gate(quality, 'second encoder').evidence}.")
    references = [FeatureStatistics(space(unseen)) for space in spaces]

    def distance(rows):
        parts = np.split(rows, len(references), axis=1)
        return float(
            np.mean([relative_fid(part, known) for part, known in zip(parts, references, strict=True)])
        )

    drawn = np.concatenate([space(samples) for space in spaces], axis=1)  # (n, features of both)
    interval = basic_bootstrap(distance, drawn, seed=rng.seed())
    return measurement(distance(drawn), interval, len(samples), *notes(quality), encoder=spaces_digest)


def notes(quality):
    """Return what else the panel read, for the report."""
    return (
        f"{quality.relative_fid:.3f} in one encoder, {quality.private_relative_fid:.3f} in the other",
        f"chance alone reads {quality.relative_fid_floor:.3f} in the first",
        f"pixels: relative FID {quality.pixel_relative_fid:.3f}, coverage {quality.pixels.coverage:.2f}",
    )
