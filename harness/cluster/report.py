"""A report as it travels: JSON, read strictly; no object of a node's making is ever unpickled here."""

from __future__ import annotations

from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from pydantic_core import PydanticSerializationError

from harness.cohort.grading import Report
from harness.store import RESULT

with_config(ConfigDict(extra="forbid", ser_json_inf_nan="constants"))(Report)
REPORT: Final = TypeAdapter(Report)
assert RESULT  # its configuration of `Result` comes first: it is part of a report


def dump(report: Report) -> bytes:
    """Return a report as JSON; what cannot be written so becomes a fault in words."""
    try:
        return REPORT.dump_json(report)
    except PydanticSerializationError as error:
        return REPORT.dump_json(Report(fault=f"its report cannot be written: {error!a}"))


def load(text: bytes) -> Report:
    """Return the report that a node wrote; what is none becomes a fault in words."""
    try:
        return REPORT.validate_json(text)
    except ValidationError as error:
        return Report(fault=f"its report cannot be read: {error.errors()[0]['msg']}")
