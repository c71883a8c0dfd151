"""One word for what became of a submission."""

from __future__ import annotations

from harness.records import Outcome, Result

OUTCOMES = ("passed", "failed", "crashed", "invalid", "ungraded")


def outcome_of(result: Result) -> str:
    """Return what became of a graded submission, in one word.

    Returns:
        `ungraded` if a fault of ours left any check without a verdict; `passed` from the
        pass mark on; `invalid` if intake refused the files; `crashed` if no check got an
        answer, because the code raised, hung or died each time; otherwise `failed`.
    """
    if result.score.ungraded or any(check.outcome is Outcome.UNGRADED for check in result.checks):
        return "ungraded"
    if result.score.passed:
        return "passed"
    asked = [check for check in result.checks if check.outcome is not Outcome.SKIPPED]
    if any(check.reason == "invalid" for check in asked):
        return "invalid"
    return "crashed" if all(check.outcome is Outcome.CRASHED for check in asked) else "failed"
