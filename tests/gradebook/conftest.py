"""Gradebooks in every database, and results to keep in them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.gradebook import Gradebook, ledger, roster
from harness.interchange.records import Person
from harness.records import CheckResult, Outcome, Provenance, Result, Score
from tests.postgres import Postgres, find_bin


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; in CI its absence is a failure, never a skip."""
    if find_bin() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("PostgreSQL is not installed: apt-get install postgresql")
        pytest.skip("PostgreSQL is not installed")
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty gradebook in each database."""
    if request.param == "sqlite":
        return str(tmp_path / "grades.db")
    return request.getfixturevalue("postgres").new_url()


@pytest.fixture
def book(url: str) -> Iterator[Gradebook]:
    """An open, empty gradebook."""
    with Gradebook(url) as opened:
        yield opened


def result(
    earned: float = 3.0, possible: float = 4.0, *, exercise: str = "stage/small", **fields: object
) -> Result:
    """Return a result with so many points, without running anything."""
    outcome = Outcome.PASSED if earned == possible else Outcome.FAILED
    made = Result(
        exercise=exercise,
        exercise_title=exercise.rpartition("/")[2].title(),
        learner="someone",
        submission="d" * 64,
        origin="",
        score=Score(earned=earned, possible=possible, passed=earned >= 0.6 * possible),
        checks=(CheckResult(name="one", title="One", outcome=outcome, earned=earned, points=possible),),
        pass_mark=0.6,
        provenance=Provenance(
            roadmark="0",
            python="3",
            torch="2",
            exercise_digest="e",
            grader_digest="g",
            sandbox="process",
            tier="t",
        ),
    )
    return replace(made, **fields)


def ungraded() -> Result:
    """Return a result that a fault of ours left without a verdict."""
    check = CheckResult(name="one", title="One", outcome=Outcome.UNGRADED, earned=0, points=4)
    return result(0, score=Score(earned=0, possible=4, passed=False, ungraded=4), checks=(check,))


@pytest.fixture
def hand_in(book: Gradebook) -> Callable[..., int]:
    """Write down an attempt and its result; returns the attempt's id."""

    def run(
        learner: str, made: Result | None = None, *, key: str = "k", files: str = "f1", **fields: object
    ) -> int:
        made = made or result()

        def work(session):
            one = roster.enrol(session, Person(key=learner))
            attempt = ledger.attempt_of(session, one, made.exercise, files, **fields)
            ledger.keep(
                session, [attempt], ledger.Entry(key=key, graded_at="2026-01-01T00:00:00+00:00", result=made)
            )
            return attempt

        return book.write(work)

    return run
