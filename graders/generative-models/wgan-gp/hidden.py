"""Hidden checks: the trained pair, against a ring whose density is known exactly."""

from __future__ import annotations

from typing import Final

import numpy as np

from harness.grading import check, metric, wrong
from harness.metrics.intervals import basic_bootstrap, measurement
from harness.metrics.modes import modes_covered

LEAST_SHARE: Final = 0.3
"""Share of its expected samples that a mode needs; a single wide Gaussian gives each a tenth."""
TRUTH: Final = 1 - np.exp(-4.5)
"""Share of the ring's own points within three deviations of a mode: 0.989."""
ERRORS: Final = 4.0
"""Standard errors above the truth from which samples are too good to be true."""
SPREAD: Final = (0.4, 1.6)
"""Spread within modes over the truth's; points collapsed onto the centres read 0."""
SLOPES: Final = (0.5, 1.6)
"""Mean length of a trained critic's slopes between real and made points; the penalty pulls it to 1."""
TEAR: Final = 0.1
"""Radii that a generator may jump within a ten-thousandth of a deviation of its noise."""


def report(samples, ring):
    return modes_covered(samples, ring.centres, ring.deviation, least_share=LEAST_SHARE)


@check(
    points=2,
    needs="training_follows_its_seed",
    hint="A generator is a network: it bends noise into points, and does not look points up.",
)
def test_generator_is_continuous(trained, ring, rng):
    """The generator bends noise without tearing it"""
    ends = rng.normal(size=(2, 300, 2))
    low, high = np.zeros(300), np.ones(300)
    for halving in range(17):  # halves the part of each line along which the points move furthest
        middle = (low + high) / 2
        places = [trained.generator(_between(ends, each)) for each in (low, middle, high)]
        first = np.linalg.norm(places[1] - places[0], axis=1)
        second = np.linalg.norm(places[2] - places[1], axis=1)
        low, high = np.where(first >= second, low, middle), np.where(first >= second, middle, high)
        if not halving and max(first.max(), second.max()) < 0.01 * ring.radius:
            wrong("The generator hardly turns different noise into different points.")
    jumps = np.linalg.norm(
        trained.generator(_between(ends, high)) - trained.generator(_between(ends, low)), axis=1
    )
    if jumps.max() > TEAR * ring.radius:
        wrong("All but equal noise becomes points far apart: the generator looks points up.")


def _between(ends, share):
    return (1 - share[:, None]) * ends[0] + share[:, None] * ends[1]


@check(
    points=3,
    needs="training_follows_its_seed",
    hint="Train the critic more often than the generator, and see that the penalty is at work.",
)
def test_covers_every_mode(samples, ring, data, show):
    """Every mode of the ring gets its samples"""
    show.images(
        "The data, and the samples",
        np.stack([_picture(data, ring), _picture(samples, ring)]),
        columns=2,
        caption="Where points lie: left those to learn from, right those that the generator makes.",
    )
    told = report(samples, ring)
    if told.covered < told.modes:
        wrong(
            f"{told.covered} of {told.modes} modes have at least {LEAST_SHARE:.0%} of their share of samples."
        )


def _picture(points, ring):
    """Return a histogram (96, 96) in [0, 1] of the plane around the ring."""
    offset = (points - ring.centres.mean(axis=0)) / (1.5 * ring.radius)
    counts, _, _ = np.histogram2d(-offset[:, 1], offset[:, 0], bins=96, range=[[-1, 1], [-1, 1]])
    return np.minimum(
        1, counts / max(1.0, float(np.quantile(counts[counts > 0], 0.95)) if counts.any() else 1.0)
    )


@check(
    points=2,
    needs=test_covers_every_mode,
    hint="Samples spread around each mode as the data do; they are learnt from the data, not placed.",
)
def test_samples_are_not_too_good(samples, ring):
    """Samples spread within their modes, and are no better than the ring's own points"""
    told = report(samples, ring)
    error = np.sqrt(TRUTH * (1 - TRUTH) / len(samples))
    if told.high_quality_share > TRUTH + ERRORS * error:
        wrong("More samples lie near the modes than of the ring's own points: they are placed, not learnt.")
    if not SPREAD[0] <= told.spread_ratio <= SPREAD[1]:
        wrong(f"Samples spread {told.spread_ratio:.2f} times as far within a mode as the data do.")


@check(
    points=2,
    needs="training_follows_its_seed",
    hint="With penalty, slopes between real and made points settle near 1, whatever the points are.",
)
def test_trained_critic_has_slopes_near_one(trained, samples, ring, rng):
    """Between real and made points, the trained critic's slopes are near 1"""
    real = ring.sample(1000, rng)
    shares = rng.uniform(size=(1000, 1))
    points, step = shares * real + (1 - shares) * samples[:1000], 0.01 * ring.radius
    ways = [trained.critic(points + move) - trained.critic(points - move) for move in step * np.eye(2)]
    mean = float(np.mean(np.linalg.norm(ways, axis=0) / (2 * step)))
    if not SLOPES[0] <= mean <= SLOPES[1]:
        wrong(
            f"The mean slope is {mean:.2g}: the penalty did not hold the critic, or the critic did not learn."
        )


@check(
    points=1,
    needs="training_follows_its_seed",
    hint="The estimate is mean score of real points minus mean score of made ones, once for each step.",
)
def test_estimates_tell_the_truth(trained, samples, ring, show, rng):
    """The estimates of the distance fall, and end where the trained critic is"""
    show.curve("Estimated distance", trained.estimates, y_label="mean real score − mean made score")
    now = float(trained.critic(ring.sample(4000, rng)).mean() - trained.critic(samples[:4000]).mean())
    last, most = float(trained.estimates[-25:].mean()), float(trained.estimates.max())
    if abs(last - now) > 0.15 * ring.radius:
        wrong(f"The estimates end near {last:.2f}; the trained critic sees a distance of {now:.2f}.")
    if not most > last + 0.1 * ring.radius:
        wrong("The estimates do not fall: the generator came no nearer.")


@metric(
    points=8,
    better="higher",
    unit="share of samples within three deviations of a mode, none counted beyond a mode's eighth",
    needs=[test_generator_is_continuous, "training_follows_its_seed"],
    hint="Larger steps at first and smaller ones later; a smaller weight of the penalty.",
)
def test_share_of_good_samples(samples, ring, rng):
    """Most samples lie on a mode, and no mode takes the share of others"""
    told = report(samples, ring)
    if told.high_quality_share > TRUTH + ERRORS * np.sqrt(TRUTH * (1 - TRUTH) / len(samples)):
        wrong("More samples lie near the modes than of the ring's own points.")
    notes = (
        f"{told.covered} of {told.modes} modes covered",
        f"{told.high_quality_share:.3f} of the samples are near a mode; of the ring's own points {TRUTH:.3f}",
        f"spread within modes {told.spread_ratio:.2f} times the ring's",
    )
    value = _placed(samples, ring)
    interval = basic_bootstrap(lambda rows: _placed(rows, ring), samples, seed=rng.seed())
    return measurement(value, interval, len(samples), *notes)


def _placed(samples, ring):
    """Return the share of samples on a mode, at most an even share from each, 0 to TRUTH."""
    counts = np.array(report(samples, ring).counts)
    return float(np.minimum(counts / len(samples), TRUTH / len(counts)).sum())
