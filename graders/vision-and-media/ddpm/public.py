"""Public checks: learners may read them and run them with `roadmark check`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch

from harness.grading import (
    assert_close,
    check,
    expect_array,
    expect_number,
    expect_tensor,
    kind_of,
    wrong,
)
from harness.metrics.distances import nearest
from harness.sources.sprites import SIDE

LEAST_COVERAGE: Final = 0.33
"""Share of unseen sprites with a sample near them, in pixels; real ones reach 0.97, linear denoising 0.21."""
MOST_ERROR: Final = 0.97
"""Error of the network, over that of the best linear denoiser, on sprites that it has not seen."""
PROBED: Final = (8, 12, 16)
"""Noise levels at which the network is compared: shapes still show, and a linear map blurs them."""


def drawn(rng, *shape):
    return torch.from_numpy(rng.normal(size=shape)).float()


def every_level(rng, levels):
    """Return each level twice, in no order: (2 * levels,)."""
    return torch.from_numpy(rng.permutation(np.repeat(np.arange(levels), 2)))


def along(values, like):
    """Return one number for each row, ready to be multiplied with rows (n, ...)."""
    return torch.tensor(values, dtype=torch.float64).reshape(-1, *[1] * (like.ndim - 1))


# ---- adding noise --------------------------------------------------------------------------


def noisy(tools, betas, start, t, noise):
    """Return x at levels t, by sending the start through one step after the other."""
    schedule = tools.levels(betas)
    shares = along([schedule[each].share for each in t], start)
    deviations = along([math.sqrt(schedule[each].variance) for each in t], start)
    return shares * start.double() + deviations * noise.double()


@check(points=2, hint="x = √ᾱ start + √(1 - ᾱ) noise, where ᾱ is the product of 1 - beta up to level t.")
def test_noise_takes_over_step_by_step(submission, tools, rng):
    """All steps up to a level at once do what they do one after the other"""
    for steps, shape in ((9, (3,)), (6, (4, 4)), (1, (2,))):
        betas, t = tools.schedule(rng, steps), every_level(rng, steps)
        start, noise = drawn(rng, len(t), *shape), drawn(rng, len(t), *shape)
        truth = noisy(tools, betas, start, t, noise)
        got = submission.diffuse(start, t, noise, betas)
        assert_close(got, truth, rtol=1e-3, atol=1e-4, what="diffuse(start, t, noise, betas)")


@check(points=1, hint="Solve the closed form of diffuse for the start.")
def test_start_comes_back(submission, tools, rng):
    """Who knows the noise knows the start"""
    for steps, shape in ((9, (3,)), (6, (4, 4))):
        betas, t = tools.schedule(rng, steps), every_level(rng, steps)
        start, noise = drawn(rng, len(t), *shape), drawn(rng, len(t), *shape)
        x = noisy(tools, betas, start, t, noise).float()
        got = submission.predict_start(x, t, noise, betas)
        assert_close(got, start, rtol=1e-3, atol=1e-3, what="predict_start(x, t, noise, betas)")


# ---- one step back -------------------------------------------------------------------------


@check(points=3, hint="Multiply two Gaussians, q(x before | start) and q(x | x before): precisions add up.")
def test_posterior_follows_bayes(submission, tools, rng):
    """One step back, the start known, is Bayes' rule for two Gaussians"""
    for steps, shape in ((9, (3,)), (6, (4, 4))):
        betas, t = tools.schedule(rng, steps), every_level(rng, steps)
        t = t[t > 0]
        start, x = drawn(rng, len(t), *shape), drawn(rng, len(t), *shape)
        compared(submission.posterior(start, x, t, betas), tools.levels(betas), start, x, t)


def compared(answer, schedule, start, x, t):
    """Require a posterior to be that of Bayes' rule."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        wrong(f"posterior(...): expected (mean, variance), got {kind_of(answer)}.", reason="wrong-type")
    truth = [schedule[each].posterior(a, b) for each, a, b in zip(t, start.double(), x.double(), strict=True)]
    means = torch.stack([mean for mean, _ in truth])
    assert_close(answer[0], means, rtol=1e-3, atol=1e-4, what="the mean of posterior(start, x, t, betas)")
    variances = [variance for _, variance in truth]
    assert_close(answer[1], variances, rtol=1e-3, what="the variance of posterior(start, x, t, betas)")


# ---- the loss ------------------------------------------------------------------------------


@check(
    points=2,
    needs=test_noise_takes_over_step_by_step,
    hint="Diffuse, ask predict(x, t) once, and take the mean of (prediction - noise)² over everything.",
)
def test_loss_asks_which_noise_it_was(submission, tools, rng):
    """The loss is the squared error of the noise that is predicted"""
    for steps, shape in ((9, (3,)), (6, (4, 4))):
        betas, t = tools.schedule(rng, steps), every_level(rng, steps)
        start, noise = drawn(rng, len(t), *shape), drawn(rng, len(t), *shape)

        def predict(x, t):
            asked = expect_tensor(x, shape=start.shape, what="x of predict(x, t)")  # noqa: B023
            times = expect_array(t, shape=(len(asked),), what="t of predict(x, t)")
            return torch.sin(2 * asked) + along(0.1 * times, asked).to(asked.dtype)

        x = noisy(tools, betas, start, t, noise)
        truth = (torch.sin(2 * x) + along(0.1 * t.numpy(), x) - noise).square().mean()
        got = expect_number(submission.noise_loss(predict, start, t, noise, betas), what="noise_loss")
        assert_close(got, float(truth), rtol=1e-3, what="noise_loss(predict, start, t, noise, betas)")


@check(
    points=1,
    needs=test_loss_asks_which_noise_it_was,
    hint="Neither detach() nor no_grad() belongs into the loss: it is what the network learns from.",
)
def test_loss_teaches_the_network(submission, tools, rng):
    """The gradient of the loss comes through the network"""
    network = submission.Denoiser(tools.betas)
    t = torch.from_numpy(rng.integers(5, 40, size=6))
    start, noise = drawn(rng, 6, SIDE, SIDE), drawn(rng, 6, SIDE, SIDE)
    x = noisy(tools, tools.betas, start, t, noise).float()
    asked = tools.network(network, "Denoiser(betas)")
    error = asked(x, t) - noise
    back = asked.remote.vjp(x, t, cotangent=2 * error / error.numel())
    slope = next(iter(back.inputs), None)
    through = expect_tensor(slope, shape=x.shape, what="the gradient through Denoiser")
    schedule = tools.levels(tools.betas)
    truth = along([schedule[each].share for each in t], x) * through.double()
    got = submission.vjp(
        submission.noise_loss, asked.remote, start, t, noise, tools.betas, cotangent=torch.ones(())
    )
    what = "the gradient of noise_loss by the start"
    slopes = expect_tensor(got.inputs[1] if len(got.inputs) > 1 else None, shape=x.shape, what=what)
    size = float(truth.abs().max()) or 1.0  # 0 for a network whose last layer begins at 0
    assert_close(slopes / size, truth / size, rtol=1e-2, atol=1e-3, what=f"{what}, over its largest,")


# ---- all steps back ------------------------------------------------------------------------


@check(
    points=3,
    needs=[test_start_comes_back, test_posterior_follows_bayes],
    hint="From the last level to 0: predict the noise, from it the start, then draw of the posterior.",
)
def test_sampler_walks_back(submission, gaussian):
    """With a predictor that knows Gaussian data, the walk back is known to the last digit"""
    for count, width, steps in ((7, 3, 12), (1, 5, 6)):
        problem = gaussian(count, width, steps)
        got = submission.ancestral_sample(
            problem.oracle.predict, problem.start, problem.noises, problem.betas
        )
        what = "ancestral_sample(predict, start, noises, betas)"
        assert_close(got, problem.arrival(), rtol=2e-3, atol=2e-3, what=what)


@check(
    points=1,
    needs=test_sampler_walks_back,
    hint="One evaluation of predict for each level, from the noisiest down, for all rows together.",
)
def test_sampler_asks_once_a_level(submission, gaussian):
    """The walk back evaluates the predictor once for each level, all rows at once"""
    problem = gaussian(4, 3, 8)
    submission.ancestral_sample(problem.oracle.predict, problem.start, problem.noises, problem.betas)
    asked = problem.oracle.asked
    if asked != [[t] * 4 for t in reversed(range(8))]:
        wrong(f"predict was asked {len(asked)} times in a walk of 8 levels, or not in their order.")


# ---- the network ---------------------------------------------------------------------------


@check(
    points=1,
    needs=[test_loss_teaches_the_network, test_sampler_asks_once_a_level],
    hint="torch.manual_seed(seed) before anything is drawn: first weights, batches, levels and noise.",
)
def test_training_follows_its_seed(fit, sprites, rng):
    """The same seed trains the same network, another seed another one"""
    seed, x, t = rng.seed(), drawn(rng, 8, SIDE, SIDE), torch.from_numpy(rng.integers(10, 40, size=8))
    runs = [fit(sprites.train[:256], steps=12, batch=16, seed=number) for number in (seed, seed, seed + 1)]
    first, again, other = (run.network(x, t) for run in runs)
    assert_close(again, first, rtol=1e-3, atol=1e-3, what="the prediction after training twice with one seed")
    if torch.allclose(other, first, atol=1e-4):
        wrong("Training with another seed gave the same network.")


@check(
    points=1,
    needs=test_training_follows_its_seed,
    hint="Each row has a level of its own: look up what depends on t row by row, and give t to the network.",
)
def test_rows_have_levels_of_their_own(fit, sprites, rng):
    """The network answers each row by itself, at that row's level"""
    network = fit(sprites.train[:256], steps=12, batch=16, seed=rng.seed()).network
    x, t = drawn(rng, 9, SIDE, SIDE), torch.from_numpy(rng.permutation(np.arange(3, 48, 5)))
    whole, turned = network(x, t), network(x, t.flip(0))
    scale = float(whole.abs().max()) + 1e-9
    for row in (0, 5):
        alone = network(x[row : row + 1], t[row : row + 1])[0]
        what = "what the network predicts for one row, alone and among others, over the largest,"
        assert_close(alone / scale, whole[row] / scale, rtol=1e-3, atol=1e-4, what=what)
    if float((whole[0] - turned[0]).abs().max()) < 1e-6:
        wrong("The network predicts the same noise at every level: does it use t?")


@check(
    points=2,
    needs=test_rows_have_levels_of_their_own,
    hint="Let the network give the clean picture and compute the noise from it: it is easier to learn.",
)
def test_denoises_unseen_sprites(trained, tools, sprites, probes, rng, show):
    """The network takes noise off unseen sprites better than any linear map can"""
    show.curve("Training loss", trained.losses, y_label="squared error of the noise")
    clean, schedule = 2 * probes.astype(np.float64) - 1, tools.levels(tools.betas)
    shown, errors = [clean[:12]], []
    rows = (2 * sprites.train - 1.0).reshape(len(sprites.train), -1)
    moments = rows.mean(axis=0), np.cov(rows.T)
    for t in PROBED:
        level = schedule[t]
        noise = rng.normal(size=clean.shape)
        x = level.share * clean + math.sqrt(level.variance) * noise
        told = trained.network(torch.from_numpy(x).float(), torch.full((len(x),), t)).double().numpy()
        made = (x - math.sqrt(level.variance) * told) / level.share
        linear = linear_denoiser(*moments, level)(x)
        errors.append(float(((made - clean) ** 2).sum() / ((linear - clean) ** 2).sum()))
        shown += [x[:12], made[:12]]
    pictures = np.clip((np.concatenate(shown) + 1) / 2, 0, 1)
    told = ", ".join(f"{error:.2f}" for error in errors)
    caption = f"Unseen sprites; with noise, and without it again. Errors over the linear one's: {told}."
    show.images("Noise taken off", pictures, columns=12, caption=caption)
    if not np.mean(errors) <= MOST_ERROR:
        wrong(f"It leaves {np.mean(errors):.2f} of a linear denoiser's error; {MOST_ERROR:g} is asked for.")


def linear_denoiser(mean, covariance, level):
    """Return the best linear map from x to the start, of pictures with this mean and covariance."""
    around = level.share**2 * covariance + level.variance * np.eye(len(mean))
    gain = np.linalg.solve(around, level.share * covariance)
    return lambda x: (mean + (x.reshape(len(x), -1) - level.share * mean) @ gain).reshape(x.shape)


# ---- the samples ---------------------------------------------------------------------------


@check(
    points=2,
    needs=test_rows_have_levels_of_their_own,
    hint="Look at the samples: are some shapes, places or sizes missing, or are all of them alike?",
)
def test_samples_cover_the_sprites(quality, walk, samples, tools, show):
    """The samples are as varied as the sprites"""
    show.images("From noise to sprites", walk.stages.reshape(-1, SIDE, SIDE), columns=12)
    show.images("Samples", samples[:60], columns=12, caption="Sixty of 1,000, as they were drawn.")
    duplicates = tools.gate(quality, "duplicates")
    if not duplicates.passed:
        wrong(f"The samples repeat themselves: {duplicates.evidence}.")
    if not quality.pixels.coverage >= LEAST_COVERAGE:
        share = quality.pixels.coverage
        wrong(f"{share:.0%} of real sprites have a sample near them; {LEAST_COVERAGE:.0%} are needed.")


@check(
    points=2,
    needs=test_rows_have_levels_of_their_own,
    hint="A network that learnt to denoise makes new sprites; one that looks its data up makes them again.",
)
def test_samples_are_new(quality, samples, sprites, tools, show):
    """The samples are new sprites, not the training set again"""
    show.images(
        "Samples above their nearest training sprites",
        neighbours(samples[:12], sprites.train),
        columns=12,
        caption=tools.gate(quality, "memorisation").evidence,
    )
    if not tools.gate(quality, "memorisation").passed:
        wrong(f"The samples are copies: {tools.gate(quality, 'memorisation').evidence}.")


def neighbours(samples, train):
    """Return (2 n, 12, 12): the samples, then the training sprite nearest to each."""
    found = nearest(samples.reshape(len(samples), -1), train.reshape(len(train), -1)).indices[:, 0]
    return np.concatenate([samples, train[found]])
