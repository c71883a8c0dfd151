"""A batch on three nodes: what is written down is what one machine would have written."""

import contextlib
import re
import sqlite3
import time
from dataclasses import replace

import pytest

from harness.gradebook import Gradebook, ledger
from harness.gradebook.models import Claim
from tests.cohort.conftest import batch, kill_group, standing
from tests.cohort.test_batch import count
from tests.cohort.test_faults import Engine

OF_THE_RUN = {
    "seed": "",
    "started": "",
    "finished": "",
    "seconds": 0.0,
    "closest_call": None,
    "peak_memory_mb": None,
}
"""What no two gradings share."""


def on_ray(book, *more, sandbox="process"):
    return batch(str(book), "--executor", "ray", *more, sandbox=sandbox)


def written(url):
    """All that a gradebook says of its verdicts, but for time, chance, and numbers in messages, which are drawn."""
    found = {}
    with Gradebook(str(url)) as book, book.reading() as session:
        for _, learner, files, key, result in ledger.verdicts(session, "stage/small"):
            checks = tuple(
                replace(one, seconds=0.0, message=re.sub(r"[-+.e\d]+", "#", one.message))
                for one in result.checks
            )
            provenance = replace(result.provenance, **OF_THE_RUN)
            found[learner] = (files, key, replace(result, provenance=provenance, checks=checks))
    return found


def wait_for(running, book, wanted, seconds=100.0):
    """Wait for so many results of a batch that goes on; what it said is shown where they do not come."""
    end = time.monotonic() + seconds
    while results(book) < wanted:
        if running.poll() is not None or time.monotonic() > end:
            running.kill()
            raise AssertionError(running.communicate()[0])
        time.sleep(0.05)


def results(book):
    """How many there are, asked more cheaply than by `count`."""
    with contextlib.closing(sqlite3.connect(book, timeout=10)) as connection:
        try:
            return connection.execute("select count(*) from results").fetchone()[0]
        except sqlite3.OperationalError:  # not made yet
            return 0


@pytest.fixture
def undisturbed(cohort, roadmark, tmp_path):
    """Grade a cohort on this machine alone, and return what is expected of it and what is written."""

    def run(size):
        expected = cohort(size)
        roadmark(*batch("local.db"))
        return expected, written(tmp_path / "local.db")

    return run


def test_three_nodes_write_what_one_machine_writes(nodes, undisturbed, roadmark, tmp_path):
    expected, alone = undisturbed(8)
    done = roadmark(*on_ray("ray.db"))
    assert (standing(tmp_path / "ray.db"), written(tmp_path / "ray.db")) == (expected, alone), done.stderr
    assert "wrong002  stage/small  failed 1/3" in done.stderr


@pytest.mark.slow
def test_a_node_that_is_lost_and_a_driver_that_is_killed_cost_nothing(
    nodes, undisturbed, roadmark, start, tmp_path
):
    expected, alone = undisturbed(24)
    book = str(tmp_path / "ray.db")
    running = start(*on_ray(book))
    wait_for(running, book, 3)
    nodes.kill("bob")
    before = count(book)
    wait_for(running, book, before + 4)
    kill_group(running)
    assert count(book) < 24
    nodes.add("bob")
    running = start(*on_ray(book))
    wait_for(running, book, count(book) + 4)
    nodes.kill("cyd")
    told, _ = running.communicate(timeout=200)
    assert running.returncode == 0, told
    assert "Node cyd is lost, and others do its work" in told
    assert (standing(book), written(book)) == (expected, alone)
    assert (count(book), count(book, Claim)) == (24, 0)


@pytest.mark.slow
@pytest.mark.docker
def test_a_node_whose_engine_dies_is_named_and_others_do_its_work(
    nodes, cohort, roadmark, start, tmp_path, image, monkeypatch
):
    engine = Engine(str(tmp_path / "engine.sock"))
    engine.start()
    expected = cohort(10)
    nodes.kill("bob")
    nodes.kill("cyd")
    nodes.add("dan", slots=1, DOCKER_HOST=f"unix://{engine.path}")
    book = str(tmp_path / "ray.db")
    running = start(*on_ray(book, "-j", "1", sandbox="docker"))
    wait_for(running, book, 3)
    engine.stop()
    told, _ = running.communicate(timeout=300)
    assert running.returncode == 0, told
    assert "Node dan: its Docker engine does not answer; others do its work meanwhile." in told
    assert (standing(book), count(book)) == (expected, 10), told
    roadmark("clean")


@pytest.mark.slow
def test_a_node_that_comes_in_the_middle_is_taken_in(nodes, cohort, roadmark, start, tmp_path):
    expected = cohort(60)
    for name in ("bob", "cyd"):
        nodes.kill(name)
    book = str(tmp_path / "ray.db")
    running = start(*on_ray(book, "-j", "1"))
    wait_for(running, book, 1)
    nodes.add("eve")
    shown = roadmark("cluster", "status", check=None).stdout
    assert re.search(r"^batch [0-9a-f]{8}: \d+ wait, \d+ per minute$", shown, re.MULTILINE), shown
    told, _ = running.communicate(timeout=200)
    assert running.returncode == 0, told
    assert "Node eve came: 1 more at once." in told
    assert (standing(book), count(book)) == (expected, 60)


@pytest.mark.slow
def test_two_drivers_grade_everything_once(nodes, cohort, start, postgres):
    expected = cohort(10)
    url = postgres.new_url()
    both = [start(*on_ray(url, "-j", "1")) for _ in range(2)]
    told = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert (standing(url), count(url), count(url, Claim)) == (expected, 10, 0)


@pytest.mark.slow
def test_a_node_with_another_course_is_named_before_anything_is_graded(
    nodes, cohort, roadmark, tiny, tmp_path
):
    import shutil

    cohort(2)
    shutil.copytree(tiny.root, tmp_path / "old")
    public = tmp_path / "old" / "graders" / "stage" / "small" / "public.py"
    public.write_text(public.read_text() + "# of last year\n")
    nodes.add("old", ROADMARK_COURSE=str(tmp_path / "old"))
    told = roadmark(*on_ray("ray.db"), check=3).stderr
    assert "not every node would grade alike:\n  old: its course: " in told
    assert "ada" not in told
    assert count(str(tmp_path / "ray.db")) == 0
    shown = roadmark("cluster", "status", check=3).stdout
    assert "✗ old: its course: " in shown
    assert re.search(r"^ada +2 +0 +0 +0 ", shown, re.MULTILINE), shown


def test_without_a_cluster_it_says_how_to_make_one(cohort, roadmark, monkeypatch):
    cohort(1)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    told = roadmark(*on_ray("ray.db"), check=3).stderr
    assert "no Ray cluster answers at 127.0.0.1:1" in told
    assert "ray start --head" in told
