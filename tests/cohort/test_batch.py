"""Many submissions: each graded once, whatever the others do and whatever happens to the batch."""

import signal
import sqlite3
import time

import pytest
import sqlalchemy as sa

from harness.cohort.batch import TRIES, Manner, run_batch
from harness.errors import SpecError
from harness.grade import ATTEMPTS
from harness.gradebook import Gradebook
from harness.gradebook.models import Claim, StoredResult
from harness.gradebook.standing import results
from tests.cohort.conftest import RIGHT, batch, kill_group, planned, standing, wait_until_gone


def count(url: str, table: type = StoredResult) -> int:
    with Gradebook(url) as book, book.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table))


def test_everybody_gets_what_they_earned(cohort, roadmark, url):
    expected = cohort(8)
    done = roadmark(*batch(url))
    assert standing(url) == expected
    assert "wrong002  stage/small  failed 1/3" in done.stderr
    assert "right000" not in done.stderr, "who passed is not news"


@pytest.mark.docker
@pytest.mark.parametrize(("runtime", "ends"), [("runc", 0), ("nobody-s", 3)])
def test_a_runtime_of_the_engine_can_be_chosen(engine, image, cohort, roadmark, tmp_path, runtime, ends):
    cohort(1)
    done = roadmark(*batch("grades.db", "--runtime", runtime, sandbox="docker"), check=ends)
    if ends:
        assert "nobody-s" in done.stderr
        return
    with Gradebook(str(tmp_path / "grades.db")) as book, book.reading() as session:
        ((_, result),) = results(session)
    assert result.provenance.tier.endswith("runtime runc")


@pytest.mark.docker
def test_in_containers_too(cohort, roadmark, tmp_path, no_leftovers):
    expected = cohort(6)
    roadmark(*batch("grades.db", sandbox="docker"))
    assert standing(tmp_path / "grades.db") == expected


def test_what_has_a_verdict_is_not_graded_again_until_something_changes(cohort, roadmark, tmp_path, tiny):
    cohort(4)
    url = str(tmp_path / "g.db")
    roadmark(*batch(url))
    assert planned(url, tiny, tmp_path).works == ()
    (tmp_path / "handed-in" / "wrong002.py").write_text(RIGHT)
    assert "1 to grade, 3 done" in roadmark(*batch(url)).stderr
    assert standing(url)["wrong002"] == ("passed", "3")
    public = tiny.grader_folder("stage/small") / "public.py"
    public.write_text(public.read_text().replace("points=2", "points=4"))
    assert planned(url, tiny, tmp_path, changed=True).works == ()
    assert "4 to grade" in roadmark(*batch(url)).stderr
    assert standing(url)["right000"] == ("passed", "5")


def test_only_and_limit_choose(cohort, roadmark, tmp_path, tiny):
    cohort(7)
    url = str(tmp_path / "g.db")
    assert [one.learner for one in planned(url, tiny, tmp_path, only=("right*",)).works] == [
        "right000",
        "right006",
    ]
    told = roadmark(*batch(url, "--only", "right*", "--limit", "1")).stderr
    assert "1 to grade, 0 done already, 1 beyond the limit" in told
    made = planned(url, tiny, tmp_path, limit=2)
    assert (len(made.works), made.done, made.left) == (2, 1, 4)
    with pytest.raises(SpecError, match="nothing in the source fits"):
        planned(url, tiny, tmp_path, only=("nobody",))


def test_a_fault_of_ours_is_tried_again_and_left_ungraded(cohort, tmp_path, tiny):
    cohort(1)
    url = str(tmp_path / "g.db")
    public = tiny.grader_folder("stage/small") / "public.py"
    good = public.read_text()
    tries = tmp_path / "tries"
    broken = f"open({str(tries)!r}, 'a').write('x'); raise KeyError('ours')"
    public.write_text(good.replace("assert_close(submission.neg(2.0), -2.0)", broken))
    manner = Manner(sandbox="process", jobs=1, backoff=0.01)
    for wanted in ({}, {"retry_ungraded": True}):
        made = planned(url, tiny, tmp_path, **wanted)
        with Gradebook(url) as book:
            tally = run_batch(book, tiny, made.works, manner)
        assert (tally.graded, tally.ungraded) == (0, 1)
        assert tries.read_text() == "x" * TRIES * ATTEMPTS
        tries.unlink()
    assert standing(url) == {"right000": ("ungraded", "")}
    public.write_text(good)
    assert planned(url, tiny, tmp_path, retry_ungraded=True).works == (), "the mended grader is another key"
    with Gradebook(url) as book:
        run_batch(book, tiny, planned(url, tiny, tmp_path).works, manner)
    assert standing(url) == {"right000": ("passed", "3")}


def test_regrading_shows_before_it_applies(cohort, roadmark, tmp_path, tiny):
    cohort(3)
    url = str(tmp_path / "g.db")
    roadmark(*batch(url))
    public = tiny.grader_folder("stage/small") / "public.py"
    public.write_text(public.read_text().replace("-2.0)", "2.0)"))
    shown = roadmark(*batch(url, "--regrade", "--diff")).stdout
    assert "half001  stage/small  passed 2 -> passed 3" in shown
    assert "Nothing was applied" in shown
    assert standing(url)["half001"] == ("passed", "2")
    applied = roadmark(*batch(url, "--regrade"))
    assert "0 to grade" in applied.stderr
    assert "Applied 3" in applied.stdout
    assert standing(url)["half001"] == ("passed", "3")


def test_two_batches_at_once_grade_everything_once(cohort, roadmark, start, url):
    expected = cohort(12)
    both = [start(*batch(url, "-j", "2")) for _ in range(2)]
    told = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert standing(url) == expected
    assert (count(url), count(url, Claim)) == (12, 0)


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(cohort, roadmark, start, tmp_path):
    expected = cohort(20)
    url = str(tmp_path / "g.db")
    running = start(*batch(url))
    wait_for_results(url, 2)
    kill_group(running, signal.SIGINT)
    assert running.returncode == 130
    wait_until_gone(running.pid)
    assert (2 <= count(url) < 20, count(url, Claim)) == (True, 0)
    roadmark(*batch(url))
    assert (standing(url), count(url)) == (expected, 20)


def wait_for_results(url: str, wanted: int, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with sqlite3.connect(url, timeout=1) as connection:
                if connection.execute("select count(*) from results").fetchone()[0] >= wanted:
                    return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    raise AssertionError("the batch wrote nothing")


@pytest.mark.parametrize(
    "moments", [pytest.param(3, id="3"), pytest.param(20, id="20", marks=pytest.mark.slow)]
)
def test_kill_9_at_random_moments_loses_and_doubles_nothing(cohort, roadmark, start, tmp_path, moments):
    import random

    expected = cohort(4 * moments + 2)
    url = str(tmp_path / "g.db")
    moment = random.Random(7)
    for _ in range(moments):
        running = start(*batch(url))
        if moment.random() < 0.8:  # else while it starts and plans
            wait_for_results(url, min(len(expected), count(url) + 1))
        time.sleep(moment.uniform(0.0, 1.5))
        kill_group(running)
        wait_until_gone(running.pid)
    roadmark(*batch(url))
    assert (standing(url), count(url)) == (expected, len(expected))
    assert count(url, Claim) == 0
