"""Hidden checks: learners see their titles, outcomes and hints."""

from __future__ import annotations

import numpy as np
import torch

from harness.grading import assert_close, check, kind_of, metric, wrong
from harness.metrics.frechet import FeatureStatistics, relative_fid
from harness.metrics.intervals import basic_bootstrap, measurement


@check(
    points=1,
    hint="Before the first level there is no noise: the mean is the start itself, the variance 0.",
)
def test_posterior_ends_at_the_start(submission, tools, rng):
    """At the first level the posterior is the start itself, without spread"""
    for steps, shape in ((5, (4,)), (1, (3, 3))):
        betas, t = tools.schedule(rng, steps), torch.zeros(6, dtype=torch.int64)
        start, x = (torch.from_numpy(rng.normal(size=(6, *shape))).float() for _ in range(2))
        answer = submission.posterior(start, x, t, betas)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            wrong(f"posterior(...): expected (mean, variance), got {kind_of(answer)}.", reason="wrong-type")
        assert_close(answer[0], start, rtol=1e-3, atol=1e-4, what="the mean of the posterior at level 0")
        assert_close(answer[1], torch.zeros(6), what="the variance of the posterior at level 0")


@check(
    points=2,
    hint="Nothing is clipped, x may have any shape, and the last step adds no noise.",
)
def test_sampler_takes_any_data(submission, mixture):
    """Pictures beyond [-1, 1] in a few kinds, and a schedule of one level, are walked back as well"""
    for count, side, steps in ((5, 4, 14), (3, 6, 1)):
        problem = mixture(count, side, steps)
        got = submission.ancestral_sample(
            problem.oracle.predict, problem.start, problem.noises, problem.betas
        )
        what = "ancestral_sample(predict, start, noises, betas) of pictures"
        assert_close(got, problem.arrival(), rtol=5e-3, atol=1e-2, what=what)


@check(
    points=1,
    needs="rows_have_levels_of_their_own",
    hint="A prediction depends on x and t and on nothing else: not on what was asked before, nor beside it.",
)
def test_predictions_depend_on_nothing_else(trained, walk):
    """Asked again, one by one or in another order, the network predicts the same noise"""
    again = trained.network(walk.x, walk.t)
    scale = walk.noise.abs().amax(dim=(1, 2), keepdim=True) + 1e-9
    what = "a prediction of the walk, asked for again among others, over its largest,"
    assert_close(again / scale, walk.noise / scale, rtol=1e-3, atol=2e-3, what=what)
    alone = trained.network(walk.x[:1], walk.t[:1])
    assert_close(alone / scale[:1], walk.noise[:1] / scale[:1], rtol=1e-3, atol=2e-3, what="one alone")


@metric(
    points=8,
    better="lower",
    unit="relative FID of 1,000 samples after 50 evaluations each, mean over two sprite encoders",
    scale="log",
    needs=["samples_are_new", test_predictions_depend_on_nothing_else],
    hint="Weigh the levels evenly, let the step size fall to 0, and predict the clean picture.",
)
def test_sample_quality(quality, samples, unseen, spaces, spaces_digest, tools, rng):
    """The samples look like sprites that nobody has seen"""
    if not tools.gate(quality, "second encoder").passed:
        wrong(f"The samples please one encoder only: {tools.gate(quality, 'second encoder').evidence}.")
    references = [FeatureStatistics(space(unseen)) for space in spaces]

    def distance(rows):
        parts = np.split(rows, len(references), axis=1)
        return float(
            np.mean([relative_fid(part, known) for part, known in zip(parts, references, strict=True)])
        )

    made = np.concatenate([space(samples) for space in spaces], axis=1)  # (n, features of both)
    interval = basic_bootstrap(distance, made, seed=rng.seed())
    return measurement(distance(made), interval, len(samples), *notes(quality), encoder=spaces_digest)


def notes(quality):
    """Return what else the panel read, for the report."""
    return (
        "50 evaluations of the network for each sample, counted by the grader",
        f"{quality.relative_fid:.3f} in one encoder, {quality.private_relative_fid:.3f} in the other",
        f"chance alone reads {quality.relative_fid_floor:.3f} in the first",
        f"pixels: relative FID {quality.pixel_relative_fid:.3f}, coverage {quality.pixels.coverage:.2f}",
    )
