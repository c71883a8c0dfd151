"""Grade mutants of a reference as if they were handed in, and say which ones the checks do not catch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.errors import SpecError
from harness.excuses import FILE, excuses
from harness.gradings import Graded, Trial
from harness.intake.read import digest
from harness.lint import Case
from harness.mutants import AIM, Mutant, chosen, mutants
from harness.problems import Problem
from harness.records import Outcome
from harness.verify.judging import short
from harness.verify.report import Mutation, Survivor
from harness.verify.trials import Candidate

LEAST_SECONDS: Final = 30.0
TIMES_REFERENCE: Final = 3.0
"""How much longer than the reference a mutant may run before it counts as caught."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutants:
    """The mutants chosen of one exercise, and what is wrong with its excuses."""

    case: Case
    solution: Candidate
    picked: tuple[Mutant, ...]
    excused: int = 0
    problems: tuple[Problem, ...] = ()


def pick(solution: Candidate, count: int, seed: int) -> Mutants:
    """Return so many mutants of a solution that are not excused."""
    case = solution.case
    every = mutants(solution.entry.read_text(encoding="utf-8"))
    try:
        found = excuses(case.reference)
    except SpecError as error:
        problem = case.problem(case.reference / FILE, str(error), error.hint)
        return Mutants(case=case, solution=solution, picked=(), problems=(problem,))
    gone = tuple(
        case.problem(case.reference / FILE, f"'{place}' fits no mutant any more", "remove it")
        for place in found.unused(every)
    )
    wanted = chosen(every, count, seed)
    picked = tuple(mutant for mutant in wanted if not found.excuse(mutant))
    return Mutants(
        case=case, solution=solution, picked=picked, excused=len(wanted) - len(picked), problems=gone
    )


def mutant_trials(mutated: Mutants, reference_seconds: float) -> Iterator[tuple[Mutant, Trial]]:
    """Yield each mutant as something to grade: short of time, and no further than its first loss."""
    trial = mutated.solution.trial
    limits = trial.exercise.limits
    seconds = min(limits.total_seconds, max(LEAST_SECONDS, TIMES_REFERENCE * reference_seconds))
    exercise = replace(trial.exercise, limits=replace(limits, total_seconds=seconds))
    options = replace(trial.options, stop_early=True)
    for mutant in mutated.picked:
        files = tuple(
            replace(file, data=mutant.source.encode()) if file.path == trial.submission.entry else file
            for file in trial.submission.files
        )
        submission = replace(trial.submission, files=files, digest=digest(files))
        yield mutant, Trial(exercise=exercise, submission=submission, options=options)


def mutation(
    mutated: Mutants, gradings: Sequence[tuple[Mutant, Graded]]
) -> tuple[Mutation, tuple[Problem, ...]]:
    """Return which mutants were caught, and what is wrong with the grader for it."""
    case, problems = mutated.case, list(mutated.problems)
    survivors = []
    for mutant, graded in gradings:
        told = _fallen(graded)
        if told:
            reason = f"mutant {mutant.id} ({_became(mutant)}) makes the grader fall over: {told}"
            problems.append(case.problem(case.course.grader_folder(case.name), reason))
        elif graded.result and not any(short(check) for check in graded.result.checks):
            survivors.append(mutant)
    found = Mutation(
        graded=len(gradings),
        caught=len(gradings) - len(survivors),
        excused=mutated.excused,
        survivors=tuple(_survivor(case, mutated.solution, mutant) for mutant in survivors),
    )
    if found.share < AIM:
        problems.append(_too_weak(case, found))
    return found, tuple(problems)


def _fallen(graded: Graded) -> str:
    """Return how the grader fell over; empty if it did not."""
    checks = graded.result.checks if graded.result else ()
    fallen = (f"'{check.name}': {check.message}" for check in checks if check.outcome is Outcome.UNGRADED)
    return graded.fault or next(fallen, "")


def _became(mutant: Mutant) -> str:
    return f"{mutant.kind}: {mutant.after}"


def _survivor(case: Case, solution: Candidate, mutant: Mutant) -> Survivor:
    return Survivor(
        id=mutant.id,
        kind=mutant.kind,
        file=case.problem(solution.entry, "").file,
        line=mutant.line,
        before=mutant.before,
        after=mutant.after,
    )


def _too_weak(case: Case, found: Mutation) -> Problem:
    reason = f"{found.caught} of {found.graded} mutants are caught, which is less than {AIM:.0%}"
    fix = f"add checks for the survivors, or excuse those that cannot matter in {FILE}, with the reason"
    return case.problem(case.course.grader_folder(case.name), reason, fix)
