"""Results as files: written so that a reader sees all or nothing, read back as records."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from harness.errors import SpecError
from harness.records import RESULT_SCHEMA, Result

with_config(ConfigDict(extra="forbid", ser_json_inf_nan="constants"))(Result)
RESULT: Final = TypeAdapter(Result)


def dump(result: Result) -> bytes:
    """Return a result as JSON, UTF-8, in the published schema."""
    return RESULT.dump_json(result, indent=2)


def load(file: Path) -> Result:
    """Return the result in a file; raises `SpecError` if it is not one, or of another version."""
    try:
        tree = json.loads(file.read_bytes())
        version = tree.get("schema_version") if isinstance(tree, dict) else None
        if version != RESULT_SCHEMA:
            raise SpecError(
                f"{file} is not a result of schema version {RESULT_SCHEMA}", hint="grade it again"
            )
        return RESULT.validate_json(json.dumps(tree))
    except OSError as error:
        raise SpecError(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError, ValidationError) as error:
        raise SpecError(f"{file} is not a result: {error}") from None


def save(result: Result, file: Path) -> None:
    """Write a result so that a reader sees all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.part")
    partial.write_bytes(dump(result))
    partial.replace(file)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a result, version included."""
    tree = RESULT.json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Roadmark result", **tree}
