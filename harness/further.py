"""Further seeds: a score whose interval spans the pass mark is settled by more runs, not by one throw.

After one run every metric has a value and, where it can be had, a 95 % interval. If the exercise passes at
one end of the intervals and fails at the other, it is graded again with further seeds, three runs in all and
then five; each metric then counts with its mean over the runs (the geometric one on a log scale), and
its interval is Student's over the runs. What is still open after the last run is decided for the learner.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from harness.records import CheckResult, Measurement, MetricSpec, Outcome, Result, Score
from harness.scoring import share, total

STAGES: Final = (1, 3, 5)
"""Runs in all after which the question is asked again."""


def settled(run: Callable[[bytes], Result], seed: bytes, most: int = STAGES[-1]) -> Result:
    """Return the result of one run, or of several where one leaves open whether the exercise passes.

    Args:
        run: Grades with a seed.
        seed: The first run's seed; the others follow from it, so that a replay asks the same.
        most: Runs at most; 1 never asks for more.
    """
    results = [run(seed)]
    for stage in (stage for stage in STAGES[1:] if stage <= most):
        if not undecided(averaged(results)):
            break
        while len(results) < stage:
            results.append(run(further_seed(seed, len(results))))
    return _in_doubt_for_the_learner(averaged(results)) if len(results) > 1 else results[0]


def further_seed(seed: bytes, index: int) -> bytes:
    """Return the seed of a further run, 16 bytes."""
    return hashlib.sha256(seed + index.to_bytes(4, "big")).digest()[:16]


def undecided(result: Result) -> bool:
    """Tell whether the exercise passes at one end of its metrics' intervals and fails at the other."""
    worst, best = (_score(result, best=best) for best in (False, True))
    return best.passed and not worst.passed


def averaged(results: Sequence[Result]) -> Result:
    """Return the first result with each metric's mean over all of them; plain checks stay the first run's."""
    first = results[0]
    if len(results) == 1:
        return first
    checks = tuple(_mean(check, [_named(result, check.name) for result in results]) for check in first.checks)
    notice = f"Graded with {len(results)} seeds, because one left open whether it passes."
    return replace(
        first, checks=checks, score=total(checks, first.pass_mark), notices=(*first.notices, notice)
    )


def _in_doubt_for_the_learner(result: Result) -> Result:
    if not undecided(result) or result.score.passed:
        return result
    notice = "The interval still reaches the pass mark; the doubt is settled in your favour."
    return replace(result, score=replace(result.score, passed=True), notices=(*result.notices, notice))


def _named(result: Result, name: str) -> CheckResult | None:
    return next((check for check in result.checks if check.name == name), None)


def _mean(check: CheckResult, runs: Sequence[CheckResult | None]) -> CheckResult:
    """Return a metric's result over several runs; a run that measured nothing does not count."""
    measured = [one.measured for one in runs if one is not None and one.measured is not None]
    if check.metric is None or check.measured is None or len(measured) < 2:
        return check
    together = _over_seeds(check.measured, [one.value for one in measured], check.metric)
    part = share(together.value, check.metric)
    outcome = Outcome.PASSED if part >= check.metric.pass_share else Outcome.FAILED
    values = ", ".join(f"{value:.4g}" for value in together.values)
    return replace(
        check,
        outcome=outcome,
        earned=round(part * check.points, 4),
        measured=together,
        message=f"{together.value:.4g} {check.metric.unit}, the mean of {values}: {part:.0%} of the points.",
        reason="" if outcome is Outcome.PASSED else "below-mark",
        hint="" if outcome is Outcome.PASSED else check.hint,
    )


def _over_seeds(first: Measurement, values: Sequence[float], spec: MetricSpec) -> Measurement:
    """Return the mean of a value per seed and Student's 95 % interval for it."""
    from harness.metrics.intervals import t_interval  # scipy: only where there are several runs

    logarithmic = spec.scale == "log" and min(values) > 0
    scaled = [math.log(value) for value in values] if logarithmic else list(values)
    back: Callable[[float], float] = math.exp if logarithmic else float
    interval = t_interval(scaled)
    return replace(
        first,
        value=back(math.fsum(scaled) / len(scaled)),
        low=back(interval.low),
        high=back(interval.high),
        interval=f"t, {len(values)} seeds",
        values=tuple(values),
    )


def _score(result: Result, *, best: bool) -> Score:
    """Return the score at one end of every interval."""
    checks = [replace(check, earned=_earned(check, best=best)) for check in result.checks]
    return total(checks, result.pass_mark)


def _earned(check: CheckResult, *, best: bool) -> float:
    if check.metric is None or check.measured is None:
        return check.earned
    ends = [end for end in (check.measured.low, check.measured.high) if end is not None]
    parts = [share(end, check.metric) for end in (check.measured.value, *ends)]
    return check.points * (max(parts) if best else min(parts))
