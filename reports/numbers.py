"""Numbers, times and durations as people read them; whatever is not finite is said in words."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from reports.text import line

_GRAIN: Final = 1e-6
"""Slack of the points' rounding, in hundredths: it hides float noise and nothing else."""
_HUGE: Final = 1e12


def points(value: float) -> str:
    """Return points with at most two decimals, never rounded up to a mark that was not reached."""
    return _hundredths(math.floor(value * 100 + _GRAIN)) if abs(value) < _HUGE else number(value)


def needed(value: float) -> str:
    """Return points that are still to be earned, never rounded down."""
    return _hundredths(math.ceil(value * 100 - _GRAIN)) if abs(value) < _HUGE else number(value)


def number(value: float) -> str:
    """Return a measured value with four significant digits."""
    if not math.isfinite(value):
        return _unreal(value)
    if value != 0 and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3e}".replace("-", "−")
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return _trimmed(f"{value:,.{digits}f}")


def percent(share: float) -> str:
    """Return a share, 0 to 1, in per cent."""
    return f"{_trimmed(f'{100 * share:.1f}') if abs(share) < _HUGE else number(share)} %"


def duration(seconds: float) -> str:
    """Return a length of time in the unit that suits it."""
    if not 0 <= seconds < _HUGE:
        return "unknown"
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def moment(text: str) -> str:
    """Return an ISO 8601 time as a date and a time in UTC; what is not one comes back as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return line(text)
    utc = when.astimezone(UTC) if when.tzinfo and 1 < when.year < 9999 else when
    return f"{utc.day} {utc:%B} {utc.year}, {utc:%H:%M} UTC"


def counted(count: float, one: str, many: str = "") -> str:
    """Return `1 check`, `3 checks`: the count with its noun."""
    return f"{points(count)} {one if count == 1 else many or one + 's'}"


def _hundredths(count: int) -> str:
    return _trimmed(f"{count / 100:,.2f}")


def _trimmed(digits: str) -> str:
    short = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if short == "-0" else short.replace("-", "−")


def _unreal(value: float) -> str:
    return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
