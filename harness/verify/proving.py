"""The proof of exercises from first to last: read, grade what has to pass and to fail, judge, report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

from harness.catalog import Course, metric_marks
from harness.errors import GraderError, SpecError
from harness.gpu.choosing import on_gpu
from harness.grade import Options
from harness.gradings import Graded, Gradings, Trial, grade_here, gradings, places
from harness.lint import Case, lint, read_case
from harness.mutants import Mutant
from harness.problems import Problem
from harness.records import Exercise, Gpu
from harness.verify import judging
from harness.verify.mutating import Mutants, mutant_trials, mutation, pick
from harness.verify.nonsense import NONSENSE, Slip, ask_nonsense
from harness.verify.report import Proof, Report, Verified
from harness.verify.trials import HONEST, Candidate, candidates

PORTIONS: Final = 4
"""Into how many pieces of work the nonsense for one exercise is dealt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """How much is to be proved, and where."""

    sandbox: Literal["docker", "process"] = "docker"
    repeat: int = 1
    """Fresh seeds for each solution; over several of them no check may flip."""
    mutants: int = 0
    mutant_seed: int = 0
    jobs: int = 0
    """Gradings at once; 0 for one on each processor."""
    fresh: bool = False
    """Whether each grading has a container of its own, as a learner's has, and none is kept."""
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    """From which all seeds follow: the same one, the same proof."""
    device: Gpu | None = None
    """The GPU that is lent, on which all is graded, one after the other; None for the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One piece of work that is done."""

    done: int
    total: int
    exercise: str
    name: str
    seconds: float


Progress = Callable[[Step], None]


def verify(
    course: Course, names: Iterable[str], demands: Demands, progress: Progress = lambda _: None
) -> Report:
    """Return what can be proved of some exercises, with every problem in it.

    Raises:
        SpecError: there is no course.
        SandboxError: the sandbox cannot be used.
    """
    began = time.monotonic()
    wanted = tuple(names)
    static = (*lint(course, wanted), *_without_a_gpu(course, wanted, demands))
    found = [_Found(case) for name in wanted if (case := _provable(course, name, demands))]
    if found:
        exercises = [one.case.exercise for one in found]
        seats = places(1 if demands.device else demands.jobs)
        keep = not (demands.fresh or demands.device)
        with gradings(course, exercises, seats, keep=keep) as pool:
            _prove(_Work(pool, course, progress), found, demands)
        tight = [job for one in found for job in one.tight_jobs()]
        if tight:  # was it the reference, or what ran beside it?
            with gradings(course, exercises, places(1)) as alone:
                _Work(alone, course, progress).do(tight)
    proved = {one.case.name: one for one in found}
    told = [_verified(course, name, static, proved.get(name)) for name in wanted]
    return Report(
        sandbox=demands.sandbox,
        fresh=demands.fresh or demands.sandbox == "process",
        seconds=time.monotonic() - began,
        exercises=tuple(told),
    )


def _without_a_gpu(course: Course, names: Iterable[str], demands: Demands) -> Iterator[Problem]:
    """Yield what cannot be proved here: it is said, and done where there is a GPU."""
    for name in names if demands.device is None else ():
        with suppress(SpecError):
            case = read_case(course, name)
            if case.exercise.device == "gpu":
                fix = f"roadmark verify {name} --device cuda"
                yield case.problem(case.spec, "it needs a GPU, so it was not proved", fix, level="todo")


def _provable(course: Course, name: str, demands: Demands) -> Case | None:
    """Return an exercise if there is enough of it to be graded; what is missing was said before."""
    try:
        case = read_case(course, name)
        marks = metric_marks(course, name, "gpu" if demands.device else "cpu")
    except SpecError:
        return None
    if demands.device:
        case = replace(case, exercise=on_gpu(case.exercise))
    elif case.exercise.device == "gpu":
        return None
    complete = (case.reference / "solution" / case.exercise.entry).is_file() and case.outline.checks
    marked = all(metric.name in marks for metric in case.outline.metrics)
    return case if complete and marked and not case.outline.faults else None


def _prove(work: _Work, found: Sequence[_Found], demands: Demands) -> None:
    """Have all gradings done, an exercise at a time, so that a kept container serves many of them.

    What takes long comes first: exercises that train, and in each what has to earn everything.
    """
    options = Options(sandbox=demands.sandbox, candid=True, seed=demands.seed, device=demands.device)
    order = sorted(found, key=lambda one: not one.case.outline.metrics)
    jobs = [sorted(one.first_jobs(options, demands.repeat), key=lambda job: job.rank) for one in order]
    work.do([job for several in jobs for job in several])
    work.do([job for one in found for job in one.second_looks()])
    if demands.mutants:
        work.do([job for one in found for job in one.mutant_jobs(demands.mutants, demands.mutant_seed)])


# ---- work ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Question:
    """Nonsense to ask of one exercise."""

    exercise: Exercise
    portion: int
    """From 0; which of the portions that the answers are dealt into."""
    seed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One piece of work, and who takes what comes of it."""

    exercise: str
    name: str
    work: Trial | _Question
    take: Callable[[Any, float], None]
    rank: int = 0
    """What has a lower one is begun earlier."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Where work is given to, and who is told of it."""

    pool: Gradings
    course: Course
    progress: Progress

    def do(self, jobs: Sequence[_Job]) -> None:
        """Have all of it done."""
        done = self.pool.each(partial(_did, self.course), [(job, job.work) for job in jobs])
        for number, (job, (answer, seconds)) in enumerate(done, 1):
            job.take(answer, seconds)
            step = Step(done=number, total=len(jobs), exercise=job.exercise, name=job.name, seconds=seconds)
            self.progress(step)


def _did(course: Course, work: Trial | _Question) -> tuple[Graded | tuple[Slip, ...], float]:
    """Do a piece of work in a process of the pool; return what came of it and its seconds."""
    began = time.monotonic()
    answer = grade_here(course, work) if isinstance(work, Trial) else _asked(course, work)
    return answer, time.monotonic() - began


def _asked(course: Course, question: _Question) -> tuple[Slip, ...]:
    try:
        answers = NONSENSE[question.portion :: PORTIONS]
        return ask_nonsense(course, question.exercise, answers, question.seed)
    except (SpecError, GraderError):  # no grading of this exercise went better, and each says why
        return ()


# ---- one exercise ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Runs:
    """The gradings of one candidate, with a fresh seed each."""

    candidate: Candidate
    gradings: list[Graded] = field(default_factory=list)
    again: list[Graded] = field(default_factory=list)
    """Further looks that the first gradings called for."""
    seconds: float = 0.0


@dataclass(slots=True)
class _Found:
    """What has come of the work for one exercise."""

    case: Case
    runs: dict[str, _Runs] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)
    nonsense_seconds: float = 0.0
    mutants: Mutants | None = None
    mutated: list[tuple[Mutant, Graded]] = field(default_factory=list)
    mutant_seconds: float = 0.0

    def first_jobs(self, options: Options, repeat: int) -> Iterator[_Job]:
        """Yield the gradings of all solutions and the starter, and the nonsense."""
        for candidate in candidates(self.case, options, repeat):
            runs = self.runs.setdefault(candidate.name, _Runs(candidate))
            yield self._job(candidate, runs.gradings, rank=0 if candidate.kind in HONEST else 2)
        for portion in range(PORTIONS):
            question = _Question(self.case.exercise, portion, options.seed)
            take = self._take_slips
            yield _Job(exercise=self.case.name, name="nonsense", work=question, take=take, rank=1)

    def second_looks(self) -> Iterator[_Job]:
        """Yield further seeds for honest solutions that missed full marks of a metric."""
        for runs in self.runs.values():
            if any(judging.needs_another_look(runs.candidate, graded) for graded in runs.gradings):
                for turn in range(1, judging.LOOKS):
                    yield self._job(runs.candidate.again(turn), runs.again)

    def tight_jobs(self) -> Iterator[_Job]:
        """Yield gradings, to be run alone, of what came near a limit or, against expectation, beyond one."""
        for runs in self.runs.values():
            late = [graded for graded in runs.gradings if judging.is_late(runs.candidate, graded)]
            for graded in late:
                runs.gradings.remove(graded)
                yield self._job(runs.candidate.again(judging.LOOKS), runs.gradings)
            if not late and any(judging.is_tight(runs.candidate, graded) for graded in runs.gradings):
                yield self._job(runs.candidate.again(judging.LOOKS), runs.again)

    def mutant_jobs(self, count: int, seed: int) -> Iterator[_Job]:
        """Yield the gradings of mutants, if the solution itself earns everything."""
        runs = self.runs["solution"]
        result = runs.gradings[0].result
        if result is None or result.score.earned < result.score.possible:
            return
        self.mutants = pick(runs.candidate, count, seed)
        for mutant, trial in mutant_trials(self.mutants, result.provenance.seconds):
            take = partial(self._take_mutant, mutant)
            yield _Job(exercise=self.case.name, name=f"mutant {mutant.id}", work=trial, take=take)

    def _job(self, candidate: Candidate, kept: list[Graded], rank: int = 0) -> _Job:
        take = partial(self._take, candidate.name, kept)
        return _Job(exercise=self.case.name, name=candidate.name, work=candidate.trial, take=take, rank=rank)

    def _take(self, name: str, kept: list[Graded], graded: Graded, seconds: float) -> None:
        kept.append(graded)
        self.runs[name].seconds += seconds

    def _take_slips(self, slips: Sequence[Slip], seconds: float) -> None:
        self.slips += slips
        self.nonsense_seconds += seconds

    def _take_mutant(self, mutant: Mutant, graded: Graded, seconds: float) -> None:
        self.mutated.append((mutant, graded))
        self.mutant_seconds += seconds

    def proofs(self) -> Iterator[Proof]:
        """Yield what was proved, and what was not."""
        for name, runs in self.runs.items():
            yield Proof(name=name, seconds=runs.seconds, problems=tuple(_run_problems(runs)))
        slips = tuple(judging.nonsensical(self.case, self.slips))
        yield Proof(name="nonsense", seconds=self.nonsense_seconds, problems=slips)


def _run_problems(runs: _Runs) -> Iterator[Problem]:
    candidate, every = runs.candidate, [*runs.gradings, *runs.again]
    yield from judging.judged(candidate, every)
    yield from judging.flips(candidate, runs.gradings)
    if candidate.kind in HONEST:
        yield from judging.tight(candidate, every)


# ---- the report ------------------------------------------------------------------------------


def _verified(course: Course, name: str, static: Sequence[Problem], found: _Found | None) -> Verified:
    own = tuple(problem for problem in static if problem.exercise == name)
    read = Proof(name="specification and files", problems=own)
    if found is None:
        return Verified(id=name, title=_title(course, name), proofs=(read,))
    proofs, mutated = [read, *found.proofs()], None
    if found.mutants is not None:
        mutated, told = mutation(found.mutants, found.mutated)
        proofs.append(Proof(name="mutants", seconds=found.mutant_seconds, problems=told))
    gradings_of_wrong = [(runs.candidate, one) for runs in found.runs.values() for one in runs.gradings]
    reference = found.runs["solution"].gradings[0].result
    return Verified(
        id=name,
        title=found.case.exercise.title,
        checks=tuple(check.name for check in found.case.outline.checks),
        caught=tuple(sorted(judging.caught(gradings_of_wrong))),
        points=found.case.outline.points,
        reference_seconds=reference.provenance.seconds if reference else None,
        proofs=tuple(proofs),
        mutation=mutated,
    )


def _title(course: Course, name: str) -> str:
    try:
        return read_case(course, name).exercise.title
    except SpecError:
        return ""
