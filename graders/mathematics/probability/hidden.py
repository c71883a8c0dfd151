"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np
from scipy.special import logsumexp

from harness.grading import LearnerFailure, Measurement, assert_close, check, metric, wrong

TOO_GOOD = 0.25
"""Kolmogorov's distance times √n: true draws are nearer with a probability of 3e-8."""
UNEVEN = 3.5
"""The same for proposals: true ones are farther from even with a probability of 5e-11."""
CORRELATED = 5.5
"""Standard deviations of a correlation: true draws go beyond with a probability of 4e-8."""

# ---- conditioning and Bayes ------------------------------------------------------------------


@check(
    points=2,
    needs="conditioning_renormalises",
    hint="0 / 0 is no probability: raise ValueError when nothing agrees",
)
def test_what_is_impossible_is_refused(handed_in, joint, rng):
    """Conditioning on what has probability 0 raises ValueError"""
    axis = int(rng.integers(4))
    value = int(rng.integers(joint.shape[axis]))
    table = joint.copy()
    np.moveaxis(table, axis, 0)[value] = 0
    table /= table.sum()
    try:
        handed_in.condition(table, {axis: value})
    except LearnerFailure as failure:
        if failure.reason == "exception" and "ValueError" in str(failure):
            return
        raise
    wrong("condition(joint, given) answered where what is given has probability 0.")


@check(
    points=2,
    needs="posterior_follows_bayes",
    hint="a product of thousands of probabilities is 0 in floats: add logarithms, take the largest out",
)
def test_posterior_survives_many_observations(handed_in, rng):
    """Tens of thousands of observations do not underflow, and what is refuted stays refuted"""
    prior = rng.dirichlet(np.ones(4))
    centre = rng.dirichlet(10 * np.ones(5))
    likelihood = np.exp(np.log(centre) + 0.003 * rng.normal(size=(4, 5)))
    likelihood[3, 0], likelihood[2, 4] = 0, 0
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    observations = 1 + rng.choice(4, size=20_000, p=centre[1:] / centre[1:].sum())
    observations[:5] = 4
    with np.errstate(divide="ignore"):
        logs = np.log(prior) + np.log(likelihood)[:, observations].sum(axis=1)
    truth = np.exp(logs - logsumexp(logs))
    answer = handed_in.posterior(prior, likelihood, observations)
    assert_close(answer, truth, rtol=1e-6, atol=1e-9, what="posterior after 20,000 observations")


# ---- sampling --------------------------------------------------------------------------------


@check(
    points=2,
    needs="discrete_draws_invert_the_sums",
    hint="an outcome of probability 0 adds nothing to the sum: strictly above, and never past the last",
)
def test_impossible_outcomes_are_never_drawn(handed_in, rng):
    """Outcomes of probability 0 are never drawn, even at 0, at a step, or where the sums end below 1"""
    probabilities = np.zeros(9)
    probabilities[[1, 3, 4, 6]] = rng.permutation([0.125, 0.25, 0.125, 0.5])  # exact in binary
    steps = np.cumsum(probabilities)[[1, 3, 4]]
    uniforms = np.concatenate([[0.0, np.nextafter(1, 0)], steps, np.nextafter(steps, 0)])
    truth = [1, 6, 3, 4, 6, 1, 3, 4]
    assert_close(
        handed_in.sample_discrete(probabilities, uniforms), truth, what="sample_discrete at the steps"
    )
    short = probabilities * (1 - 1e-9)
    answer = handed_in.sample_discrete(short, np.array([np.nextafter(1, 0)]))
    assert_close(answer, [6], what="sample_discrete above the last sum")


@check(
    points=2,
    needs="laplace_inverts_its_distribution",
    hint="1 - 2|u - 1/2| is 0 for tiny u: take the logarithm of u itself below the centre",
)
def test_tails_are_exact(handed_in, rng):
    """Far in the tails no digit is lost"""
    uniforms = np.concatenate([10.0 ** rng.uniform(-300, -10, size=20), 1 - 2.0 ** -np.arange(20.0, 53)])
    scale = float(rng.uniform(0.5, 3))
    truth = np.where(uniforms < 0.5, np.log(2 * uniforms), -np.log(2 * (1 - uniforms))) * scale
    assert_close(
        handed_in.laplace_quantile(uniforms, 0.0, scale), truth, rtol=1e-11, what="tails of the Laplace law"
    )


@metric(
    points=6,
    better="lower",
    unit="distance to the law (Kolmogorov) times √n; true draws have about 0.87",
    scale="log",
    needs="rejection_keeps_some_of_its_proposals",
    hint="accept a proposal where a uniform number in [0, bound) is below the density",
)
def test_draws_follow_the_law(samples, show):
    """What sample_by_rejection draws has the distribution of the density"""
    show.curve("Share of draws below each tenth of the law", _tenths(samples[0]), y_label="share")
    distances = [sample.distance for sample in samples]
    if min(distances) < TOO_GOOD:
        wrong("The draws are nearer to the law than independent draws can be. Were they laid out?")
    return Measurement(
        value=float(np.mean(distances)),
        n=sum(len(sample.x) for sample in samples),
        notes=tuple(f"law {number}: {distance:.2f}" for number, distance in enumerate(distances, 1)),
    )


def _tenths(sample):
    return np.array([(sample.ranks < tenth / 10).mean() for tenth in range(11)])


@check(
    points=2,
    needs="draws_follow_the_law",
    hint="return the draws in the order in which they were accepted, each one once",
)
def test_draws_are_independent(samples):
    """No draw tells anything about the next"""
    for sample in samples:
        ranks = sample.ranks - sample.ranks.mean()
        if len(np.unique(sample.x)) < len(sample.x):
            wrong("A draw occurs twice.")
        for lag in (1, 2, 3):
            correlation = (ranks[lag:] * ranks[:-lag]).sum() / (ranks**2).sum()
            if abs(correlation) * len(ranks) ** 0.5 > CORRELATED:
                wrong("Draws resemble those after them. Are they sorted?")


@check(
    points=2,
    needs="rejection_keeps_some_of_its_proposals",
    hint="propose about as many as are still missing, and again, until there are enough",
)
def test_rejection_is_thrifty(samples):
    """Proposals are spread evenly, and at most about twice as many as rejection needs"""
    for sample in samples:
        if len(sample.asked) > 2 * len(sample.x) / sample.law.acceptance + len(sample.x):
            wrong("The density was asked at many more points than rejection needs.")
        if sample.proposals > UNEVEN:
            wrong("The density was asked at points that are not spread evenly between the ends.")


# ---- maximum likelihood ----------------------------------------------------------------------


@check(
    points=2,
    needs="weibull_is_most_likely",
    hint="x^60 is too large for a float: divide by the largest value first, or add logarithms",
)
def test_weibull_survives_any_scale(handed_in, require_most_likely, rng):
    """Values of any size, and shapes from flat to needle-sharp, do not overflow"""
    for shape, scale in (
        (rng.uniform(60, 90), 1e9),
        (rng.uniform(50, 80), 1e-9),
        (rng.uniform(0.2, 0.3), 1e3),
    ):
        values = scale * rng.uniform(0.5, 2) * rng.weibull(shape, size=100)
        require_most_likely(handed_in.fit_weibull(values), values)
