"""What an exception in a check means: outcome, points, and how much of it a learner may read."""

import math

import numpy as np
import pytest

from harness.errors import GraderError
from harness.failures import LearnerFailure
from harness.grading import Wrong
from harness.records import Check, Measurement, MetricSpec, Outcome, Visibility
from harness.verdict import HIDDEN_WORDS, Unmet, verdict

CHECK = Check(
    name="adds", title="It adds", points=2.0, visibility=Visibility.PUBLIC, hint="think", needs=("one",)
)
HIDDEN = Check(name="adds", title="It adds", points=2.0, visibility=Visibility.HIDDEN, hint="think")
SECRET = "expected 424242"
OURS = "This is a fault of the harness or the grader and costs you nothing; it has to be graded again."
ERRORS = {
    "passed": (None, Outcome.PASSED, "", "", ""),
    "wrong": (
        Wrong("wrong-shape", SECRET),
        Outcome.FAILED,
        "wrong-shape",
        SECRET,
        "The answer has the wrong shape.",
    ),
    "own-reason": (Wrong("too-slow", SECRET), Outcome.FAILED, "too-slow", SECRET, "The answer is wrong."),
    "assertion": (AssertionError(SECRET), Outcome.FAILED, "wrong-values", SECRET, "The answer is wrong."),
    "bare-assertion": (
        AssertionError(),
        Outcome.FAILED,
        "wrong-values",
        "The answer is wrong.",
        "The answer is wrong.",
    ),
    "crash": (
        LearnerFailure("exception", "ValueError: saw 31337", brief="ValueError"),
        Outcome.CRASHED,
        "exception",
        "ValueError: saw 31337",
        "ValueError",
    ),
    "timeout": (LearnerFailure("timeout", "Late."), Outcome.CRASHED, "timeout", "Late.", "Late."),
    "unmet": (
        Unmet("One"),
        Outcome.SKIPPED,
        "needs",
        "Not asked: 'One' has to pass first.",
        "Not asked: 'One' has to pass first.",
    ),
    "unmet-ours": (
        Unmet("One", ours=True),
        Outcome.UNGRADED,
        "needs",
        "It needs 'One', which could not be graded.",
        "It needs 'One', which could not be graded.",
    ),
    "not-a-function": (
        TypeError("'int' object is not callable"),
        Outcome.FAILED,
        "wrong-type",
        "A name that the exercise calls is not a function: 'int' object is not callable.",
        "The answer is of the wrong type.",
    ),
    "grader-bug": (KeyError(SECRET), Outcome.UNGRADED, "fault", f"{OURS} (KeyError: '{SECRET}')", OURS),
    "grader-error": (GraderError(SECRET), Outcome.UNGRADED, "fault", f"{OURS} (GraderError: {SECRET})", OURS),
    "type-error": (
        TypeError("unsupported"),
        Outcome.UNGRADED,
        "fault",
        f"{OURS} (TypeError: unsupported)",
        OURS,
    ),
    "skip": (pytest.skip.Exception("skip me"), Outcome.UNGRADED, "fault", f"{OURS} (Skipped: skip me)", OURS),
    "xfail": (pytest.xfail.Exception("x"), Outcome.UNGRADED, "fault", f"{OURS} (XFailed: x)", OURS),
    "exit": (SystemExit(0), Outcome.UNGRADED, "fault", f"{OURS} (SystemExit: 0)", OURS),
}


@pytest.mark.parametrize(("error", "outcome", "reason", "words", "hidden"), ERRORS.values(), ids=ERRORS)
def test_what_an_exception_means(error, outcome, reason, words, hidden):
    public = verdict(CHECK, error)
    assert (public.outcome, public.reason, public.message) == (outcome, reason, words)
    secret = verdict(HIDDEN, error)
    assert (secret.outcome, secret.reason, secret.message) == (outcome, reason, hidden)
    assert SECRET not in secret.message
    for result in (public, secret):
        assert result.earned == (2.0 if outcome is Outcome.PASSED else 0.0)
        assert result.hint == ("" if outcome is Outcome.PASSED else "think")
        assert (result.name, result.title, result.points) == ("adds", "It adds", 2.0)
    assert public.needs == ("one",)


def test_hidden_words_never_quote():
    assert all("{" not in words for words in HIDDEN_WORDS.values())


def test_text_that_reached_a_message_is_clean():
    """An answer that was quoted could otherwise make a result that cannot be written."""
    result = verdict(CHECK, Wrong("wrong-values", "got '\x1b[31m\ud800\u202e'" + "x" * 9000))
    assert result.message.startswith("got '\ufffd\ufffd'xxx")
    assert len(result.message) < 5000
    result.message.encode()


# ---- metrics ---------------------------------------------------------------------------------

SPEC = MetricSpec(better="lower", unit="bits", zero=1.0, full=0.2)
METRIC = Check(
    name="quality", title="It is good", points=4.0, visibility=Visibility.PUBLIC, metric=SPEC, hint="train"
)
VALUES = {
    "full": (0.2, Outcome.PASSED, 4.0, ""),
    "better-than-full": (-1.0, Outcome.PASSED, 4.0, ""),
    "half": (0.6, Outcome.PASSED, 2.0, ""),
    "below-the-mark": (0.61, Outcome.FAILED, 1.95, "below-mark"),
    "zero": (1.0, Outcome.FAILED, 0.0, "below-mark"),
    "worse": (99, Outcome.FAILED, 0.0, "below-mark"),
    "numpy": (np.float64(0.2), Outcome.PASSED, 4.0, ""),
    "measurement": (Measurement(value=0.6, low=0.5, high=0.7, n=10), Outcome.PASSED, 2.0, ""),
    "nan": (math.nan, Outcome.FAILED, 0.0, "not-finite"),
    "infinite": (-math.inf, Outcome.FAILED, 0.0, "not-finite"),
    "none": (None, Outcome.UNGRADED, 0.0, "fault"),
    "text": ("0.2", Outcome.UNGRADED, 0.0, "fault"),
    "bool": (True, Outcome.UNGRADED, 0.0, "fault"),
    "array": (np.array([0.2]), Outcome.UNGRADED, 0.0, "fault"),
}


@pytest.mark.parametrize(("value", "outcome", "earned", "reason"), VALUES.values(), ids=VALUES)
def test_what_a_metric_earns(value, outcome, earned, reason):
    result = verdict(METRIC, None, value)
    assert (result.outcome, result.earned, result.reason) == (outcome, pytest.approx(earned), reason)
    assert (result.measured is None) == (reason in ("fault", "not-finite"))
    if reason in ("", "below-mark"):
        assert "lower is better: 1 earns nothing, 0.2 everything" in result.message
        assert result.hint == ("train" if reason else "")


def test_a_measurement_keeps_its_interval():
    measured = Measurement(value=0.6, low=0.5, high=0.7, interval="bootstrap", n=10)
    assert verdict(METRIC, None, measured).measured == measured


def test_an_interval_without_an_end_has_none():
    measured = verdict(METRIC, None, Measurement(value=0.6, low=-math.inf, high=math.nan)).measured
    assert (measured.value, measured.low, measured.high) == (0.6, None, None)


def test_a_metric_that_raises_is_judged_like_any_check():
    assert verdict(METRIC, Wrong("wrong-shape", "(3,)")).outcome is Outcome.FAILED
    assert verdict(METRIC, LearnerFailure("exit", "Gone.")).measured is None
