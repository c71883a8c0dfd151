"""The learner page says everything once, in words, whatever the result holds."""

import dataclasses
import math
import re
import time

import jinja2
import pytest
from learner_samples import (
    ATTENTION,
    HIDDEN,
    PROVENANCE,
    VAE,
    attention,
    check,
    earlier,
    everything,
    gpt,
    loss,
    result,
    vae,
)
from page_reader import Page

from harness.records import Curve, Level, Measurement, MetricSpec, Outcome, RubricItem, Score, TextSample
from reports import learner_page

METRIC = MetricSpec(better="lower", unit="bits", zero=4.0, full=1.0)


def page(*checks, **more):
    return Page(learner_page(result(*checks, **more)))


def test_the_score_stands_in_words():
    text = Page(learner_page(attention())).text
    assert "17 of 17 points" in text
    assert "The pass mark is 11.9 (70 %)." in text


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        pytest.param(attention(), "17 of 17 points · passed · Attention, masks and positions", id="passed"),
        pytest.param(gpt(), "4 of 20 points · not passed yet · A small GPT", id="not-passed"),
    ],
)
def test_the_title_says_how_it_went(shown, words):
    assert Page(learner_page(shown)).text.startswith(words)


@pytest.mark.parametrize("outcome", list(Outcome), ids=str)
def test_every_outcome_has_a_symbol_and_a_word(outcome):
    read = page(check("a", outcome))
    row = read.classed("check")
    assert len(row) == 1
    assert any("icon" in e[1]["class"] for e in read.classed(str(outcome)) if e[0] == "svg")
    assert any("word" in e[1]["class"] for e in read.classed(str(outcome)) if e[0] == "span")
    assert f"1 {outcome}" in read.text


def test_checks_show_title_points_message_and_hint():
    read = page(
        check(
            "a", Outcome.FAILED, title="It adds", message="expected 4, got 5\nat x = 2", hint="carry the one"
        )
    )
    for words in ("It adds", "0 of 2", "expected 4, got 5", "at x = 2", "Hint carry the one"):
        assert read.text.count(words) >= 2, "in the advice and in its own row"


def test_a_hint_is_not_given_for_what_passed():
    assert "Hint" not in page(check("a", hint="carry the one")).text


def test_public_and_hidden_checks_stand_apart():
    text = page(check("a"), check("b", visibility=HIDDEN)).text
    assert (
        text.index("Public checks")
        < text.index("check a")
        < text.index("Hidden checks")
        < text.index("check b")
    )


def test_skipped_checks_are_folded_under_their_cause():
    waiting = check("b", Outcome.SKIPPED, needs=("a",), visibility=HIDDEN, title="It waits")
    read = page(check("a", Outcome.FAILED), waiting)
    assert "1 more check waits for this It waits skipped hidden check" in read.text
    assert len(read.of("details")) == 1
    assert "Hidden checks 0 of 2 points" in read.text, (
        "a group whose checks are folded elsewhere keeps its heading"
    )
    assert "Folded under the check above that they wait for" in read.text


def test_the_advice_links_to_its_check():
    read = page(check("a"), check("b", Outcome.FAILED))
    (link,) = read.of("a")
    assert link["href"] == "#check-2"
    assert [e for e in read.of("article") if e["id"] == "check-2"]


def test_ungraded_checks_say_whose_fault_it_is_and_what_to_type():
    text = page(check("a", Outcome.UNGRADED, message="The engine went away.")).text
    assert "Our fault, not yours: it costs you nothing and is graded again with roadmark grade" in text
    assert "2 points to be graded again." in text
    assert "The engine went away." in text


def test_a_metric_stands_between_its_marks():
    measured = Measurement(
        value=2.5, low=2.2, high=2.9, interval="block means", n=5000, notes=("on held-out text",)
    )
    read = page(check("a", metric=METRIC, measured=measured, message="2.5 bits"))
    for words in (
        *(
            "2.5 bits",
            "no points at 4",
            "all points at 1",
            "Lower is better.",
            "n = 5,000.",
            "on held-out text",
        ),
        "95 % interval 2.2 to 2.9 (block means).",
    ):
        assert words in read.text
    (needle,) = read.classed("needle")
    assert needle[1]["x"] == "50.0%"


def test_a_value_of_several_seeds_names_each_and_what_took_the_features():
    measured = Measurement(value=2.5, values=(2.2, 2.5, 2.8), encoder="ab" * 32 + " " + "cd" * 32)
    text = page(check("b", metric=METRIC, measured=measured)).text
    assert "Mean of 3 runs: 2.2, 2.5, 2.8." in text
    assert "Features by abababababab, cdcdcdcdcdcd." in text


def test_drawings_have_text_alternatives():
    read = Page(learner_page(vae(), VAE, earlier(vae(), 0.2, 0.5)))
    drawings = [a for a in read.of("svg") if a.get("role") == "img"]
    assert len(drawings) == 6  # score, curve, three gauges, attempts
    known = {a["id"] for _, a in read.elements if "id" in a}
    assert all(set(a["aria-labelledby"].split()) <= known for a in drawings)
    assert all(image["alt"] for image in read.of("img"))
    hidden = [a for a in read.of("svg") if a.get("aria-hidden") != "true" and "role" not in a]
    assert all("class" in a or "viewbox" in a for a in hidden), "only parts of a drawing have neither"


def test_ids_are_unique():
    ids = [a["id"] for _, a in Page(learner_page(everything())).elements if "id" in a]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 0.0], ids=str)
def test_a_metric_of_any_value_has_a_page(value):
    measured = Measurement(value=value, low=value, high=math.nan, n=0)
    text = page(check("a", Outcome.FAILED, metric=METRIC, measured=measured)).text
    assert "Lower is better." in text


def test_a_metric_that_was_not_measured_says_so():
    assert "Nothing was measured." in page(check("a", Outcome.CRASHED, metric=METRIC)).text


def test_exhibits_are_shown():
    read = Page(learner_page(vae()))
    assert len(read.of("img")) == 2
    assert all(image["class"] == "pixels" for image in read.of("img"))
    assert "Negative ELBO nats per sprite" in read.text
    sample = TextSample(title="Sample", text="<b>once</b>\n  upon a time", caption="Prompt: `once`")
    assert "Sample <b>once</b> upon a time Prompt: once" in page(check(exhibits=(sample,))).text


def test_a_curve_that_cannot_be_drawn_says_so():
    text = page(check(exhibits=(Curve(title="Loss", values=(math.nan, math.inf)),))).text
    assert "This curve cannot be drawn: none of its 2 values is finite." in text


def test_a_check_run_says_that_hidden_checks_did_not_run():
    read = page(check("a"), kind="check")
    assert "The hidden checks did not run" in read.text
    assert "Check report" in read.text
    assert "--seed" not in read.text
    assert PROVENANCE.seed in read.text


def test_the_process_sandbox_is_a_warning():
    weak = dataclasses.replace(PROVENANCE, sandbox="process", tier="process: no isolation")
    assert "Graded without a wall." in page(check("a"), provenance=weak).text
    assert "Graded without a wall." not in page(check("a")).text


def test_provenance_and_replay():
    text = Page(learner_page(attention(), ATTENTION)).text
    assert "roadmark grade transformers/attention PATH --seed 5f2c90e1b7a84d36" in text
    for words in (
        "2.13.0+cpu",
        "3.11.2",
        "c0ffee123456",
        "4d5e8812c9a0",
        "311.5 of 2,048 MiB",
        "12 March 2026, 14:03 UTC",
    ):
        assert words in text
    assert "c0ffee1234567" not in text, "digests are shortened"


def test_attempts_are_compared():
    text = Page(learner_page(vae(), VAE, earlier(vae(), 0.31, 0.66))).text
    assert "Your 3 attempts 3.76 points more than last time." in text
    assert "attempts" not in Page(learner_page(vae(), VAE)).text


def test_many_attempts_are_cut_to_the_latest():
    text = Page(learner_page(vae(), VAE, earlier(vae(), *[0.1] * 25))).text
    assert "Your 26 attempts" in text
    assert "The latest 12 are shown." in text
    assert "17 March 2026" not in text
    assert "18 March 2026" in text


def test_the_log_is_capped_and_says_so():
    read = page(check("a"), log="start" + "x" * 300_000 + "end")
    assert "300,008 characters" in read.text
    assert "truncated: 270,008 characters left out" in read.text
    assert "xend" in read.text


def test_a_huge_message_is_capped_and_says_so():
    html = learner_page(result(check("a", Outcome.FAILED, message="y" * 100_000, hint="z" * 100_000)))
    assert "truncated: 98,000 more characters" in html
    assert len(html) < 60_000


def test_huge_everything_stays_small():
    long = "w" * 100_000
    shown = everything()
    shown = dataclasses.replace(
        shown,
        exercise_title=long,
        learner=long,
        notices=(long,) * 500,
        checks=tuple(dataclasses.replace(c, title=long, message=long, reason=long) for c in shown.checks),
    )
    assert len(learner_page(shown)) < 300_000


@pytest.mark.parametrize(
    "score",
    [
        pytest.param(Score(earned=0, possible=0, passed=False), id="nothing-possible"),
        pytest.param(Score(earned=math.nan, possible=math.nan, passed=False), id="nan"),
        pytest.param(Score(earned=math.inf, possible=1, passed=True, ungraded=math.inf), id="infinite"),
        pytest.param(Score(earned=-3, possible=1e308, passed=False), id="out-of-range"),
    ],
)
def test_absurd_scores_have_a_page(score):
    read = Page(learner_page(dataclasses.replace(result(check("a", points=math.nan)), score=score)))
    assert len(read.classed("big")) == 1


def test_no_checks_have_a_page():
    text = page().text
    assert "0 of 0 points" in text
    assert "Nothing was checked" in text


@pytest.mark.parametrize(
    "name", ["Ólafur Þór", "李小龙", "فاطمة", "👩\u200d🔬 Grace", "N̈ǵ", "O'Neil & <Sons>"]
)
def test_names_are_shown_as_they_are(name):
    assert name in page(check("a"), learner=name).text


def test_the_same_records_give_the_same_page():
    assert learner_page(everything()) == learner_page(everything())


def test_a_long_curve_is_thinned():
    html = learner_page(result(check(exhibits=(Curve(title="Loss", values=loss(9, 1, steps=200_000)),))))
    assert len(html) < 60_000


def test_nothing_is_shown_as_python_writes_it():
    text = Page(learner_page(everything())).text
    assert not re.search(r"\bNone\b|\bnan\b|(?<!-)\binf\b|Outcome\.|Undefined", text)


def test_long_lists_are_cut_and_say_so():
    samples = (TextSample(title="t", text="x"),) * 30
    measured = Measurement(value=2, notes=("n",) * 21)
    text = page(check(exhibits=samples, metric=METRIC, measured=measured), notices=("w",) * 53).text
    for words in ("6 more exhibits", "1 more note", "3 more notices"):
        assert f"… truncated: {words}" in text


def test_the_runs_behind_a_mean_are_told():
    measured = Measurement(value=0.2, values=(0.1, 0.2, 0.3))
    assert "Mean of 3 runs: 0.1, 0.2, 0.3." in page(check(metric=METRIC, measured=measured)).text
    assert "runs:" not in page(check(metric=METRIC, measured=Measurement(value=0.2))).text


def test_a_page_is_made_in_no_time():
    """30 ms are promised and measured by bench/reports.py; here a slow and busy machine has ten times as long."""
    shown = everything()
    learner_page(shown)
    seconds = []
    for _ in range(5):
        start = time.thread_time()
        learner_page(shown)
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.3


def test_what_a_template_forgets_to_make_visible_is_made_visible():
    from reports.environment import environment

    shown = environment().from_string("{{ text }}").render(text="\x1b[31m<b>\u202e" + "x" * 200_000)
    assert shown.startswith("&lt;b&gt;\\u202exxx")
    assert len(shown) < 101_000


def test_a_misspelt_name_in_a_template_is_an_error():
    from reports.environment import environment

    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ chekc.title }}").render(check=check("a"))
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ check.titel }}").render(check=check("a"))


def test_what_a_person_scores_stands_beside_the_score():
    levels = (
        Level(points=3, words="Names its limits.", example="n = 100 <only>"),
        Level(points=0, words="No.", example="-"),
    )
    items = (RubricItem(id="limits", title="Limits", points=3, levels=levels),)
    exercise = dataclasses.replace(ATTENTION, rubric=items)
    text = Page(learner_page(attention(), exercise)).text
    assert "17 of 17 points" in text
    assert text.index("Scored by a person") < text.index("Names its limits.") < text.index("n = 100 <only>")
    assert "Scored by a person" not in Page(learner_page(attention(), ATTENTION)).text
