"""From the results of gradings to problems: pure functions, so that each rule is tested without a sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.expectations import CAUGHT, FILE, read_expectation
from harness.gradings import Graded
from harness.lint import Case
from harness.problems import Problem
from harness.records import CheckResult, Outcome, Result
from harness.verify.nonsense import Slip
from harness.verify.trials import HONEST, Candidate

HALF: Final = 0.5
"""Share of a limit that a reference may use."""
LOOKS: Final = 3
"""Seeds over which a metric is judged that missed full marks at the first: honest runs miss 1 in 100."""
NAMED: Final = 4
"""How many kinds of nonsense a problem names."""


def judged(candidate: Candidate, gradings: Sequence[Graded]) -> Iterator[Problem]:
    """Yield what is wrong with the gradings of one candidate, each with a seed of its own."""
    faults = dict.fromkeys(graded.fault for graded in gradings if graded.fault)
    for fault in faults:
        yield _grader_problem(candidate.case, None, f"grading {candidate.name}: {fault}")
    results = [graded.result for graded in gradings if graded.result]
    for result in results[:1]:
        yield from _fallen(candidate, result)
    if candidate.kind in HONEST:
        yield from _short(candidate, results)
    elif candidate.kind == "wrong":
        yield from _unexpected(candidate, results)
    elif candidate.kind == "starter":
        yield from _started(candidate, results)


def _fallen(candidate: Candidate, result: Result) -> Iterator[Problem]:
    for check in result.checks:
        if check.outcome is Outcome.UNGRADED and check.reason != "needs":
            reason = f"the grader falls over in '{check.name}' on {candidate.name}: {check.message}"
            yield _grader_problem(candidate.case, check.name, reason)


def needs_another_look(candidate: Candidate, graded: Graded) -> bool:
    """Whether an honest solution missed points in metrics alone, which by chance it may, 1 time in 100."""
    missed = [check for check in graded.result.checks if short(check)] if graded.result else []
    return candidate.kind in HONEST and bool(missed) and all(check.metric for check in missed)


def short(check: CheckResult) -> bool:
    """Whether a check did not earn all its points."""
    return check.outcome is not Outcome.PASSED or check.earned < check.points


def _short(candidate: Candidate, results: Sequence[Result]) -> Iterator[Problem]:
    """Yield the checks in which an honest solution loses points: any miss, of a metric in most runs."""
    for index, check in enumerate(results[0].checks if results else ()):
        missed = [result for result in results if short(result.checks[index])]
        allowed = (len(results) - 1) // 2 if check.metric else 0
        if len(missed) > allowed and missed[0].checks[index].outcome is not Outcome.UNGRADED:
            yield _miss(candidate, missed[0].checks[index], missed[0], len(missed), len(results))


def _miss(candidate: Candidate, check: CheckResult, result: Result, times: int, runs: int) -> Problem:
    often = f" in {times} of {runs} runs" if runs > 1 else ""
    told = f": {check.message}" if check.message else ""
    reason = (
        f"{candidate.name} earns {check.earned:g} of {check.points:g} in '{check.name}'{often}"
        f" ({check.outcome}){told} [seed {result.provenance.seed}]"
    )
    fix = "mend the solution, or the check; replay: " + _replay(candidate, result)
    return candidate.case.problem(candidate.entry, reason, fix)


def _replay(candidate: Candidate, result: Result) -> str:
    place = candidate.case.problem(candidate.folder, "").file
    return f"roadmark grade {candidate.case.name} {place} --seed {result.provenance.seed}"


def _unexpected(candidate: Candidate, results: Sequence[Result]) -> Iterator[Problem]:
    """Yield where a wrong solution fails otherwise than its expect.toml says."""
    expectation, faults = read_expectation(candidate.folder)
    if faults or not results:
        return
    file, result = candidate.folder / FILE, results[0]
    for check in result.checks:
        wanted = expectation.checks.get(check.name, Outcome.PASSED)
        if check.outcome not in (wanted, Outcome.UNGRADED):
            told = f": {check.message}" if check.message else ""
            reason = f"{candidate.name}: '{check.name}' {_was(check.outcome)}, expected {wanted}{told}"
            yield candidate.case.problem(file, reason, "mend the check, the solution, or what is expected")
    if result.score.passed:
        reason = f"{candidate.name} passes with {result.score.earned:g} of {result.score.possible:g} points"
        fix = "raise pass_mark, or give the checks that catch it more points"
        yield candidate.case.problem(file, reason, fix)


def _was(outcome: Outcome) -> str:
    return outcome if outcome in (Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED) else f"was {outcome}"


def _started(candidate: Candidate, results: Sequence[Result]) -> Iterator[Problem]:
    for result in results:
        unimported = next((check for check in result.checks if check.reason == "import"), None)
        if unimported:
            fix = "keep what the starter needs at import outside the solution markers"
            yield candidate.case.problem(candidate.entry, f"the starter: {unimported.message}", fix)
        if result.score.passed:
            reason = f"the starter passes with {result.score.earned:g} of {result.score.possible:g} points"
            yield candidate.case.problem(
                candidate.entry, reason, "let checks need one that the starter fails"
            )


def flips(candidate: Candidate, gradings: Sequence[Graded]) -> Iterator[Problem]:
    """Yield the checks whose outcome depends on the seed."""
    results = [graded.result for graded in gradings if graded.result]
    for index, check in enumerate(results[0].checks if results else ()):
        seen: dict[Outcome, list[str]] = {}
        for result in results:
            seen.setdefault(result.checks[index].outcome, []).append(result.provenance.seed)
        if len(seen) > 1:
            counts = ", ".join(f"{outcome} {len(seeds)} times" for outcome, seeds in seen.items())
            rarest = min(seen.values(), key=len)[0]
            reason = f"'{check.name}' flips on {candidate.name}: {counts} [seed {rarest}]"
            fix = "more cases, a wider tolerance, or a larger sample: a verdict must not depend on luck"
            yield _grader_problem(candidate.case, check.name, reason, fix)


# ---- time ------------------------------------------------------------------------------------


def limits_used(result: Result, case: Case) -> dict[str, float]:
    """Return the share of each limit that a run has used, 0 to 1, by the limit's name."""
    limits, seen = case.exercise.limits, result.provenance
    used = {"total_seconds": seen.seconds / limits.total_seconds}
    if seen.closest_call is not None:
        used["call_seconds"] = seen.closest_call
    if seen.peak_memory_mb is not None:
        used["memory_mb"] = seen.peak_memory_mb / limits.memory_mb
    return used


def is_tight(candidate: Candidate, graded: Graded) -> bool:
    """Whether an honest solution used more than half of a limit."""
    if candidate.kind not in HONEST or graded.result is None:
        return False
    return max(limits_used(graded.result, candidate.case).values()) > HALF


def is_late(candidate: Candidate, graded: Graded) -> bool:
    """Whether time ran out in a check that is not expected to crash: a busy machine may be why."""
    expectation, _ = read_expectation(candidate.folder) if candidate.kind == "wrong" else (None, ())
    expected = expectation.checks if expectation else {}
    checks = graded.result.checks if graded.result else ()
    late = (check.name for check in checks if check.reason == "timeout")
    return any(expected.get(name) is not Outcome.CRASHED for name in late)


def tight(candidate: Candidate, gradings: Sequence[Graded]) -> Iterator[Problem]:
    """Yield the limits of which every run of an honest solution used more than half."""
    runs = [limits_used(graded.result, candidate.case) for graded in gradings if graded.result]
    for name in runs[0] if runs else ():
        least = min(run.get(name, 0.0) for run in runs)
        if least > HALF:
            reason = f"{candidate.name} uses {least:.0%} of {name}"
            fix = f"raise limits.{name} to twice of what the reference needs"
            yield candidate.case.problem(candidate.case.spec, reason, fix)


# ---- nonsense --------------------------------------------------------------------------------


def nonsensical(case: Case, slips: Sequence[Slip]) -> Iterator[Problem]:
    """Yield one problem for each check that nonsense got the better of."""
    groups: dict[tuple[str, bool, str], list[str]] = {}
    for slip in slips:
        told = "" if slip.earned else slip.told
        groups.setdefault((slip.check, slip.earned, told), []).append(slip.nonsense)
    for (check, earned, told), names in groups.items():
        answers = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        if earned:
            reason = f"nonsense earns points in '{check}': {answers}"
            fix = "let it need a check that constants, zeros and the identity fail"
        else:
            reason = f"nonsense makes the grader fall over in '{check}': {answers}: {told}"
            fix = "look at an answer only through expect_array, expect_number, expect_text and the like"
        yield _grader_problem(case, check, reason, fix)


def caught(candidates: Sequence[tuple[Candidate, Graded]]) -> frozenset[str]:
    """Return the names of the checks that at least one wrong solution failed."""
    return frozenset(
        check.name
        for candidate, graded in candidates
        if candidate.kind == "wrong" and graded.result
        for check in graded.result.checks
        if check.outcome in CAUGHT
    )


# ---- places ----------------------------------------------------------------------------------


def _grader_problem(case: Case, check: str | None, reason: str, fix: str = "") -> Problem:
    """Return a problem that points to a check, or to the grader's folder."""
    place = next(((one.file, one.line) for one in case.outline.checks if one.name == check), None)
    file, line = place or (Path(case.course.grader_folder(case.name)), 0)
    return case.problem(file, reason, fix, line=line)
