"""Public checks: learners may run and read them."""

import numpy as np

from harness.grading import assert_close, check, expect_number, kind_of, wrong
from harness.metrics.fairness import newcombe_interval

# ---- what is counted -------------------------------------------------------------------------


@check(points=3, hint="the true-positive rate is a mean over the group's positives, not over the group")
def test_rates_of_each_group(handed_in, rng):
    """group_rates gives selection, true-positive and false-positive rate of each group"""
    groups, targets = rng.choice([0, 1, 2], size=400, p=[0.5, 0.3, 0.2]), rng.integers(2, size=400)
    decisions = (rng.random(400) < 0.2 + 0.5 * targets).astype(np.int64)
    answer = handed_in.group_rates(decisions, targets, groups)
    if not isinstance(answer, dict) or sorted(answer, key=str) != [0, 1, 2]:
        wrong(f"group_rates: expected a dict by group, got {kind_of(answer)}.", reason="wrong-type")
    for group in range(3):
        mine = groups == group
        truth = [
            (decisions & mine).sum() / mine.sum(),
            (decisions & mine & targets).sum() / (mine & (targets == 1)).sum(),
            (decisions & mine & (1 - targets)).sum() / (mine & (targets == 0)).sum(),
        ]
        assert_close(answer[group], truth, what=f"group_rates(…)[{group}]")


@check(
    points=3,
    hint="each end of the difference takes the lower end of one share and the upper end of the other",
)
def test_interval_of_a_difference(handed_in, rng):
    """difference_interval is Newcombe's, from Wilson's interval of each share"""
    for _ in range(4):
        of_a, of_b = (int(size) for size in rng.integers(20, 300, size=2))
        a, b = int(rng.integers(3, of_a - 3)), int(rng.integers(3, of_b - 3))
        truth = newcombe_interval((a, of_a), (b, of_b), confidence=0.9500042097)  # where z is 1.96
        answer = handed_in.difference_interval(a, of_a, b, of_b)
        what = f"difference_interval({a}, {of_a}, {b}, {of_b})"
        assert_close(answer, [truth.low, truth.high], rtol=1e-6, atol=1e-6, what=what)


@check(points=3, hint="draw the groups' counts many times with one rate for all, and average the gap")
def test_floor_is_what_chance_makes(handed_in, chance, rng):
    """floor_gap is the mean gap of a fair classifier on groups of one size"""
    for groups, size in ((2, int(rng.integers(40, 200))), (5, int(rng.integers(40, 200)))):
        rate = float(rng.uniform(0.2, 0.8))
        answer = expect_number(handed_in.floor_gap(np.full(groups, size), rate), what="floor_gap")
        assert_close(answer, chance([size] * groups, rate), rtol=0.05, atol=0, what="floor_gap(sizes, rate)")


# ---- the audit -------------------------------------------------------------------------------


@check(
    points=3,
    needs=("interval_of_a_difference", "floor_is_what_chance_makes"),
    hint="the two groups that are furthest apart give gap and interval, all together the rate of the floor",
)
def test_audit_reads_a_gap(handed_in, chance, read_audit, rng):
    """audit gives the largest gap, its interval, the floor, and what is left above it"""
    groups = rng.choice([4, 9, 11, 30], size=1500, p=[0.4, 0.3, 0.2, 0.1])
    share = dict(zip([4, 9, 11, 30], rng.permutation([0.35, 0.45, 0.5, 0.65]), strict=True))
    flags = (rng.random(1500) < np.vectorize(share.get)(groups)).astype(np.int64)
    found = read_audit(handed_in.audit(flags, groups), "audit(flags, groups)")
    names, sizes = np.unique(groups, return_counts=True)
    counts = np.array([flags[groups == name].sum() for name in names])
    high, low = int(np.argmax(counts / sizes)), int(np.argmin(counts / sizes))
    gap = counts[high] / sizes[high] - counts[low] / sizes[low]
    ends = newcombe_interval((counts[high], sizes[high]), (counts[low], sizes[low]), confidence=0.9500042097)
    floor = chance(sizes, float(flags.mean()))
    assert_close(
        [found.gap, found.low, found.high], [gap, ends.low, ends.high], what="gap and interval of audit"
    )
    assert_close(found.floor, floor, rtol=0.05, atol=0, what="floor of audit")
    assert_close(found.excess, gap - found.floor, what="excess of audit")


@check(points=3, hint="compare within each stratum, then weigh by the share of everybody who is in it")
def test_standardised_gap_compares_like_with_like(handed_in, rng):
    """standardised_gap compares groups within strata, weighted as all people are spread"""
    strata = rng.choice([1, 5, 8], size=900, p=[0.5, 0.3, 0.2])
    groups = (rng.random(900) < np.where(strata == 1, 0.2, 0.7)).astype(np.int64)
    decisions = (rng.random(900) < np.where(strata == 1, 0.6, 0.2) + 0.1 * groups).astype(np.int64)
    truth = 0.0
    for person in np.unique(strata):
        one, other = (
            decisions[(strata == person) & (groups == 1)],
            decisions[(strata == person) & (groups == 0)],
        )
        truth += np.count_nonzero(strata == person) / 900 * (one.sum() / len(one) - other.sum() / len(other))
    answer = expect_number(handed_in.standardised_gap(decisions, groups, strata), what="standardised_gap")
    assert_close(answer, truth, what="standardised_gap(decisions, groups, strata)")


# ---- the mitigation --------------------------------------------------------------------------


@check(points=2, hint="a threshold for each group needs nobody else's score, and no dice")
def test_each_person_is_judged_alone(mitigated, decide, rng):
    """decide gives 0 or 1, and to each person the same alone as among others"""
    for one in mitigated[:2]:
        some = rng.permutation(len(one.scores))[:200]
        again = decide(one.rule, one.scores[some], one.groups[some])
        single = [decide(one.rule, one.scores[[person]], one.groups[[person]])[0] for person in some[:15]]
        if (again != one.decisions[some]).any() or (np.array(single) != again[:15]).any():
            wrong("decide: a person's decision depends on who else is asked about.")
        if len(set(again.tolist())) < 2:
            wrong("decide: everybody is decided alike.")
