"""A bundle: what a learner hands in, as one zip with a record of what it is.

The record says who, for which exercise, when, and what the public checks said. It is the
learner's word: grading reads the files and nothing else.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.records import Result, Submission

RECORD: Final = "roadmark-bundle.json"


def bundle(submission: Submission, result: Result, learner: str) -> tuple[str, bytes]:
    """Return a file name and the bytes of a zip with the files and the record."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {
        "bundle_version": 1,
        "exercise": result.exercise,
        "learner": learner,
        "made": now,
        "digest": submission.digest,
        "public_points": [result.score.earned, result.score.possible],
        "files": sorted(file.path for file in submission.files),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for source in submission.files:
            archive.writestr(source.path, source.data)
        archive.writestr(RECORD, json.dumps(record, indent=2))
    stem = f"{result.exercise.replace('/', '-')}-{submission.digest[:12]}"
    return f"{stem}.zip", file.getvalue()


def drop(folder: Path, name: str, data: bytes) -> Path:
    """Write the bundle into a folder so that a reader sees all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.part"
    partial.write_bytes(data)
    return partial.replace(folder / name)
