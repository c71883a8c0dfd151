"""What to fix first, and the score in words."""

import dataclasses
import math

import pytest
from learner_samples import check, result

from harness.records import Outcome, Score
from reports.advice import advice, headline, progress
from reports.rows import rows

FAILED, CRASHED, SKIPPED, UNGRADED = Outcome.FAILED, Outcome.CRASHED, Outcome.SKIPPED, Outcome.UNGRADED


def given(*checks):
    shown = result(*checks)
    return advice(shown, rows(shown))


@pytest.mark.parametrize(
    ("checks", "want"),
    [
        pytest.param([check("a", FAILED, points=1), check("b", FAILED, points=3)], "b", id="most-points"),
        pytest.param(
            [check("a", FAILED, points=2), check("b", CRASHED, points=2)], "a", id="first-of-equals"
        ),
        pytest.param(
            [check("a", FAILED, points=4, earned=3), check("b", FAILED, points=2)],
            "b",
            id="what-is-lost-counts",
        ),
        pytest.param(
            [
                check("a", FAILED, points=3),
                check("b", FAILED, points=2),
                check("c", SKIPPED, points=2, needs=("b",)),
            ],
            "b",
            id="waiting-points-count",
        ),
        pytest.param(
            [check("a", FAILED, points=1), check("b", FAILED, points=9, needs=("a",))],
            "a",
            id="needs-come-first",
        ),
        pytest.param(
            [check("a", FAILED, points=9, needs=("gone",))], "a", id="rather-a-blocked-one-than-none"
        ),
        pytest.param(
            [check("a", UNGRADED, points=9), check("b", CRASHED, points=1)],
            "b",
            id="our-faults-are-not-theirs",
        ),
        pytest.param(
            [check("a", FAILED, points=math.nan), check("b", FAILED, points=1)], "b", id="nan-points"
        ),
        pytest.param([check("a", FAILED, points=0)], "a", id="worth-nothing-but-alone"),
    ],
)
def test_what_to_fix_first(checks, want):
    best = given(*checks)
    assert best.heading == "Fix this first"
    assert best.row.check.name == want


@pytest.mark.parametrize(
    ("checks", "heading", "name"),
    [
        pytest.param([check("a")], "Nothing to fix", None, id="all-passed"),
        pytest.param([], "Nothing was checked", None, id="no-checks"),
        pytest.param([check("a"), check("b", UNGRADED)], "Nothing for you to fix", None, id="only-our-fault"),
        pytest.param(
            [check("a"), check("b", SKIPPED)], "See why checks were skipped", "b", id="only-skipped"
        ),
        pytest.param(
            [check("a", earned=1.9), check("b", earned=1), check("c")],
            "Points still to gain",
            "b",
            id="partial-points",
        ),
    ],
)
def test_when_nothing_failed(checks, heading, name):
    best = given(*checks)
    assert best.heading == heading
    assert (best.row.check.name if best.row else None) == name


def test_the_reason_names_points_and_what_waits():
    best = given(
        check("a", FAILED, points=1),
        check("b", FAILED, points=3),
        check("c", SKIPPED, points=2, needs=("b",)),
    )
    assert best.why == (
        "Of the 2 checks that failed it has the most to gain: 3 points can be earned here, "
        "and 1 check with 2 points more waits for it."
    )
    assert (
        given(check("a", FAILED, points=1)).why
        == "It is the only check that failed, and 1 point can be earned here."
    )


@pytest.mark.parametrize(
    ("score", "words"),
    [
        pytest.param(
            (17, 20, True, 0), ("17 of 20 points", "passed", "The pass mark is 14 (70 %)."), id="passed"
        ),
        pytest.param(
            (11.5, 20, False, 0),
            ("11.5 of 20 points", "not passed yet", "The pass mark is 14 (70 %): 2.5 more to reach it."),
            id="not-passed",
        ),
        pytest.param(
            (13.999, 20, False, 0),
            ("13.99 of 20 points", "not passed yet", "The pass mark is 14 (70 %): 0.01 more to reach it."),
            id="a-hair-below",
        ),
        pytest.param(
            (12, 20, False, 3),
            ("12 of 20 points", "not decided yet", "The pass mark is 14 (70 %): 2 more to reach it."),
            id="within-reach",
        ),
        pytest.param(
            (2, 20, False, 3),
            ("2 of 20 points", "not passed yet", "The pass mark is 14 (70 %): 12 more to reach it."),
            id="out-of-reach",
        ),
        pytest.param(
            (16, 20, False, 2),
            ("16 of 20 points", "not decided yet", "The pass mark is 14 (70 %)."),
            id="enough-but-open",
        ),
        pytest.param(
            (1, 1, True, 0), ("1 of 1 point", "passed", "The pass mark is 0.7 (70 %)."), id="one-point"
        ),
    ],
)
def test_headline(score, words):
    earned, possible, passed, ungraded = score
    shown = dataclasses.replace(
        result(),
        score=Score(earned=earned, possible=possible, passed=passed, ungraded=ungraded),
        pass_mark=0.7,
    )
    told = headline(shown)
    assert (told.score, told.words, told.mark) == words


@pytest.mark.parametrize("possible", [0, math.nan, math.inf], ids=str)
def test_headline_without_points_to_earn(possible):
    shown = dataclasses.replace(result(), score=Score(earned=0, possible=possible, passed=False))
    assert headline(shown).mark == "There are no points to earn here, so there is no pass mark."


@pytest.mark.parametrize(
    ("earned", "want"),
    [
        pytest.param([1.0], "", id="first"),
        pytest.param([1.0, 2.0], "1 point more than last time.", id="more"),
        pytest.param([9.0, 2.0, 1.5], "0.5 points fewer than last time.", id="fewer"),
        pytest.param([2.0, 2.0], "As many points as last time.", id="same"),
        pytest.param([2.0, math.nan], "", id="nan"),
    ],
)
def test_progress(earned, want):
    assert progress([result(check(earned=e)) for e in earned]) == want


@pytest.mark.parametrize(
    ("reason", "name"),
    [("import", "Your code could not be imported"), ("invalid", "What you handed in could not be graded")],
)
def test_what_kept_every_check_from_asking_is_what_is_to_be_fixed(reason, name):
    told = given(*(check(one, CRASHED, reason=reason, message="it broke") for one in "abc"))
    assert (told.name, told.row.check.name) == (name, "a")
    assert told.why == "All 3 checks wait for it: no question can be asked before."
