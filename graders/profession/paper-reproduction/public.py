"""Public checks: learners may run and read them."""

import numpy as np

from harness.grading import assert_close, check, expect_number, wrong

FEWEST_WORDS = 40
FEWEST_DIFFERENT = 25

# ---- the model -------------------------------------------------------------------------------


@check(points=2, hint="scale beta to the length that snr gives; the noise keeps variance 1 whatever snr is")
def test_draw_follows_the_model(submission, paper, rng):
    """draw(n, p, snr, seed) gives y = x beta + noise of variance 1, and |beta|^2 = snr"""
    for p, snr in ((3, float(rng.uniform(3, 9))), (7, float(rng.uniform(0.1, 0.5)))):
        x, y, beta = paper.drawn(submission.draw(4000, p, snr, rng.seed()), 4000, p)
        assert_close((beta**2).sum(), snr, what="|beta|^2")
        noise = y - x @ beta
        if abs(noise.mean()) > 0.12 or abs((noise**2).mean() - 1) > 0.15:  # 7 and 6 standard deviations
            wrong("draw: y - x beta has to have mean 0 and variance 1.")


# ---- the estimators --------------------------------------------------------------------------


@check(points=2, hint="above p = n many vectors fit exactly; the pseudo-inverse gives the shortest")
def test_min_norm_is_least_squares(submission, paper, rng):
    """min_norm(x, y) is least squares below p = n, and interpolates with the shortest vector above"""
    for n, p in ((30, 9), (12, 40)):
        x, y = rng.normal(size=(n, p)), rng.normal(size=n)
        assert_close(submission.min_norm(x, y), paper.shortest(x, y), what=f"min_norm of {n} x {p}")


@check(points=2, hint="|y - x b|^2 is divided by n, the penalty is not")
def test_ridge_follows_its_definition(submission, paper, rng):
    """ridge(x, y, penalty) makes |y - x b|^2 / n + penalty |b|^2 least"""
    for n, p in ((30, 9), (12, 40)):
        x, y, penalty = rng.normal(size=(n, p)), rng.normal(size=n), float(rng.uniform(0.1, 2))
        assert_close(
            submission.ridge(x, y, penalty), paper.penalised(x, y, penalty), what=f"ridge of {n} x {p}"
        )


# ---- the theory ------------------------------------------------------------------------------


@check(points=2, hint="one formula below gamma = 1, another above: variance, and bias, too")
def test_ridgeless_limit(submission, paper, rng):
    """ridgeless_limit(gamma, snr) is the paper's limit on both sides of 1"""
    for gamma in (float(rng.uniform(0.1, 0.9)), float(rng.uniform(1.1, 8))):
        snr = float(rng.uniform(0.5, 6))
        limit = expect_number(submission.ridgeless_limit(gamma, snr), what="ridgeless_limit")
        assert_close(
            limit, paper.limit_of("ridgeless", snr, gamma), what=f"ridgeless_limit({gamma:.3g}, {snr:.3g})"
        )


# ---- the experiment --------------------------------------------------------------------------


@check(points=1, hint="two standard errors of the mean, from the deviation with n - 1")
def test_interval_is_two_standard_errors(submission, rng):
    """interval(values) is the mean, and two standard errors to each side"""
    values = rng.exponential(size=6) * 10 ** rng.uniform(-2, 2)
    mean, error = values.mean(), np.sqrt(((values - values.mean()) ** 2).sum() / 5 / 6)
    answer = submission.interval(values)
    assert_close(answer, [mean, mean - 2 * error, mean + 2 * error], what="interval(values)")


@check(points=2, hint="write all rows in the order of the README, with a line of names first")
def test_program_writes_the_table(results):
    """python reproduce.py writes results.csv: 30 rows of numbers in the README's order"""
    assert len(results) == 30


# ---- the report ------------------------------------------------------------------------------


@check(points=2, hint="the README names the sections, and what belongs into each")
def test_report_has_its_parts(paper, report, reported, claims):
    """report.md has both tables, and says what the paper claims, what was done, what it cannot show"""
    assert reported, claims
    sections = paper.sections_of(report)
    for name in paper.prose:
        words = sections.get(name)
        if words is None:
            wrong(f"report.md: there is no section '## {name.capitalize()}'.")
        if len(words) < FEWEST_WORDS or len(set(words)) < FEWEST_DIFFERENT:
            found = f"{len(words)} words, {len(set(words))} of them different"
            least = f"{FEWEST_WORDS} and {FEWEST_DIFFERENT} at least"
            wrong(f"report.md: the section '{name.capitalize()}' has {found}: expected {least}.")
