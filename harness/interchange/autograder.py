"""Roadmark inside Gradescope's own container: the zip that is uploaded as an autograder.

What this does not protect: Gradescope runs one container for grader and submission, so the
submission runs in the process sandbox as an unprivileged user of the same machine. Limits
hold; a hostile submission may read the grader's files, hidden checks included, and may
disturb it. It cannot write the verdict, which the grader's process keeps and writes last.
For grades that matter, export the submissions and grade them with `roadmark batch`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SETUP: Final = """#!/usr/bin/env bash
set -euo pipefail
apt-get update -qq && apt-get install -y -qq python3-venv
python3 -m venv /opt/roadmark
/opt/roadmark/bin/pip install --quiet roadmark
"""
RUN: Final = """#!/usr/bin/env bash
# The process sandbox: limits, no isolation from a hostile submission. See the note in NOTE.txt.
set -uo pipefail
R="/opt/roadmark/bin/roadmark --course /autograder/source/course"
rm -rf /autograder/results/results.json; mkdir -p /autograder/results
$R grade {exercise} /autograder/submission --sandbox process --trust-submissions --json > /tmp/result.json
if [ -s /tmp/result.json ]; then
    $R export /tmp/result.json --format gradescope --out /autograder/results/results.json
fi
"""
EXECUTABLE: Final = 0o100755 << 16
PLAIN: Final = 0o100644 << 16


def autograder_zip(course: Path, exercise: str) -> bytes:
    """Return the zip: setup.sh, run_autograder, the note, and the course with this exercise alone.

    References and wrong solutions are left out; hidden checks have to be in it.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "setup.sh", SETUP.encode(), EXECUTABLE)
        _add(archive, "run_autograder", RUN.format(exercise=exercise).encode(), EXECUTABLE)
        _add(archive, "NOTE.txt", (__doc__ or "").encode(), PLAIN)
        for file in _files(course, exercise):
            _add(archive, f"course/{file.relative_to(course).as_posix()}", file.read_bytes(), PLAIN)
    return packed.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    entry = zipfile.ZipInfo(name)
    entry.external_attr, entry.compress_type = mode, zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _files(course: Path, exercise: str) -> Iterator[Path]:
    yield course / "exercises" / "roadmap.toml"
    for part in ("exercises", "graders"):
        found = sorted((course / part / exercise).rglob("*"))
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)
