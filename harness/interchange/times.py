"""Times as Roadmark writes them: UTC, ISO 8601, to the second."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.errors import SpecError


def now() -> str:
    """Return the time as it is written down."""
    return written(datetime.now(UTC))


def written(found: datetime) -> str:
    """Return a moment as text; one without a time zone counts as UTC."""
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds")


def moment(text: str) -> datetime:
    """Return the moment that a text names, such as `2026-03-01T18:00+01:00`; raises `SpecError`."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        hint = "write it like 2026-03-01T18:00+01:00; without a zone it is UTC"
        raise SpecError(f"'{text}' is not a time", hint=hint) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
