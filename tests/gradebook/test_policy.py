"""Policies: what counts follows from what is stored, and changing one grades nothing again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SpecError
from harness.gradebook import deciding, roster
from harness.gradebook.policy import Decision, Graded, Policy, Rules, days_late, standings
from harness.gradebook.standing import rows
from harness.interchange.records import Person
from tests.gradebook.conftest import result

DUE = "2026-03-01T12:00:00+00:00"


def graded(earned=10.0, *, exercise="e", at="2026-03-01T10:00:00+00:00", outcome="passed", **fields):
    return Graded(
        exercise=exercise,
        outcome=outcome,
        earned=earned,
        possible=10.0,
        pass_mark=0.6,
        handed_in=at,
        order=at,
        **fields,
    )


def points(attempts, policy=None, extensions=None, decisions=(), rubric=None):
    by_name = {}
    for one in attempts:
        by_name.setdefault(one.exercise, []).append(one)
    rules = Rules(general=policy or Policy(), rubric=rubric or {})
    return {one.exercise: one for one in standings(by_name, rules, extensions or {}, decisions)}


@pytest.mark.parametrize(
    ("handed_in", "days"),
    [
        pytest.param("2026-03-01T12:00:00+00:00", 0, id="to-the-second"),
        pytest.param("2026-03-01T12:00:01+00:00", 1, id="a-second-late-is-a-day"),
        pytest.param("2026-03-02T12:00:00+00:00", 1, id="a-whole-day"),
        pytest.param("2026-03-02T12:00:01+00:00", 2, id="a-second-more"),
        pytest.param("2026-03-01T13:30:00+02:00", 0, id="another-time-zone"),
        pytest.param("", 0, id="time-not-known"),
    ],
)
def test_days_late_known_answers(handed_in, days):
    assert days_late(handed_in, DUE) == days


LATE = {"at": "2026-03-03T12:00:00+00:00"}
"""Two days."""


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        pytest.param(Policy(due=DUE), 10, id="no-penalty"),
        pytest.param(Policy(due=DUE, late_penalty=0.1), 8, id="a-share-a-day"),
        pytest.param(Policy(due=DUE, late_penalty=0.9), 0, id="never-below-nothing"),
        pytest.param(Policy(due=DUE, late_days=1), 0, id="too-late"),
        pytest.param(Policy(due=DUE, late_days=2), 10, id="just-in-time"),
        pytest.param(Policy(due=DUE, late_penalty=0.1, grace_days=1), 9, id="grace-for-one-day"),
        pytest.param(Policy(due=DUE, late_penalty=0.1, grace_days=9), 10, id="grace-to-spare"),
    ],
)
def test_late_work_known_answers(policy, want):
    assert points([graded(**LATE)], policy)["e"].points == pytest.approx(want)


def test_grace_days_are_spent_once():
    both = [graded(exercise="a", **LATE), graded(exercise="b", **LATE)]
    found = points(both, Policy(due=DUE, late_penalty=0.1, grace_days=3))
    assert [found[name].points for name in "ab"] == [pytest.approx(10), pytest.approx(9)]


def test_an_extension_moves_the_due_date_of_one_learner():
    policy = Policy(due=DUE, late_penalty=0.1)
    assert points([graded(**LATE)], policy, {"e": "2026-03-02T12:00:00+00:00"})["e"].points == pytest.approx(
        9
    )
    assert points([graded(**LATE)], policy, {"*": "2026-04-01T12:00:00+00:00"})["e"].points == pytest.approx(
        10
    )


TRIES = [
    graded(5, at="2026-03-01T08:00:00+00:00", outcome="failed"),
    graded(9, at="2026-03-01T09:00:00+00:00"),
    graded(7, at="2026-03-05T10:00:00+00:00"),
]


@pytest.mark.parametrize(("which", "want"), [("first", 5), ("best", 9), ("last", 7)])
def test_which_attempt_counts(which, want):
    found = points(TRIES, Policy(attempts=which))["e"]
    assert (found.points, found.attempts) == (want, 3)


def test_the_best_attempt_is_the_best_after_its_penalty():
    late_and_better = [graded(8), graded(10, at="2026-03-05T10:00:00+00:00")]
    assert points(late_and_better, Policy(due=DUE, late_penalty=0.1, attempts="best"))["e"].points == 8


@pytest.mark.parametrize(
    ("decisions", "want", "outcome"),
    [
        pytest.param([("set", 3)], 3, "failed", id="set"),
        pytest.param([("add", 1.5)], 9.5, "passed", id="add"),
        pytest.param([("set", 3), ("add", 4)], 7, "passed", id="set-and-add"),
        pytest.param([("set", 3), ("set", 6)], 6, "passed", id="the-newest-set"),
        pytest.param([("set", 3), ("clear", None)], 8, "passed", id="cleared"),
        pytest.param([("add", -99)], 0, "passed", id="never-below-nothing"),
        pytest.param([("excuse", None)], None, "excused", id="excused"),
        pytest.param([("excuse", None), ("set", 2)], 2, "failed", id="set-after-all"),
    ],
)
def test_what_persons_decide_known_answers(decisions, want, outcome):
    made = [Decision(exercise="e", kind=kind, points=value) for kind, value in decisions]
    found = points([graded(8)], decisions=made)["e"]
    assert (found.points, found.outcome, found.raw) == (want, outcome, 8)


def test_a_person_can_settle_what_a_fault_of_ours_left_ungraded():
    one = graded(0, outcome="ungraded")
    assert points([one])["e"].points is None
    found = points([one], decisions=[Decision(exercise="e", kind="set", points=7)])["e"]
    assert (found.points, found.outcome) == (7, "passed")


def test_rubric_points_are_added_and_open_items_are_said():
    scores = [Decision(exercise="e", kind="rubric", item="style", points=2)]
    found = points([graded(8)], decisions=scores, rubric={"e": {"style": 3, "essay": 5}})["e"]
    assert (found.points, found.possible) == (10, 13)
    assert "essay" in found.notes[0]


def test_without_marks_of_a_person_the_machines_score_stands():
    found = points([graded(8)], rubric={"e": {"style": 3}})["e"]
    assert (found.points, found.possible, found.outcome) == (8, 10, "passed")
    assert "not yet scored by a person: style" in found.notes[0]


def test_the_lowest_are_dropped_but_never_all():
    three = [graded(value, exercise=name) for name, value in (("a", 9), ("b", 2), ("c", 5))]

    def dropped(count):
        return {name for name, one in points(three, Policy(drop_lowest=count)).items() if one.dropped}

    assert [dropped(0), dropped(1), dropped(2), dropped(9)] == [set(), {"b"}, {"b", "c"}, {"b", "c"}]


@given(st.floats(0, 100), st.floats(0, 1), st.integers(0, 5), st.integers(0, 40))
def test_no_policy_takes_more_than_there_is_or_gives_any(earned, penalty, grace, day):
    at = f"2026-03-{1 + day % 28:02}T10:00:00+00:00"
    one = Graded(exercise="e", outcome="passed", earned=earned, possible=100, handed_in=at, order=at)
    found = points([one], Policy(due=DUE, late_penalty=penalty, grace_days=grace))["e"]
    assert 0 <= found.points <= earned
    assert found.points + found.penalty == pytest.approx(earned)


def test_a_policy_in_the_database_changes_points_and_no_result(book, hand_in):
    hand_in("ada", result(4), handed_in=LATE["at"])
    standing = lambda: [(row.points, row.days_late, row.raw) for row in rows(session)]
    with book.reading() as session:
        assert standing() == [(4, 0, 4)]
    book.write(lambda s: deciding.set_policy(s, "*", "me", due=DUE, late_penalty=0.25))
    with book.reading() as session:
        assert standing() == [(2, 2, 4)]
    book.write(lambda s: deciding.extend(s, 1, "stage/small", "2026-03-02T12:00Z", author="me", reason="ill"))
    with book.reading() as session:
        assert standing() == [(3, 1, 4)]
    book.write(lambda s: deciding.set_policy(s, "stage/small", "me", late_penalty=0.0))
    with book.reading() as session:
        assert standing() == [(4, 1, 4)]


@pytest.mark.parametrize("settings", [{"due": "tomorrow"}, {"grace_days": 2}])
def test_a_policy_that_makes_no_sense_is_refused(book, settings):
    with pytest.raises(SpecError):
        book.write(lambda s: deciding.set_policy(s, "stage/small", "me", **settings))


def test_merged_learners_count_as_one_and_nothing_is_lost(book, hand_in):
    hand_in("ada", result(1), files="f1", handed_in="2026-01-01T00:00:00+00:00")
    hand_in("ada@x.org", result(4), files="f2", handed_in="2026-01-02T00:00:00+00:00")
    book.write(lambda s: roster.merge(s, "ada@x.org", "ada"))
    with book.reading() as session:
        assert [(row.learner, row.points, row.attempts) for row in rows(session)] == [("ada", 4, 2)]
        assert roster.find(session, Person(key="ada@x.org")) == roster.find(session, Person(key="ada"))


def test_a_learner_is_known_by_any_of_their_names(book):
    book.write(lambda s: roster.enrol(s, Person(key="ada", email="Ada@x.org", ids={"canvas": "17"})))
    same = [Person(key="17", ids={"canvas": "17"}), Person(key="zz", email="ada@X.org"), Person(key="ada")]
    new = [Person(key="9", ids={"canvas": "18"}), Person(key="9", ids={"moodle": "17"})]
    with book.reading() as session:
        assert [match.learner for match in roster.matches(session, same + new)] == ["ada"] * 3 + [None] * 2


def test_two_people_of_one_name_are_two_learners(book):
    people = [Person(key="doejane", ids={"canvas": number}) for number in ("1", "2", "1")]
    first, second, again = book.write(lambda s: [roster.enrol(s, one) for one in people])
    assert first == again != second
    moodle = [Person(key="Jane Roe", ids={"moodle": number}) for number in ("1", "2")]
    first, second = book.write(lambda s: [roster.enrol(s, one) for one in moodle])
    assert first == second, "Moodle numbers a person anew in each assignment"


def test_files_handed_in_again_count_as_the_newest(book, hand_in):
    from harness.gradebook import ledger

    hand_in("ada", result(1), files="f1")
    hand_in("ada", result(4), files="f2")
    import time

    time.sleep(1.1)  # times are kept to the second
    book.write(lambda s: ledger.attempt_of(s, 1, "stage/small", "f1"))
    with book.reading() as session:
        assert [row.points for row in rows(session)] == [1]


def test_missing_work_is_shown_when_asked_for(book, hand_in):
    hand_in("ada")
    book.write(lambda s: roster.enrol(s, Person(key="bob")))
    with book.reading() as session:
        assert [row.learner for row in rows(session)] == ["ada"]
        assert [(row.learner, row.outcome, row.possible) for row in rows(session, missing=True)][1:] == [
            ("bob", "missing", 4)
        ]
