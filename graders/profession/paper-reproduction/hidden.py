"""Hidden checks: learners see their titles, outcomes and hints."""

import math

import numpy as np

from harness.grading import assert_close, check, expect_number, wrong

WIDEST = {0.2: 0.8, 0.5: 0.6, 0.8: 0.9, 0.9: 1.3, 1.1: 1.3, 1.25: 0.9, 1.5: 0.6, 2.0: 0.4, 3.0: 0.3, 5.0: 0.2}
"""How far a mean of 20 risks may be from its expectation, as a logarithm: 6 standard deviations or more."""

# ---- the model -------------------------------------------------------------------------------


@check(
    points=3,
    needs="draw_follows_the_model",
    hint="standard normal features and noise; a normal vector, scaled, points in every direction alike",
)
def test_draw_is_normal_and_isotropic(submission, paper, rng):
    """Features and noise are normal and uncorrelated, beta points anywhere, and the seed decides all of it"""
    draw = lambda n, p: paper.drawn(submission.draw(n, p, 1.0, rng.seed()), n, p)  # noqa: E731
    for x, y, beta in (draw(5000, 4), draw(5000, 4)):
        columns = np.column_stack([x, y - x @ beta])  # (5000, 5)
        if np.abs(columns.T @ columns / 5000 - np.eye(5)).max() > 0.15:  # 7 standard deviations
            wrong("draw: features and noise have to be uncorrelated, each of variance 1.")
        tails = (columns**4).mean(axis=0)
        if np.abs(tails - 3).max() > 0.9:  # 6.5 standard deviations, and tails a little heavy
            wrong("draw: features or noise are not normal.")
    wide = [draw(2, 900)[2] * 900**0.5 for _ in range(2)]
    for beta in wide:
        if abs(beta.mean()) > 0.25 or not 1.5 < (beta**4).mean() < 6:
            wrong("draw: beta prefers some directions.")
    if abs((wide[0] * wide[1]).mean()) > 0.3:
        wrong("draw: beta is the same for different seeds.")
    again = rng.seed()
    first, second = (paper.drawn(submission.draw(5, 3, 1.0, again), 5, 3) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_close(one, other, what="draw with the same seed")


# ---- the estimators --------------------------------------------------------------------------


@check(
    points=2,
    needs="min_norm_is_least_squares",
    hint="equal columns, or zeros, make x^T x singular: use what copes with any rank",
)
def test_min_norm_copes_with_any_rank(submission, paper, rng):
    """min_norm is shortest where columns or rows repeat, or are zero"""
    for n, p in ((30, 9), (12, 40)):
        x, y = rng.normal(size=(n, p)), rng.normal(size=n)
        x[:, -1], x[:, 1] = x[:, 0], 0  # nothing is known of a column of zeros: its place in b is 0
        x[-1], y[-1], x[1] = x[0], y[0], 0
        answer = submission.min_norm(x, y)
        assert_close(answer, paper.shortest(x, y), atol=1e-6, what="min_norm of a matrix without full rank")


# ---- the theory ------------------------------------------------------------------------------


@check(points=2, needs="ridgeless_limit", hint="what happens to both formulas as gamma goes to 1?")
def test_limit_is_infinite_at_the_threshold(submission):
    """At gamma = 1 the limit is infinite"""
    limit = submission.ridgeless_limit(1.0, 2.0)
    if not isinstance(limit, (float, np.ndarray)) or np.ravel(limit).tolist() != [math.inf]:
        wrong("ridgeless_limit(1, snr) has to be infinite.")


@check(points=2, hint="gamma m(-penalty), m being the Stieltjes transform of the Marchenko-Pastur law")
def test_ridge_limit(submission, paper, rng):
    """ridge_limit(gamma, snr) is the limit of the risk with the best penalty"""
    for gamma in (float(rng.uniform(0.1, 0.9)), 1.0, float(rng.uniform(1.1, 8))):
        snr = float(rng.uniform(0.5, 6))
        limit = expect_number(submission.ridge_limit(gamma, snr), what="ridge_limit")
        assert_close(limit, paper.limit_of("ridge", snr, gamma), what="ridge_limit(gamma, snr)")


# ---- the experiment --------------------------------------------------------------------------


@check(
    points=4,
    needs="program_writes_the_table",
    hint="each row: draws by the README's seeds, the estimator, |b - beta|^2, and its interval",
)
def test_rows_follow_from_the_draws(submission, paper, fresh, seed, rng):
    """Measured numbers are those of the data: drawn again and fitted by the grader, they come out the same"""
    for place in (int(rng.integers(4)), 4 + int(rng.integers(3)), 7 + int(rng.integers(3))):
        for snr in (4.0, 1.0):
            compare_rows(submission, paper, fresh, (seed, place, snr))


def compare_rows(submission, paper, table, asked):
    """Compare the rows of one ratio and one snr with what the submission's own draws give."""
    seed, place, snr = asked
    gamma = paper.gammas[place]
    risks = {"ridgeless": [], "ridge": []}
    for repeat in range(paper.repeats):
        p = round(gamma * paper.n)
        answer = submission.draw(paper.n, p, snr, 1000 * seed + 100 * place + repeat)
        x, y, beta = paper.drawn(answer, paper.n, p)
        risks["ridgeless"].append(((paper.shortest(x, y) - beta) ** 2).sum())
        risks["ridge"].append(((paper.penalised(x, y, gamma / snr) - beta) ** 2).sum())
    for estimator, values in risks.items():
        if (estimator, snr) not in paper.parts:
            continue
        entry = table[estimator, snr, gamma]
        error = 2 * np.std(values, ddof=1) / len(values) ** 0.5
        truth = [np.mean(values), np.mean(values) - error, np.mean(values) + error]
        answer = [entry.measured, entry.low, entry.high]
        assert_close(answer, truth, rtol=1e-4, atol=1e-5, what="a row of results.csv")
        assert_close(entry.limit, paper.limit_of(estimator, snr, gamma), what="the limit in results.csv")


@check(points=3, needs="rows_follow_from_the_draws", hint="compare each row with its limit")
def test_numbers_lie_in_their_bands(paper, fresh, show):
    """With a seed that nobody chose, every number lies where theory has it"""
    for estimator, snr in paper.parts:
        rows = [fresh[estimator, snr, gamma].measured for gamma in paper.gammas]
        title = f"Risk of {estimator} at snr {snr:g}, by gamma"
        show.curve(title, np.array(rows), x_label="place of gamma in the README's list", y_label="risk")
    for (estimator, snr, gamma), entry in fresh.items():
        truth = paper.expected_risk(estimator, snr, gamma)
        if not (entry.measured > 0 and abs(math.log(entry.measured / truth)) < WIDEST[gamma]):
            wrong("A number of results.csv is far from what the theory says for so many samples.")


@check(
    points=2,
    needs="program_writes_the_table",
    hint="the seed has to reach every draw",
)
def test_another_seed_gives_other_numbers(results, fresh):
    """python reproduce.py SEED draws anew: every measured number changes, and no limit does"""
    for key, entry in fresh.items():
        if entry.measured == results[key].measured:
            wrong("Two seeds gave the same measured number.")
        assert_close(entry.limit, results[key].limit, what="the limit of another seed")


# ---- the report ------------------------------------------------------------------------------


@check(
    points=4,
    needs="report_has_its_parts",
    hint="run the program once more and paste what it gives: no number typed by hand, none from another seed",
)
def test_report_regenerates(reported, results):
    """Every number of the report's table comes out again when the program is run"""
    for key, entry in reported.items():
        again = results[key]
        for told, found in zip(
            (entry.measured, entry.low, entry.high, entry.limit),
            (again.measured, again.low, again.high, again.limit),
            strict=True,
        ):
            assert_close(told, found, rtol=2e-3, atol=1e-6, what="a number of the report's table")


@check(
    points=3,
    needs="report_has_its_parts",
    hint="compute the values as the README defines them",
)
def test_claims_follow_from_the_numbers(paper, claims, results):
    """The value that the report gives for each claim follows from the measured numbers"""
    for claim, (value, _) in claims.items():
        assert_close(value, paper.value_of(claim, results), rtol=1e-2, atol=1e-4, what="the value of a claim")


@check(
    points=2,
    needs="claims_follow_from_the_numbers",
    hint="a reproduction that finds everything confirmed was not looking: compare each value with its bound",
)
def test_verdicts_follow_from_the_values(paper, claims):
    """Each verdict is what its value says, welcome or not"""
    for claim, (value, verdict) in claims.items():
        if verdict != paper.verdict_of(claim, value):
            wrong("A verdict does not follow from its value.")
