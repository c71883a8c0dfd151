"""Public checks: learners may read them and run them with `roadmark check`."""

from collections import defaultdict

import numpy as np
from scipy import stats

from harness.grading import assert_close, check, expect_number, wrong

# ---- conditioning and Bayes ------------------------------------------------------------------


@check(points=2, hint="sum over the axes that go; then transpose what is left into the order of keep")
def test_marginal_sums_the_others_out(handed_in, joint, rng):
    """marginal(joint, keep) sums the other variables out, in the order of keep"""
    for keep in ((1,), (3, 0), (2, 0, 1), tuple(int(axis) for axis in rng.permutation(4))):
        law = defaultdict(float)
        for place, probability in np.ndenumerate(joint):
            law[tuple(place[axis] for axis in keep)] += probability
        truth = np.zeros([joint.shape[axis] for axis in keep])
        for place, probability in law.items():
            truth[place] = probability
        assert_close(handed_in.marginal(joint, list(keep)), truth, rtol=1e-9, what=f"marginal(joint, {keep})")


@check(points=2, hint="the slice that agrees with what is given, divided by its sum")
def test_conditioning_renormalises(handed_in, joint, rng):
    """condition(joint, given) is the law of the others among the cases that agree"""
    axes = [int(axis) for axis in rng.permutation(4)]
    for count in (1, 2, 3):
        given = {axis: int(rng.integers(joint.shape[axis])) for axis in axes[:count]}
        others = [axis for axis in range(4) if axis not in given]
        truth = np.zeros([joint.shape[axis] for axis in others])
        for place, probability in np.ndenumerate(joint):
            if all(place[axis] == value for axis, value in given.items()):
                truth[tuple(place[axis] for axis in others)] = probability
        truth /= truth.sum()
        what = f"condition(joint, given) with {count} of 4 variables given"
        assert_close(handed_in.condition(joint, given), truth, rtol=1e-9, what=what)


@check(points=2, hint="prior times the likelihood of each observation, divided by the sum over hypotheses")
def test_posterior_follows_bayes(handed_in, rng):
    """posterior(prior, likelihood, observations) is prior times likelihood, made to sum to 1"""
    for seen in (0, 1, 6):
        prior, likelihood = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3), size=4)
        observations = rng.integers(3, size=seen)
        weights = prior.copy()
        for outcome in observations:
            weights = weights * likelihood[:, outcome]
        answer = handed_in.posterior(prior, likelihood, observations)
        assert_close(answer, weights / weights.sum(), rtol=1e-7, what=f"posterior after {seen} observations")


# ---- sampling --------------------------------------------------------------------------------


@check(points=2, hint="np.cumsum, then the first place whose sum is above the uniform number")
def test_discrete_draws_invert_the_sums(handed_in, rng):
    """sample_discrete takes the first outcome whose cumulative probability is above the uniform number"""
    probabilities, uniforms = rng.dirichlet(np.ones(6)), rng.random(300)
    sums = [probabilities[: place + 1].sum() for place in range(6)]
    truth = [next((place for place in range(6) if number < sums[place]), 5) for number in uniforms]
    assert_close(handed_in.sample_discrete(probabilities, uniforms), truth, what="sample_discrete(…)")


@check(
    points=2, hint="below the centre F(x) = exp((x - location) / scale) / 2: solve for x; above by symmetry"
)
def test_laplace_inverts_its_distribution(handed_in, rng):
    """laplace_quantile is the inverse of the cumulative distribution function"""
    uniforms = np.concatenate([rng.random(40), [0.5]])
    location, scale = float(rng.normal(scale=5)), float(rng.uniform(0.3, 4))
    truth = stats.laplace.ppf(uniforms, location, scale)
    answer = handed_in.laplace_quantile(uniforms, location, scale)
    assert_close(answer, truth, rtol=1e-9, atol=1e-9, what="laplace_quantile(…)")


@check(
    points=3,
    hint="one generator from the seed; rng.uniform(low, high, size=…) proposes; ask about all at once",
)
def test_rejection_keeps_some_of_its_proposals(draw, draw_law, rng):
    """sample_by_rejection returns points that it proposed, the same for the same seed"""
    law, seed = draw_law(), rng.seed()
    first, again, other = (draw(law, 500, number) for number in (seed, seed, seed + 1))
    if (first != again).any():
        wrong("The same seed gave different draws.")
    if np.isin(first, other).mean() > 0.5:
        wrong("Another seed gave the same draws.")


# ---- maximum likelihood ----------------------------------------------------------------------


@check(points=2, hint="a lifetime that was cut short says that it is longer: P(T > t) = exp(-rate · t)")
def test_censored_lifetimes_count(handed_in, rng):
    """fit_exponential makes what was seen most likely, also of lifetimes that were cut short"""
    for rate in rng.uniform(0.05, 5, size=3):
        lifetimes, limits = rng.exponential(1 / rate, size=200), rng.exponential(1.5 / rate, size=200)
        times, observed = np.minimum(lifetimes, limits), lifetimes <= limits
        answer = expect_number(handed_in.fit_exponential(times, observed), what="fit_exponential(…)")
        law = stats.CensoredData(uncensored=times[observed], right=times[~observed])
        (_, scale) = stats.expon.fit(law, floc=0)
        assert_close(answer, 1 / scale, rtol=1e-3, what="fit_exponential(times, observed)")
    times = rng.exponential(size=10)
    answer = handed_in.fit_exponential(times, np.zeros(10, dtype=bool))
    assert_close(answer, 0.0, what="fit_exponential where none has ended")


@check(
    points=3, hint="the scale follows from the shape; one equation is left for the shape: bisect, or Newton"
)
def test_weibull_is_most_likely(handed_in, require_most_likely, rng):
    """fit_weibull finds the shape and scale under which the values are most likely"""
    for shape in (rng.uniform(0.4, 0.9), rng.uniform(1.2, 2), rng.uniform(3, 6)):
        values = rng.uniform(0.1, 50) * rng.weibull(shape, size=int(rng.integers(20, 200)))
        require_most_likely(handed_in.fit_weibull(values), values)
