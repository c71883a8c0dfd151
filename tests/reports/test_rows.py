"""Skipped checks are folded under what they really wait for."""

import math

import pytest
from learner_samples import HIDDEN, check, everything, result

from harness.records import Outcome, Visibility
from reports.rows import groups, rows, tally, total


def folded(*checks):
    return {row.check.name: [c.name for c in row.waiting] for row in rows(result(*checks))}


def skipped(name, *needs, **more):
    return check(name, Outcome.SKIPPED, needs=needs, **more)


def broken(name, **more):
    return check(name, Outcome.CRASHED, reason="import", **more)


@pytest.mark.parametrize(
    ("checks", "want"),
    [
        pytest.param([check("a", Outcome.FAILED), skipped("b", "a")], {"a": ["b"]}, id="one"),
        pytest.param(
            [check("a", Outcome.FAILED), skipped("b", "a"), skipped("c", "b")],
            {"a": ["b", "c"]},
            id="chain-to-its-root",
        ),
        pytest.param([skipped("b", "a"), check("a", Outcome.CRASHED)], {"a": ["b"]}, id="cause-comes-later"),
        pytest.param(
            [check("a"), check("b", Outcome.FAILED), skipped("c", "a", "b")],
            {"a": [], "b": ["c"]},
            id="passed-need-is-no-cause",
        ),
        pytest.param(
            [check("a", Outcome.UNGRADED), skipped("b", "a")], {"a": ["b"]}, id="under-a-fault-of-ours"
        ),
        pytest.param([skipped("a", "gone")], {"a": []}, id="unknown-need"),
        pytest.param([skipped("a")], {"a": []}, id="no-need-named"),
        pytest.param([check("a"), skipped("b", "a")], {"a": [], "b": []}, id="need-passed"),
        pytest.param([skipped("a", "b"), skipped("b", "a")], {"a": [], "b": []}, id="circle"),
        pytest.param(
            [check("a", Outcome.FAILED, needs=("b",)), check("b", Outcome.FAILED)],
            {"a": [], "b": []},
            id="failed-stays",
        ),
        pytest.param([], {}, id="no-checks"),
        pytest.param(
            [broken("a"), broken("b"), skipped("c", "b"), check("d", Outcome.CRASHED)],
            {"a": ["b", "c"], "d": []},
            id="whole-submission-once",
        ),
        pytest.param(
            [broken("a", message="x"), broken("b", message="y")], {"a": ["b"]}, id="whole-in-two-wordings"
        ),
    ],
)
def test_folding(checks, want):
    assert folded(*checks) == want


def test_no_check_is_lost_or_shown_twice():
    shown = [c.name for row in rows(everything()) for c in (row.check, *row.waiting)]
    assert sorted(shown) == sorted(c.name for c in everything().checks)


def test_checks_of_one_name_are_all_shown():
    twice = [check("a", Outcome.FAILED), check("a", Outcome.FAILED), skipped("b", "a")]
    assert [len(row.waiting) for row in rows(result(*twice))] == [1, 0]


def test_anchors_differ_and_come_from_places():
    assert [row.anchor for row in rows(result(check("x y"), check('"')))] == ["check-1", "check-2"]


def test_groups_put_public_first_and_count_folded_checks():
    shown = result(
        check("a", visibility=HIDDEN),
        check("b", Outcome.FAILED),
        skipped("c", "b", visibility=HIDDEN, points=3),
    )
    public, hidden = groups(shown, rows(shown))
    assert (public.visibility, len(public.rows), public.earned, public.points) == (Visibility.PUBLIC, 1, 0, 2)
    assert (hidden.visibility, len(hidden.rows), hidden.earned, hidden.points) == (Visibility.HIDDEN, 1, 2, 5)


def test_groups_without_checks_are_left_out():
    shown = result(check("a"))
    assert [group.visibility for group in groups(shown, rows(shown))] == [Visibility.PUBLIC]


def test_headings_of_the_grader_come_first_with_public_and_hidden_checks_together():
    shown = result(
        check("a"),
        check("b", teaches="the loss"),
        check("c", teaches="training", points=3),
        check("d", visibility=HIDDEN, teaches="the loss"),
        check("e", visibility=HIDDEN),
    )
    assert [
        (one.heading, one.visibility, [row.check.name for row in one.rows], one.points)
        for one in groups(shown, rows(shown))
    ] == [
        ("The loss", None, ["b", "d"], 4),
        ("Training", None, ["c"], 3),
        ("Public checks", Visibility.PUBLIC, ["a"], 2),
        ("Hidden checks", Visibility.HIDDEN, ["e"], 2),
    ]


def test_tally_follows_the_order_of_outcomes():
    assert tally([skipped("a"), check("b"), skipped("c")]) == ((Outcome.PASSED, 1), (Outcome.SKIPPED, 2))


def test_total_of_infinities_is_not_a_number():
    assert math.isnan(total([math.inf, -math.inf]))
    assert total([0.1] * 10) == 1.0
