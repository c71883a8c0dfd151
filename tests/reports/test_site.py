"""A site holds a page for everything, whatever is missing, and grows no heavier with its learners."""

import dataclasses
import gc
import tracemalloc

import pytest
from cohort_samples import EXERCISES, STAGES, attempt, attempts, dossier, exercise, learner
from learner_samples import everything, lab_report
from page_reader import Page

from harness.errors import SpecError
from harness.records import Outcome
from reports.addresses import (
    cohort_address,
    exercise_slug,
    learner_address,
    learner_slug,
    notebook_address,
    result_address,
)
from reports.cohort import Cohort, histogram
from reports.cohort_page import cohort_page, retry_command
from reports.exercise_page import exercise_page
from reports.roadmap import cohort_roadmap, learner_roadmap
from reports.site import Fault, Site

ATTENTION = EXERCISES[1].id


def pages(results, **more):
    return dict(Site(stages=STAGES, **more).pages(results))


def test_there_is_a_page_for_everything():
    made = pages(attempts(8))
    assert {
        "index.html",
        cohort_address(ATTENTION),
        learner_address(learner(0)),
        result_address(ATTENTION, learner(0)),
    } <= made.keys()
    assert sum(address.startswith("learners/") for address in made) == 8
    assert list(made)[-1] == "index.html"


@pytest.mark.parametrize("results", [[], list(attempts(1))], ids=["nobody", "one-learner"])
def test_small_sites_have_a_front_page(results):
    assert "roadmap" in Page(pages(results)["index.html"]).text.lower()


def test_an_exercise_nobody_handed_in_has_a_page_if_its_author_knows_something():
    made = pages([], dossiers={"alignment/dpo": dossier()})
    assert "Nobody has handed in anything yet" in Page(made["exercises/alignment.dpo.html"]).text


def test_results_that_the_course_does_not_know_are_shown():
    odd = attempt(0, of=exercise("retired/old", "An old one"))
    assert "Other exercises" in Page(pages([odd])["index.html"]).text


def test_the_latest_attempt_counts_and_earlier_ones_are_its_history():
    made = pages([attempt(0, seed=turn) for turn in range(15)])
    assert "15 attempts" in Page(made[result_address(ATTENTION, learner(0))]).text
    assert "15 attempts" in Page(made[learner_address(learner(0))]).text
    assert "learners1passed" in Page(made[cohort_address(ATTENTION)]).text.replace(" ", "")


@pytest.mark.parametrize("counts", [None, 0, 1])
def test_an_earlier_attempt_may_count(counts):
    tries = [dataclasses.replace(attempt(0, seed=turn), submission=f"{turn:064x}") for turn in range(3)]
    earlier = {} if counts is None else {(learner(0), ATTENTION): tries[counts].submission}
    made = pages(tries, earlier=earlier)
    standing = tries[2 if counts is None else counts].score
    text = Page(made[cohort_address(ATTENTION)]).text
    assert f"{round(100 * standing.earned / standing.possible)} %" in text
    assert ("has handed in again" in text or "have handed in again" in text) == (counts is not None)


def test_who_has_a_notebook_finds_it_beside_the_result():
    plain, noted = attempt(0), dataclasses.replace(attempt(1), notebook=lab_report())
    made = pages([plain, noted, dataclasses.replace(attempt(2), notebook="nonsense")])
    assert [one for one in made if one.endswith(".notebook.html")] == [
        notebook_address(ATTENTION, learner(1))
    ]
    own = Page(made[result_address(ATTENTION, learner(1))])
    assert notebook_address(ATTENTION, learner(1)).rpartition("/")[2] in [one["href"] for one in own.of("a")]


def test_who_could_not_be_imported_crashed_once():
    broken = [
        dataclasses.replace(
            one, outcome=Outcome.CRASHED, reason="import", earned=0.0, message="it did not import"
        )
        for one in attempt(0).checks
    ]
    cohort = Cohort(exercise=ATTENTION)
    cohort.take(dataclasses.replace(attempt(0), checks=tuple(broken)))
    assert list(cohort.crash_kinds.values()) == [1]
    assert "The whole submission could not be imported" in Page(cohort_page(cohort)).text


def test_results_out_of_order_are_refused():
    with pytest.raises(SpecError, match="do not come together"):
        pages([attempt(0), attempt(1), attempt(0)])


def test_what_has_no_result_is_told_with_its_command():
    text = Page(
        pages(
            [attempt(0)], faults=[Fault(exercise=ATTENTION, learner="o'hara", reason="the engine was gone")]
        )[cohort_address(ATTENTION)]
    ).text
    assert "the engine was gone" in text
    assert "roadmark batch transformers/attention SOURCE --retry-ungraded --only 'o'\"'\"'hara'" in text


def test_a_command_is_one_shell_word_each():
    assert retry_command("a/b", "x; rm -rf /").endswith("--only 'x; rm -rf /'")


def test_memory_does_not_grow_with_what_results_carry():
    def peak(count):
        gc.collect()
        tracemalloc.start()
        heavy = "x" * 100_000
        made = Site(stages=STAGES).pages(dataclasses.replace(attempt(i, 6), log=heavy) for i in range(count))
        for _ in made:
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(10)
    assert (peak(60) - few) / 50 < 20_000, "bytes for each further learner"


def test_a_cohort_page_of_everything_can_be_read():
    cohort = Cohort(exercise="transformers/gpt")
    cohort.take(everything())
    text = Page(cohort_page(cohort)).text
    assert "Мария Петрова" in text
    assert "took too long" in text
    assert "1 verdict missing because of a fault of ours" in text


def test_an_earlier_graders_checks_are_absent():
    cohort = Cohort(exercise=ATTENTION)
    cohort.take(attempt(0, 4))
    cohort.take(attempt(1, 6))
    assert [len(one.outcomes) for one in cohort.standings] == [4, 6]
    assert Page(cohort_page(cohort)).text.count("absent") == 2


def test_histogram_counts_everybody_once():
    cohort = Cohort(exercise=ATTENTION)
    for index in range(50):
        cohort.take(attempt(index))
    assert sum(histogram(cohort.standings)) == 50
    assert len(cohort.slowest) == 10
    assert [one.seconds for one in cohort.slowest] == sorted(
        (one.seconds for one in cohort.standings), reverse=True
    )[:10]


def test_authors_see_which_checks_catch_nothing():
    cohort = Cohort(exercise=ATTENTION)
    for index in range(8):
        cohort.take(attempt(index))
    text = Page(exercise_page(EXERCISES[1], cohort, dossier())).text
    assert "catch no wrong solution" in text
    assert "scores = q @ k.T * sqrt(width)" in text
    assert "38 of 40" in text
    assert "otherwise than expected" in text
    assert "baseline pixels" in text


def test_a_roadmap_without_anything_is_no_error():
    assert "0 learners" in Page(cohort_roadmap(STAGES, {})).text
    assert "not handed in" in Page(learner_roadmap("Ada", STAGES, {})).text
    assert "Roadmap" in Page(cohort_roadmap((), {})).text


@pytest.mark.parametrize(
    "name", ["Ada", "../../etc/passwd", "", "a/b", "CON", "." * 300, "李小龙", "\ud800", "x" * 500, "<b>"]
)
def test_a_learners_name_is_never_a_path(name):
    slug = learner_slug(name)
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(slug) < 60


def test_names_that_look_alike_keep_apart():
    assert len({learner_slug(name) for name in ("Ada", "ada", "Ada ", "ad-a", "Ада")}) == 5
    assert len({exercise_slug(name) for name in ("a/b", "a.b", "a-b", "A/b", "a/b/c", "../x")}) == 6
