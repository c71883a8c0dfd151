"""From values and outcomes to points: pure arithmetic, with no opinion on where they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.records import CheckResult, MetricSpec, Outcome, Score


def share(value: float, spec: MetricSpec) -> float:
    """Return the share of a metric's points that a value earns, 0 to 1; higher is better.

    Linear between the zero mark and the full mark, in the value or in its logarithm
    (METRICS 2.2: u = (zero - m) / (zero - full), clipped); 0 for a value that is not finite,
    and on a log scale for a value below 0.

    Raises:
        ValueError: the marks are equal, not finite, or do not lie in the direction of `better`.
    """
    require_marks(spec)
    if not math.isfinite(value) or (spec.scale == "log" and value < 0):
        return 0.0
    zero, full, at = (_scaled(mark, spec) for mark in (spec.zero, spec.full, value))
    return min(1.0, max(0.0, (zero - at) / (zero - full)))


def require_marks(spec: MetricSpec) -> None:
    """Refuse marks that cannot become points; raises `ValueError` saying why."""
    if not (math.isfinite(spec.zero) and math.isfinite(spec.full)) or spec.zero == spec.full:
        raise ValueError(f"zero mark {spec.zero} and full mark {spec.full} must be finite and differ")
    if (spec.full < spec.zero) != (spec.better == "lower"):
        raise ValueError(
            f"{spec.better} is better, but the full mark {spec.full} is not on that side of {spec.zero}"
        )
    if spec.scale == "log" and min(spec.zero, spec.full) <= 0:
        raise ValueError("marks on a log scale must be above 0")


def _scaled(value: float, spec: MetricSpec) -> float:
    if spec.scale == "linear":
        return value
    return math.log(max(value, 1e-300))


def total(checks: Sequence[CheckResult], pass_mark: float) -> Score:
    """Return the score over all checks of a manifest.

    Args:
        checks: One result per check.
        pass_mark: Share of the possible points, 0 to 1, that passes.

    Returns:
        Points earned and possible. `passed` needs the pass mark and nothing ungraded.
    """
    possible = math.fsum(check.points for check in checks)
    earned = math.fsum(min(max(0.0, check.earned), check.points) for check in checks)  # 0.0 first: not NaN
    ungraded = math.fsum(check.points for check in checks if check.outcome is Outcome.UNGRADED)
    enough = possible > 0 and earned >= pass_mark * possible - 1e-9
    return Score(
        earned=round(earned, 6),
        possible=round(possible, 6),
        passed=enough and ungraded == 0,
        ungraded=round(ungraded, 6),
    )
