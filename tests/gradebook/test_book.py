"""The database: migrated once, locked and lost for a moment, never overwritten."""

import multiprocessing
import sqlite3
import threading
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from harness.errors import GradebookError, SpecError
from harness.gradebook import Gradebook, deciding, ledger, roster
from harness.gradebook.book import HEAD, full_url
from harness.gradebook.models import Adjustment, Base, Claim, StoredResult
from harness.gradebook.standing import history, results, rows
from harness.interchange.records import Person
from tests.gradebook.conftest import result, ungraded


def test_migrations_make_exactly_the_tables_that_the_models_describe(book):
    with book.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_gradebook_of_a_newer_roadmark_is_refused(book, url):
    with book.engine.begin() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    with pytest.raises(GradebookError, match="newer Roadmark"):
        Gradebook(url)


def _open(url):
    Gradebook(url).close()


def test_several_processes_may_make_the_same_gradebook_at_once(url):
    context = multiprocessing.get_context("spawn")
    openers = [context.Process(target=_open, args=(url,)) for _ in range(3)]
    for one in openers:
        one.start()
    for one in openers:
        one.join(60)
    assert [one.exitcode for one in openers] == [0, 0, 0]
    with Gradebook(url) as book, book.reading() as session:
        assert session.scalar(sa.text("select version_num from alembic_version")) == HEAD


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("grades.db", "sqlite:///grades.db"),
        ("/data/grades.db", "sqlite:////data/grades.db"),
        ("postgresql://a@h/b", "postgresql+psycopg://a@h/b"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_a_path_is_a_sqlite_file(text, url):
    assert full_url(text) == url


@pytest.mark.parametrize("url", ["nonsense://x", "/no/such/folder/grades.db"])
def test_what_cannot_be_opened_is_said_with_what_to_do(url):
    with pytest.raises(GradebookError) as caught:
        Gradebook(url, patience=0.1)
    assert caught.value.hint


def test_a_transaction_is_kept_whole_or_not_at_all(book):
    def half(session):
        roster.enrol(session, Person(key="ada"))
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        book.write(half)
    with book.reading() as session:
        assert roster.find(session, Person(key="ada")) is None


@pytest.mark.parametrize("table", ["adjustments", "extensions", "policies"])
@pytest.mark.parametrize("deed", ["update {} set author = 'x'", "delete from {}"])
def test_the_audit_trail_cannot_be_changed(book, table, deed):
    def work(session):
        one = roster.enrol(session, Person(key="ada"))
        deciding.decide(session, one, "stage/small", "set", points=1, author="me", reason="why")
        deciding.extend(session, one, "stage/small", "2026-03-01", author="me", reason="ill")
        deciding.set_policy(session, "*", "me", late_penalty=0.1)

    book.write(work)
    with pytest.raises(sa.exc.DBAPIError, match="audit trail"), book.engine.begin() as connection:
        connection.execute(sa.text(deed.format(table)))


@pytest.mark.parametrize(("author", "reason"), [("", "why"), ("me", " ")])
def test_an_adjustment_needs_an_author_and_a_reason(book, author, reason):
    with pytest.raises(SpecError, match="author and a reason"):
        book.write(lambda s: deciding.decide(s, 1, "e", "set", points=1, author=author, reason=reason))


def test_a_result_is_written_once_however_often_it_is_kept(book, hand_in):
    for _ in range(3):
        hand_in("ada", result(4))
    with book.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(StoredResult)) == 1
        assert [(learner, one) for learner, one in results(session)] == [("ada", result(4))]


def test_a_fault_of_ours_gives_way_to_a_verdict_and_stays_in_the_history(book, hand_in):
    hand_in("ada", ungraded())
    with book.reading() as session:
        assert [(row.outcome, row.points, row.possible) for row in rows(session)] == [("ungraded", None, 4)]
    hand_in("ada", result(4))
    with book.reading() as session:
        assert [(row.outcome, row.points) for row in rows(session)] == [("passed", 4)]
        told = [event.text for event in history(session, roster.learner_named(session, "ada"))]
    assert [text.split(",")[0] for text in told] == ["ungraded", "passed"]


def test_a_claim_keeps_others_away_until_its_owner_is_gone_or_its_time_is_up(book, hand_in):
    attempt = hand_in("ada")

    def claim(owner, *, alive=True, seconds=100):
        return book.write(
            lambda s: ledger.claim(s, attempt, "k", owner, seconds=seconds, alive=lambda _: alive)
        )

    assert claim("one")
    assert not claim("two")
    assert claim("two", alive=False)
    assert claim("two", seconds=-1)
    assert claim("three")
    book.write(lambda s: ledger.release(s, attempt, "k"))
    assert claim("four")


def test_what_came_together_is_written_together_and_once(book, hand_in):
    """A fault keeps its turn, a verdict that is there stays, a group is written for each, claims end."""
    ada, bob, cyd = (
        hand_in("ada", result(1)),
        hand_in("bob", ungraded()),
        hand_in("cyd", ungraded(), key="other"),
    )
    at = "2026-01-02T00:00:00+00:00"
    entry = lambda points: ledger.Entry(key="k", graded_at=at, result=result(points))
    rows_ = [([ada], entry(4)), ([bob, cyd], entry(2)), ([bob], entry(2))]
    claimed = lambda s: ledger.claim_all(s, [(bob, "k"), (cyd, "k")], "me", seconds=100, alive=lambda _: True)
    assert book.write(claimed) == {(bob, "k"), (cyd, "k")}
    book.write(lambda s: ledger.keep_all(s, rows_))
    book.write(lambda s: ledger.keep_all(s, rows_))
    with book.reading() as session:
        stored = session.execute(
            sa.select(StoredResult.attempt_id, StoredResult.key, StoredResult.turn, StoredResult.earned)
        ).all()
        assert sorted(map(tuple, stored)) == [
            (ada, "k", 0, 1.0),
            (bob, "k", 0, 0.0),
            (bob, "k", 1, 2.0),
            (cyd, "k", 0, 2.0),
            (cyd, "other", 0, 0.0),
        ]
        assert ledger.states(session, [(ada, "k"), (bob, "k"), (cyd, "other"), (99, "k")]) == {
            (ada, "k"): "graded",
            (bob, "k"): "graded",
            (cyd, "other"): "ungraded",
            (99, "k"): "new",
        }
        assert session.scalar(sa.select(sa.func.count()).select_from(Claim)) == 0


def test_claims_are_renewed_and_those_of_others_left_alone(book, hand_in):
    ada, bob = hand_in("ada"), hand_in("bob")
    claim = lambda owner, seconds: book.write(
        lambda s: ledger.claim_all(s, [(ada, "k"), (bob, "k")], owner, seconds=seconds, alive=lambda _: True)
    )
    book.write(lambda s: ledger.claim(s, bob, "k", "two", seconds=100, alive=lambda _: True))
    assert claim("one", -1) == {(ada, "k")}
    book.write(lambda s: ledger.renew(s, "one", 100))
    assert claim("three", 100) == set()
    assert claim("two", 100) == {(bob, "k")}


def test_two_writers_of_one_verdict_write_one(postgres, monkeypatch):
    """Both see that there is none; the second meets the unique key, and tries again."""
    url = postgres.new_url()
    with Gradebook(url) as one, Gradebook(url) as two:

        def prepare(session):
            learner = roster.enrol(session, Person(key="ada"))
            return ledger.attempt_of(session, learner, "stage/small", "f")

        attempt = one.write(prepare)
        entry = ledger.Entry(key="k", graded_at="2026-01-02T00:00:00+00:00", result=result(4))
        tries = []

        def meanwhile(*arguments):
            found = real(*arguments)
            if not tries:
                tries.append(1)
                one.write(lambda session: ledger.keep(session, [attempt], entry))
            return found

        real = ledger._stored
        monkeypatch.setattr(ledger, "_stored", meanwhile)
        two.write(lambda session: ledger.keep(session, [attempt], entry))
        assert tries
        with one.reading() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(StoredResult)) == 1


def test_proposals_count_only_when_they_are_applied(book, hand_in):
    attempt = hand_in("ada", result(2))
    entry = ledger.Entry(key="k", graded_at="2026-01-02T00:00:00+00:00", result=result(4))
    book.write(lambda s: ledger.keep(s, [attempt], entry, proposed=True))
    points = lambda: [row.points for row in rows(session)]
    with book.reading() as session:
        assert points() == [2]
        change = ledger.changes(session, [attempt])
        assert [(one.before, one.after) for one in change] == [(("failed", 2), ("passed", 4))]
    assert book.write(lambda s: ledger.apply_proposals(s, {attempt: "k"})) == 1
    assert book.write(lambda s: ledger.apply_proposals(s, {attempt: "k"})) == 0
    with book.reading() as session:
        assert points() == [4]
        assert len(list(results(session))) == 1


def test_a_locked_file_is_waited_for(tmp_path):
    file = tmp_path / "grades.db"
    with Gradebook(str(file)) as book:
        other = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.5, lambda: (other.execute("COMMIT"), other.close())).start()
        began = time.monotonic()
        book.write(lambda session: roster.enrol(session, Person(key="ada")))
        assert 0.3 < time.monotonic() - began < 5


def test_readers_see_one_moment_and_are_not_waited_for(book, hand_in):
    hand_in("ada")
    with book.reading() as session:
        found = rows(session)
        first = next(found)
        began = time.monotonic()
        hand_in("bob")
        assert time.monotonic() - began < 1
        assert first.learner == "ada"


def test_a_restarted_server_is_waited_for(postgres):
    with Gradebook(postgres.new_url()) as book:
        book.write(lambda session: roster.enrol(session, Person(key="ada")))
        postgres.stop()
        threading.Timer(0.5, postgres.start).start()
        book.write(lambda session: roster.enrol(session, Person(key="bob")))
        with book.reading() as session:
            assert roster.find(session, Person(key="ada"))
            assert roster.find(session, Person(key="bob"))


def test_a_connection_that_breaks_in_the_middle_of_a_transaction_repeats_it(postgres):
    with Gradebook(postgres.new_url()) as book:
        tries = []

        def work(session):
            roster.enrol(session, Person(key=f"try-{len(tries)}"))
            if not tries:
                tries.append(1)
                postgres.stop()
                postgres.start()
            session.execute(sa.select(Adjustment)).all()

        book.write(work)
        with book.reading() as session:
            assert roster.find(session, Person(key="try-0")) is None
            assert roster.find(session, Person(key="try-1"))
