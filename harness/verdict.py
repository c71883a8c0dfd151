"""What an exception in a check means: the one place where outcomes are decided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from harness.failures import LearnerFailure, plain
from harness.grading import Wrong
from harness.records import Check, CheckResult, Measurement, Outcome, Visibility
from harness.scoring import share

HIDDEN_WORDS: Final[Mapping[str, str]] = {
    "wrong-type": "The answer is of the wrong type.",
    "wrong-shape": "The answer has the wrong shape.",
    "wrong-dtype": "The answer has the wrong dtype.",
    "not-finite": "The answer contains NaN or infinity.",
    "wrong-values": "The answer is wrong.",
}


class Unmet(Exception):
    """A check cannot be asked, because one that it needs did not pass."""

    def __init__(self, title: str, *, ours: bool = False) -> None:
        super().__init__(title)
        self.ours = ours


def verdict(check: Check, error: BaseException | None, value: object = None) -> CheckResult:
    """Return the result of a check.

    Args:
        check: The manifest's entry.
        error: What asking it raised, or None.
        value: What a metric returned.
    """
    match error:
        case None if check.metric is None:
            return _result(check, Outcome.PASSED, earned=check.points)
        case None:
            return _measured(check, value)
        case LearnerFailure():
            words = error.brief if _hidden(check) else str(error)
            return _result(check, Outcome.CRASHED, words, error.reason)
        case Wrong():
            return _result(check, Outcome.FAILED, _words(check, error.reason, str(error)), error.reason)
        case AssertionError():
            text = str(error) or HIDDEN_WORDS["wrong-values"]
            return _result(check, Outcome.FAILED, _words(check, "wrong-values", text), "wrong-values")
        case TypeError() if str(error).endswith("object is not callable"):
            words = f"A name that the exercise calls is not a function: {error}."
            return _result(check, Outcome.FAILED, _words(check, "wrong-type", words), "wrong-type")
        case Unmet(ours=True):
            return _result(
                check, Outcome.UNGRADED, f"It needs '{error}', which could not be graded.", "needs"
            )
        case Unmet():
            return _result(check, Outcome.SKIPPED, f"Not asked: '{error}' has to pass first.", "needs")
    return ungraded(check, f"{type(error).__name__}: {error}")


def ungraded(check: Check, cause: str) -> CheckResult:
    """Return the result of a check that a fault of ours left without a verdict."""
    words = "This is a fault of the harness or the grader and costs you nothing; it has to be graded again."
    return _result(
        check, Outcome.UNGRADED, f"{words} ({cause[:500]})" if not _hidden(check) else words, "fault"
    )


def _measured(check: Check, value: object) -> CheckResult:
    """Turn a metric's value into points."""
    measured = value if isinstance(value, Measurement) else None
    if measured is None and isinstance(value, (int, float)) and not isinstance(value, bool):
        measured = Measurement(value=float(value))
    if measured is None or check.metric is None:
        return ungraded(check, f"the metric returned {type(value).__name__}, not a number")
    if not math.isfinite(measured.value):
        return _result(check, Outcome.FAILED, "The metric is not a finite number.", "not-finite")
    low, high = (
        end if end is not None and math.isfinite(end) else None for end in (measured.low, measured.high)
    )
    measured = replace(measured, low=low, high=high)  # JSON has no infinity
    part = share(measured.value, check.metric)
    outcome = Outcome.PASSED if part >= check.metric.pass_share else Outcome.FAILED
    result = _result(
        check, outcome, _placed(check, measured.value, part), "", earned=round(part * check.points, 4)
    )
    return replace(result, measured=measured, reason="" if outcome is Outcome.PASSED else "below-mark")


def _placed(check: Check, value: float, part: float) -> str:
    spec = check.metric
    if spec is None:
        return ""
    return (
        f"{value:.4g} {spec.unit}; {spec.better} is better: {spec.zero:.4g} earns nothing, "
        f"{spec.full:.4g} everything, this {part:.0%}."
    )


def _words(check: Check, reason: str, text: str) -> str:
    return HIDDEN_WORDS.get(reason, HIDDEN_WORDS["wrong-values"]) if _hidden(check) else text


def _hidden(check: Check) -> bool:
    return check.visibility is Visibility.HIDDEN


def _result(
    check: Check, outcome: Outcome, message: str = "", reason: str = "", earned: float = 0.0
) -> CheckResult:
    return CheckResult(
        name=check.name,
        title=check.title,
        outcome=outcome,
        earned=earned,
        points=check.points,
        visibility=check.visibility,
        message=plain(message),
        hint="" if outcome is Outcome.PASSED else check.hint,
        reason=reason,
        needs=check.needs,
        teaches=check.teaches,
        metric=check.metric,
    )
