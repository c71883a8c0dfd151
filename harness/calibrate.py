"""Measure where a metric's zero and full marks lie, and refuse a metric that tells nothing.

The reference runs over several seeds, each baseline over a few. Zero marks stand at the
baseline that is hardest to beat, full marks where a fresh honest run falls inside with
the stated probability. Then other honest runs, fresh seeds and alternative solutions, show
how many of them would miss full marks; if it is more than 1 %, all of them make the marks.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from harness.anchors import Anchor, Calibration, measured_digest
from harness.catalog import Course
from harness.errors import GraderError, SpecError
from harness.gpu.choosing import on_gpu
from harness.grade import Options, package_version
from harness.gradings import Graded, gradings, places
from harness.lint import Case, read_case
from harness.marks import Runs, anchored, refusals_of
from harness.metrics.calibration import admission, full_mark_bar
from harness.outline import Outlined
from harness.records import Gpu, Outcome
from harness.verify.trials import Candidate, candidate

CONFIDENCE: Final = 0.995
"""Probability that an honest run reaches full marks: 1 % may miss, and half of that is kept in hand."""
FEWEST_SEEDS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often everything runs, and where."""

    sandbox: Literal["docker", "process"] = "docker"
    seeds: int = FEWEST_SEEDS
    """Runs of the reference."""
    baseline_seeds: int = 3
    """Runs of each baseline."""
    reruns: int = 2
    """Further runs of the reference and of each alternative, which the marks are not made from."""
    confidence: float = CONFIDENCE
    jobs: int = 0
    device: Gpu | None = None
    """The GPU that is lent, on which everything runs, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What was measured, and why it may not be used."""

    calibration: Calibration
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Values:
    """What one metric measured, by who was measured."""

    reference: list[float] = field(default_factory=list)
    baseline: dict[str, list[float]] = field(default_factory=dict)
    reruns: list[float] = field(default_factory=list)


Progress = Callable[[int, int, str, Mapping[str, float]], None]
"""Told how many runs of how many are done, whose the last was, and its values by metric."""


def calibrate(course: Course, name: str, plan: Plan, progress: Progress = lambda *_: None) -> Calibrated:
    """Return the marks of an exercise's metrics; nothing is written.

    Raises:
        SpecError: the exercise has no metric or no baseline, or a solution does not reach a metric.
        GraderError: the grader falls over.
        SandboxError: the sandbox cannot be used.
    """
    case = read_case(course, name)
    case = replace(case, exercise=on_gpu(case.exercise)) if plan.device else case
    _require_calibratable(case)
    works = list(_runs(case, plan))
    measured = {metric.name: _Values() for metric in case.outline.metrics}
    digest = measured_digest(course, name)  # of what is run: it may be edited meanwhile
    with gradings(course, [case.exercise], places(1 if plan.device else plan.jobs)) as pool:
        done = pool.graded((((role, one), one.trial) for role, one in works))
        for number, ((role, one), graded) in enumerate(done, 1):
            values = _values(case, one, graded)
            _keep(measured, role, one, values)
            progress(number, len(works), one.name, values)
    return _calibrated(case, measured, plan, digest)


def _require_calibratable(case: Case) -> None:
    if case.outline.faults:
        fault = case.outline.faults[0]
        raise SpecError(f"{fault.file}:{fault.line}: {fault.reason}", hint=f"roadmark lint {case.name}")
    if not case.outline.metrics:
        raise SpecError(f"{case.name} has no @metric, so there is nothing to calibrate")
    if not case.solutions("baseline"):
        folder = case.reference / "baseline"
        raise SpecError(f"{folder} does not exist", hint="add baseline/<name>/: what a metric has to beat")


Role = Literal["reference", "baseline", "rerun"]


def _runs(case: Case, plan: Plan) -> Iterator[tuple[Role, Candidate]]:
    """Yield who runs and what for, each with a fresh seed."""
    marks = {metric.name: _open_marks(metric) for metric in case.outline.metrics}
    options = Options(sandbox=plan.sandbox, candid=True, marks=marks, device=plan.device)
    solution = candidate(case, "solution", case.reference / "solution", options)
    honest = [candidate(case, "alternative", folder, options) for folder in case.solutions("alternative")]
    for turn in range(plan.seeds):
        yield "reference", solution.again(turn)
    for folder in case.solutions("baseline"):
        for turn in range(plan.baseline_seeds):
            yield "baseline", candidate(case, "baseline", folder, options).again(turn)
    for one in (solution, *honest):
        for turn in range(plan.reruns):
            yield "rerun", one.again(plan.seeds + turn)


def _open_marks(metric: Outlined) -> dict[str, float]:
    """Return marks that any value passes, so that checks which need the metric are asked as well."""
    if metric.better == "lower":
        return {"zero": 1e300, "full": 1e299}
    return {"zero": 1e-300, "full": 1e-299} if metric.scale == "log" else {"zero": -1e300, "full": -1e299}


def _values(case: Case, one: Candidate, graded: Graded) -> dict[str, float]:
    """Return the value of each metric in a run; raises if there is none."""
    if graded.result is None:
        raise GraderError(f"grading {one.name}: {graded.fault}")
    values = {}
    for check in graded.result.checks:
        if check.outcome is Outcome.UNGRADED and check.reason == "fault":
            raise GraderError(f"the grader falls over in '{check.name}' on {one.name}: {check.message}")
        if check.metric is None:
            continue
        if check.measured is None:
            why = f"{check.outcome}: {check.message}"
            hint = f"roadmark grade {case.name} {one.folder}"
            raise SpecError(f"{one.name} does not reach the metric '{check.name}' ({why})", hint=hint)
        values[check.name] = check.measured.value
    return values


def _keep(measured: Mapping[str, _Values], role: Role, one: Candidate, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        kept = measured[name]
        several = {
            "reference": kept.reference,
            "rerun": kept.reruns,
            "baseline": kept.baseline.setdefault(one.folder.name, []) if role == "baseline" else [],
        }
        several[role].append(value)


# ---- from values to marks --------------------------------------------------------------------


def _calibrated(case: Case, measured: Mapping[str, _Values], plan: Plan, digest: str) -> Calibrated:
    anchors, refusals, warnings = {}, [], []
    for metric in case.outline.metrics:
        try:
            anchors[metric.name] = _anchor(metric, measured[metric.name], plan.confidence)
        except ValueError as error:
            refusals.append(f"{metric.name}: {error}")
            continue
        told = anchors[metric.name]
        refusals += [f"{metric.name}: {text}" for text in refusals_of(told)]
        warnings += [f"{metric.name}: {text}" for text in _doubts(told)]
    calibration = Calibration(metrics=anchors, digest=digest, environment=_environment(plan))
    return Calibrated(calibration=calibration, refusals=tuple(refusals), warnings=tuple(warnings))


def _anchor(metric: Outlined, values: _Values, confidence: float) -> Anchor:
    """Return a metric's marks; raises `ValueError` where values do not fit the metric's scale."""
    runs = Runs(
        reference=tuple(values.reference),
        baseline={name: tuple(several) for name, several in values.baseline.items()},
        reruns=tuple(values.reruns),
    )
    better: Literal["lower", "higher"] = "lower" if metric.better == "lower" else "higher"
    scale: Literal["linear", "log"] = "log" if metric.scale == "log" else "linear"
    return anchored(runs, better, scale, confidence)


def _doubts(told: Anchor) -> Iterator[str]:
    if told.discrimination is not None and admission(told.discrimination) == "three seeds":
        yield f"discriminates weakly ({told.discrimination:.1f}): measure the mean of three seeds"
    if told.full != full_mark_bar(told.reference, told.better, confidence=told.confidence, scale=told.scale):
        yield "honest runs differ more than the reference's own: full marks are made from all of them"
    if len(told.reference) < FEWEST_SEEDS:
        yield f"{len(told.reference)} seeds of the reference are few; {FEWEST_SEEDS} are asked for"


def _environment(plan: Plan) -> dict[str, str]:
    """Return what the values may depend on besides the code."""
    return {
        "roadmark": package_version("roadmark"),
        "python": platform.python_version(),
        "torch": package_version("torch"),
        "machine": platform.machine(),
        "processors": str(os.cpu_count()),
        "sandbox": plan.sandbox,
        **({"gpu": plan.device.name, "driver": plan.device.driver} if plan.device else {}),
    }
