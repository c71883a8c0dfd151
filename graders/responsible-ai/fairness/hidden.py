"""Hidden checks: learners see their titles, outcomes and hints."""

import numpy as np

from harness.grading import (
    LearnerFailure,
    Measurement,
    assert_close,
    check,
    expect_array,
    expect_number,
    kind_of,
    metric,
    wrong,
)
from harness.metrics.fairness import newcombe_interval

# ---- what is counted -------------------------------------------------------------------------


@check(points=2, needs="rates_of_each_group", hint="a mean over nobody is not 0: say None")
def test_a_rate_over_nobody_is_none(handed_in, rng):
    """Where a group has no positives, or no negatives, that rate is None, and groups have any numbers"""
    groups = np.repeat([70, -3, 12], 20)
    targets = np.concatenate([np.ones(20), np.zeros(20), rng.permutation(np.arange(20) % 2)]).astype(np.int64)
    decisions = np.tile([1, 0, 0, 1], 15)
    answer = handed_in.group_rates(decisions, targets, groups)
    if not isinstance(answer, dict) or set(answer) != {70, -3, 12}:
        wrong(f"group_rates: expected a dict by group, got {kind_of(answer)}.", reason="wrong-type")
    for group, place in ((70, 2), (-3, 1)):
        rates = answer[group]
        if not isinstance(rates, (tuple, list)) or len(rates) != 3 or rates[place] is not None:
            wrong("group_rates: a rate over nobody has to be None.")
        assert_close([rates[0], rates[3 - place]], [0.5, 0.5], what="the other rates of such a group")
    mixed = expect_array(answer[12], shape=(3,), what="the rates of a mixed group")
    assert_close(mixed[0], 0.5, what="the selection rate of a mixed group")


@check(
    points=2, needs="interval_of_a_difference", hint="with 0 of 40 the share is 0, and its interval is not"
)
def test_interval_holds_at_the_ends(handed_in, rng):
    """Shares of 0 and 1 have intervals too, and swapping the groups turns the interval over"""
    of_a, of_b = (int(size) for size in rng.integers(30, 90, size=2))
    some = int(rng.integers(5, of_b - 5))
    for a, b in ((0, some), (of_a, some), (0, 0), (of_a, of_b), (0, of_b)):
        truth = newcombe_interval((a, of_a), (b, of_b), confidence=0.9500042097)
        answer = handed_in.difference_interval(a, of_a, b, of_b)
        assert_close(
            answer, [truth.low, truth.high], rtol=1e-6, atol=1e-6, what="difference_interval at an end"
        )
        swapped = handed_in.difference_interval(b, of_b, a, of_a)
        turned = [-truth.high, -truth.low]
        assert_close(swapped, turned, rtol=1e-6, atol=1e-6, what="difference_interval, swapped")


@check(points=2, needs="floor_is_what_chance_makes", hint="each group has its own number of members")
def test_floor_knows_small_groups(handed_in, chance, rng):
    """One small group among large ones decides the floor, near the ends of the rate, too"""
    for rate in (float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.4, 0.6))):
        sizes = np.array([2000, int(rng.integers(30, 60)), 900])
        answer = expect_number(handed_in.floor_gap(sizes, rate), what="floor_gap")
        assert_close(answer, chance(sizes, rate), rtol=0.05, atol=0, what="floor_gap of unequal groups")
    for rate in (0.0, 1.0):
        answer = expect_number(handed_in.floor_gap(np.array([50, 70]), rate), what="floor_gap")
        assert_close(answer, 0.0, what="floor_gap where all or none are selected")


# ---- the audit -------------------------------------------------------------------------------


@check(
    points=2, needs="audit_reads_a_gap", hint="below the floor the excess is 0, and tiny groups are refused"
)
def test_audit_takes_chance_for_chance(handed_in, read_audit, rng):
    """Where groups differ by chance alone little is left of the gap, and tiny groups raise ValueError"""
    excess = []
    for _ in range(30):
        groups = np.repeat([1, 2, 3], [400, 60, 120])
        flags = (rng.random(580) < 0.3).astype(np.int64)
        excess.append(read_audit(handed_in.audit(flags, groups), "audit").excess)
    if min(excess) < 0:
        wrong("audit: an excess is below 0.")
    if not 0 < np.mean(excess) < 0.055:  # 0.022 ± 0.006; the gap itself is 0.08 on average
        wrong("audit: on groups that differ by chance alone the excess is off.")
    groups = np.repeat([1, 2], [400, 29])
    try:
        handed_in.audit((rng.random(429) < 0.5).astype(np.int64), groups)
    except LearnerFailure as failure:
        if failure.reason == "exception" and "ValueError" in str(failure):
            return
        raise
    wrong("audit: a group of 29 was not refused.")


@check(points=2, needs="audit_reads_a_gap", hint="one audit among the positives, one among the negatives")
def test_equalised_odds_takes_the_worse(handed_in, read_audit, rng):
    """equalised_odds audits both kinds of error, and its excess is the worse of both"""
    for worse in ("true_positive", "false_positive"):
        groups, targets = rng.integers(2, size=3000), rng.integers(2, size=3000)
        moved = targets == (1 if worse == "true_positive" else 0)
        share = np.where(targets == 1, 0.6, 0.3) + np.where(moved & (groups == 1), 0.25, 0.0)
        decisions = (rng.random(3000) < share).astype(np.int64)
        answer = handed_in.equalised_odds(decisions, targets, groups)
        if not isinstance(answer, dict) or set(answer) != {"true_positive", "false_positive", "excess"}:
            wrong(f"equalised_odds: expected a dict of three, got {kind_of(answer)}.", reason="wrong-type")
        found = {name: read_audit(answer[name], name) for name in ("true_positive", "false_positive")}
        for value, name in ((1, "true_positive"), (0, "false_positive")):
            rates = [decisions[(targets == value) & (groups == group)].mean() for group in (0, 1)]
            assert_close(found[name].gap, abs(rates[1] - rates[0]), what=f"the gap of {name}")
        assert_close(answer["excess"], found[worse].excess, what="excess of equalised_odds")


@check(
    points=2,
    needs="standardised_gap_compares_like_with_like",
    hint="a stratum that only one group chose compares with nobody: raise ValueError",
)
def test_strata_may_turn_a_gap_over(handed_in, rng):
    """A gap may turn over once strata are compared, and a stratum of one group alone raises ValueError"""
    easy, hard = int(rng.integers(150, 250)), int(rng.integers(150, 250))
    strata = np.repeat([0, 1], [4 * easy, 4 * hard])
    groups = np.concatenate([np.repeat([0, 1], [3 * easy, easy]), np.repeat([0, 1], [hard, 3 * hard])])
    accepted = {(0, 0): 0.7, (0, 1): 0.8, (1, 0): 0.2, (1, 1): 0.3}
    decisions = np.zeros(len(groups), dtype=np.int64)
    for (stratum, group), share in accepted.items():
        members = np.flatnonzero((strata == stratum) & (groups == group))
        decisions[members[: round(share * len(members))]] = 1
    raw = decisions[groups == 1].mean() - decisions[groups == 0].mean()
    answer = expect_number(handed_in.standardised_gap(decisions, groups, strata), what="standardised_gap")
    if not raw < -0.05 < 0.09 < answer < 0.11:
        wrong(
            "standardised_gap: within each stratum group 1 is ahead by a tenth, and so it has to be in all."
        )
    strata[:10], groups[:10] = 2, 0
    try:
        handed_in.standardised_gap(decisions, groups, strata)
    except LearnerFailure as failure:
        if failure.reason == "exception" and "ValueError" in str(failure):
            return
        raise
    wrong("standardised_gap: a stratum of one group alone was not refused.")


# ---- the mitigation --------------------------------------------------------------------------


@check(
    points=2,
    needs="each_person_is_judged_alone",
    hint="equal rates by refusing the best of a group help nobody: move thresholds",
)
def test_a_higher_score_never_hurts(mitigated):
    """Within a group nobody is refused whose score is above that of somebody selected"""
    for one in mitigated:
        for name in one.where.names:
            mine = one.groups == name
            selected, refused = (
                one.scores[mine & (one.decisions == 1)],
                one.scores[mine & (one.decisions == 0)],
            )
            if len(selected) and len(refused) and refused.max() > selected.min():
                wrong("decide: somebody is refused who scores above somebody selected in the same group.")


@metric(
    points=8,
    better="lower",
    unit="points: accuracy given up, plus the gap in true-positive rates above its floor",
    needs="a_higher_score_never_hurts",
    hint="of all rates that every group can have alike, take the one with the best accuracy",
)
def test_gap_is_closed_at_little_cost(mitigated, show):
    """On people nobody has seen, equals have equal chances, and few decisions got worse for it"""
    for number, one in enumerate(mitigated, 1):
        told = ", ".join(
            f"{rate:.1%} of {size:.0%}" for rate, size in zip(one.rates, one.where.shares, strict=True)
        )
        text = f"true-positive rates, by share of the group: {told}\naccuracy {one.accuracy:.1%}"
        show.text(f"Population {number}", f"{text}, at best {one.where.best_accuracy:.1%}")
    costs = [one.cost for one in mitigated]
    spread = 2 * float(np.std(costs, ddof=1)) / len(costs) ** 0.5
    mean = float(np.mean(costs))
    return Measurement(
        value=mean,
        low=mean - spread,
        high=mean + spread,
        interval="two standard errors over populations",
        n=len(costs),
        notes=tuple(f"population {number}: {cost:.1f}" for number, cost in enumerate(costs, 1)),
    )
