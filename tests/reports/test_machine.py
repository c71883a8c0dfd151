"""JUnit and Markdown say what the records say, and nothing else whatever is written in them."""

import re
from xml.etree import ElementTree as ET

import pytest
from hostile_strings import CORPUS, tainted
from learner_samples import attention, everything, gpt, vae

from reports.machine import job_summary, junit, markdown


def read(*results):
    return ET.fromstring("".join(junit(results)))


def test_junit_has_a_suite_for_each_submission_and_a_case_for_each_check():
    root = read(attention(), gpt())
    first, second = root.findall("testsuite")
    assert (first.get("tests"), first.get("failures"), first.get("errors")) == ("9", "0", "0")
    assert len(first.findall("testcase")) == 9
    assert second.get("name") == "transformers/gpt Мария Петрова"
    assert (second.get("failures"), second.get("errors"), second.get("skipped")) == ("1", "3", "2")


def test_junit_tells_outcomes_apart():
    cases = {case.get("name"): case for case in read(gpt()).iter("testcase")}
    assert "mask the scores" in cases["causal"].find("failure").text
    assert cases["generate"].find("error").get("type") == "exception"
    assert cases["parity"].find("error").get("type") == "fault"
    assert cases["training"].find("skipped") is not None
    assert len(cases["shapes"]) == 0


def test_nothing_graded_is_an_empty_document():
    assert len(read()) == 0
    assert "0 of 0" in job_summary([])


@pytest.mark.parametrize("payload", CORPUS, ids=lambda p: ascii(p)[1:40])
def test_junit_stays_well_formed(payload):
    root = read(tainted(everything(), payload))
    assert {one.tag for one in root.iter()} <= {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
        "error",
        "skipped",
    }
    assert len(root.findall("testsuite")) == 1
    "".join(junit([tainted(everything(), payload)])).encode("utf-8")


@pytest.mark.parametrize("payload", CORPUS, ids=lambda p: ascii(p)[1:40])
def test_a_summary_keeps_its_own_shape(payload):
    plain, hostile = (job_summary([tainted(everything(), text)]).split("\n") for text in ("x", payload))
    assert len(plain) == len(hostile)
    row = hostile[6]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 7
    "\n".join(hostile).encode("utf-8")


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("plain words", "plain words", id="plain"),
        pytest.param("a_b*c", r"a\_b\*c", id="emphasis"),
        pytest.param("[x](y)", r"\[x\]\(y\)", id="link"),
        pytest.param("<b>", r"\<b\>", id="html"),
        pytest.param("a|b", r"a\|b", id="table"),
        pytest.param("@all", "@\u2060all", id="mention"),
        pytest.param("one\ntwo", "one two", id="lines"),
        pytest.param("a\x1b[31m", "a", id="terminal"),
    ],
)
def test_markdown_is_inert(text, want):
    assert markdown(text) == want


def test_no_address_is_left_for_github_to_link():
    assert "http://" not in markdown("see http://evil.example now").replace("\\", "")


def test_the_summary_tells_what_went_wrong_of_few():
    text = job_summary([vae(), gpt()])
    assert "**1 of 2 submissions passed.**" in text
    assert "A token never sees" in text
    assert "Hint:" in text
    assert "A token never sees" not in job_summary([gpt()] * 11)
    assert job_summary([gpt()] * 1001).count("\n| ") < 1010
    assert "1 more submissions" in job_summary([gpt()] * 1001)
