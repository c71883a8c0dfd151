"""GitHub Classroom: clones of learners' repositories, and a result as its reporter takes it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness.failures import plain
from harness.interchange.records import Handed, Ignored, Person, Source
from harness.records import CheckResult, Outcome, Result

VERSION: Final = 3
OUTPUT_CAP: Final = 500


def looks_like(names: Sequence[str]) -> bool:
    """Whether folders share the beginning that clones of one assignment have."""
    return len(names) > 1 and bool(slug(names))


def slug(names: Sequence[str]) -> str:
    """Return the assignment's slug: the common beginning of all names, up to its last hyphen."""
    common = os.path.commonprefix(list(names))  # noqa: RUF071 - of names, not of paths
    return common.rpartition("-")[0]


def read(folder: Path, _exercises: Sequence[str] = ()) -> Source:
    """Return clones named `<assignment>-<user>` as submissions; what git keeps is not part of them."""
    entries = sorted(folder.iterdir())
    clones = [
        entry for entry in entries if entry.is_dir() and not entry.is_symlink() and entry.name[0] != "."
    ]
    begins = slug([clone.name for clone in clones]) if len(clones) > 1 else ""
    ignored = [Ignored(entry.name, "not a repository") for entry in entries if entry not in clones]
    handed = []
    for clone in clones:
        user = clone.name.removeprefix(f"{begins}-") if begins else clone.name.rpartition("-")[2]
        handed.append(Handed(people=(Person(key=user, ids={"github": user}),), path=clone))
    return Source(format="classroom", handed=tuple(handed), ignored=tuple(ignored))


# ---- results ---------------------------------------------------------------------------------


def notices(result: Result) -> bytes:
    """Return what a step of a workflow prints so that Classroom reads the points; lines of commands.

    A result with checks that could not be graded prints an error and no points: no zero is
    recorded for a fault of ours.
    """
    score = result.score
    if score.ungraded:
        return b"::error title=Autograding::Some checks could not be graded; run the workflow again\n"
    report = json.dumps({"totalPoints": score.earned, "maxPoints": score.possible}, separators=(",", ":"))
    text = f"::notice title=Autograding complete::Points {score.earned:g}/{score.possible:g}\n"
    return f"{text}::notice title=Autograding report::{report}\n".encode()


def reporter(result: Result) -> bytes:
    """Return the `result` output of a grading step: JSON in base64, as the reporter decodes it."""
    graded = not result.score.ungraded
    tree: dict[str, Any] = {
        "version": VERSION,
        "status": "pass" if result.score.passed else "fail" if graded else "error",
        "max_score": result.score.possible,
        "tests": [_test(check) for check in result.checks],
    }
    return base64.b64encode(json.dumps(tree).encode())


def _test(check: CheckResult) -> dict[str, Any]:
    status = {Outcome.PASSED: "pass", Outcome.UNGRADED: "error", Outcome.CRASHED: "error"}
    return {
        "name": check.title,
        "status": status.get(check.outcome, "fail"),
        "score": check.earned,
        "max_score": check.points,
        "message": plain(check.message, OUTPUT_CAP),
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "duration": check.seconds,
    }
