"""Results for machines: JUnit XML for CI, and Markdown for the summary of a GitHub job.

Both are text made from records. XML gets no character that XML forbids, Markdown nothing
that it would act on, whatever learners call themselves or print.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from harness.records import Outcome, Visibility
from reports.advice import headline
from reports.numbers import duration, points
from reports.text import capped, line, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.records import CheckResult, Result

SIGNS: Final = {
    Outcome.PASSED: "✅",
    Outcome.FAILED: "❌",
    Outcome.CRASHED: "💥",
    Outcome.SKIPPED: "⏭️",
    Outcome.UNGRADED: "🔁",
}
VERDICT_SIGNS: Final = {"passed": "✅", "failed": "❌", "ungraded": "🔁"}
DETAILED: Final = 10
"""Submissions whose failing checks a summary tells; of more it has the table alone."""
ROWS: Final = 1000
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ACTIVE: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:@&$=/'\"])")


def junit(results: Iterable[Result]) -> Iterator[str]:
    """Yield JUnit XML piece by piece: a suite for each submission, a case for each check.

    A failed check is a `failure`, a crashed or ungraded one an `error`: the second is our fault
    and no verdict. Of hidden checks there is told what a learner may read.
    """
    yield '<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="roadmark">\n'
    for result in results:
        outcomes = [check.outcome for check in result.checks]
        errors = outcomes.count(Outcome.CRASHED) + outcomes.count(Outcome.UNGRADED)
        name = f"{result.exercise} {result.learner}".strip()
        yield (
            f"  <testsuite name={_attribute(name)} tests={_attribute(len(outcomes))}"
            f" failures={_attribute(outcomes.count(Outcome.FAILED))} errors={_attribute(errors)}"
            f" skipped={_attribute(outcomes.count(Outcome.SKIPPED))}"
            f" time={_attribute(_seconds(result.provenance.seconds))}"
            f" timestamp={_attribute(result.provenance.finished)}>\n"
        )
        yield from (_case(check, result) for check in result.checks)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _case(check: CheckResult, result: Result) -> str:
    head = (
        f"    <testcase classname={_attribute(result.exercise)} name={_attribute(check.name)}"
        f" time={_attribute(_seconds(check.seconds))}"
    )
    if check.outcome is Outcome.PASSED:
        return f"{head}/>\n"
    told = f"{check.outcome}: {check.title}, {points(check.earned)} of {points(check.points)} points"
    hint = f"\nHint: {check.hint}" if check.hint else ""
    if check.outcome is Outcome.SKIPPED:
        return f"{head}><skipped message={_attribute(told)}/></testcase>\n"
    kind = "failure" if check.outcome is Outcome.FAILED else "error"
    text = _xml(capped(check.message, 20_000, 400) + hint)
    attributes = f"type={_attribute(check.reason or check.outcome)} message={_attribute(told)}"
    return f"{head}><{kind} {attributes}>{text}</{kind}></testcase>\n"


def job_summary(results: Iterable[Result]) -> str:
    """Return GitHub-flavoured Markdown: a table of submissions, and of few of them what went wrong."""
    head = ["| | learner | exercise | points | outcome | time |", "|---|---|---|---:|---|---:|"]
    rows: list[str] = []
    details: list[str] = []
    count = passed = 0
    for count, result in enumerate(results, 1):
        passed += result.score.passed
        if count <= ROWS:
            rows.append(_row(result))
        if count <= DETAILED:
            details += _details(result)
    more = [f"… truncated: {count - ROWS:,} more submissions"] if count > ROWS else []
    told = f"**{passed:,} of {count:,} submissions passed.**"
    shown = details if count <= DETAILED else []
    return "\n".join(["## Roadmark", "", told, "", *head, *rows, "", *more, *shown]) + "\n"


def _row(result: Result) -> str:
    told = headline(result)
    cells = (
        VERDICT_SIGNS[told.verdict],
        markdown(result.learner),
        markdown(result.exercise),
        f"{points(result.score.earned)} of {points(result.score.possible)}",
        told.words,
        duration(result.provenance.seconds),
    )
    return f"| {' | '.join(cells)} |"


def _details(result: Result) -> Iterator[str]:
    missed = [check for check in result.checks if check.outcome is not Outcome.PASSED]
    if not missed:
        return
    yield f"### {markdown(result.learner)}: {markdown(result.exercise_title)}"
    yield ""
    for check in missed:
        hidden = " (hidden)" if check.visibility is Visibility.HIDDEN else ""
        worth = f"{points(check.earned)} of {points(check.points)}"
        why = f": {markdown(check.message)}" if check.message else ""
        yield f"- {SIGNS[check.outcome]} **{markdown(check.title)}**{hidden}, {worth}{why}"
        if check.hint:
            yield f"  Hint: {markdown(check.hint)}"
    yield ""


def markdown(text: str, characters: int = 300) -> str:
    """Return text as one line of Markdown that shows it and does nothing: no link, mention, HTML or table."""
    return (
        _ACTIVE.sub(r"\\\1", line(text, characters)).replace("\\@", "@\u2060").replace("\\:\\/", ":\u2060/")
    )


def _xml(text: object) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", visible(str(text))))


def _attribute(value: object) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", line(str(value), 500)))


def _seconds(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) and value >= 0 else "0"
