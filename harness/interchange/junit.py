"""JUnit XML, which Artemis, GitLab, Jenkins and most viewers of test reports read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET

from harness.records import CheckResult, Outcome, Result

ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""
TAGS: Final = {
    Outcome.FAILED: "failure",
    Outcome.CRASHED: "failure",
    Outcome.UNGRADED: "error",
    Outcome.SKIPPED: "skipped",
}


def export(results: Iterable[tuple[str, Result]]) -> bytes:
    """Return one suite for each learner and exercise, one case for each check, points as properties."""
    root = ET.Element("testsuites", name="roadmark")
    for learner, result in results:
        root.append(_suite(learner, result))
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()


def _suite(learner: str, result: Result) -> ET.Element:
    outcomes = [check.outcome for check in result.checks]
    suite = ET.Element(
        "testsuite",
        name=_clean(f"{result.exercise} {learner}".strip()),
        tests=str(len(outcomes)),
        failures=str(sum(TAGS.get(one) == "failure" for one in outcomes)),
        errors=str(outcomes.count(Outcome.UNGRADED)),
        skipped=str(outcomes.count(Outcome.SKIPPED)),
        time=f"{result.provenance.seconds:.3f}",
        timestamp=result.provenance.started,
    )
    suite.extend(
        _case(f"{result.exercise}.{learner}" if learner else result.exercise, one) for one in result.checks
    )
    return suite


def _case(place: str, check: CheckResult) -> ET.Element:
    case = ET.Element(
        "testcase", classname=_clean(place), name=_clean(check.title), time=f"{check.seconds:.3f}"
    )
    properties = ET.SubElement(case, "properties")
    for name, value in _properties(check).items():
        ET.SubElement(properties, "property", name=name, value=value)
    if check.outcome is not Outcome.PASSED:
        said = ET.SubElement(
            case, TAGS[check.outcome], type=str(check.outcome), message=_clean(check.message)
        )
        said.text = _clean(check.hint)
    return case


def _properties(check: CheckResult) -> dict[str, str]:
    found = {"points": f"{check.earned:g}", "max_points": f"{check.points:g}", "check": _clean(check.name)}
    if check.metric and check.measured:
        found |= {
            "metric": _clean(check.metric.unit),
            "value": f"{check.measured.value:g}",
            "threshold": f"{check.metric.full:g}",
        }
    return found


def _clean(text: str) -> str:
    return ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
