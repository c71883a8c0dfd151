"""Gradescope: the export of submissions, and `results.json` as its autograders write it.

In the export every key of the YAML begins with a colon; both ways are read. It is loaded
safely, so that nothing in it is more than text, numbers, times, lists and mappings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from harness.errors import SpecError
from harness.interchange.records import Handed, Ignored, Person, Source
from harness.interchange.times import written
from harness.records import CheckResult, Outcome, Result, Visibility

METADATA: Final = "submission_metadata.yml"
METADATA_CAP: Final = 64 << 20


def looks_like(names: Sequence[str]) -> bool:
    """Whether the names in a folder are those of an export."""
    return METADATA in names


def read(folder: Path, _exercises: Sequence[str] = ()) -> Source:
    """Return the submissions of an unpacked export; a group's files count for each of its members.

    Raises:
        SpecError: the metadata is missing or is not what an export writes.
    """
    tree = _metadata(folder / METADATA)
    handed: list[Handed] = []
    ignored: list[Ignored] = []
    for name, fields in tree.items():
        place = folder / str(name)
        people = tuple(_people(fields))
        if "/" in str(name) or not place.exists() or place.is_symlink():
            ignored.append(Ignored(str(name), "named in the metadata, but not there"))
        elif not people:
            ignored.append(Ignored(str(name), "the metadata names no submitter"))
        else:
            handed.append(Handed(people=people, path=place, handed_in=_time(_get(fields, "created_at"))))
    known = {str(name) for name in tree} | {METADATA}
    ignored += [
        Ignored(entry.name, "not named in the metadata")
        for entry in sorted(folder.iterdir())
        if entry.name not in known
    ]
    return Source(format="gradescope", handed=tuple(handed), ignored=tuple(ignored))


def _metadata(file: Path) -> Mapping[Any, Any]:
    try:
        if file.stat().st_size > METADATA_CAP:
            raise SpecError(f"{file} is larger than {METADATA_CAP >> 20} MiB")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        tree = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506 - both are safe loaders
    except OSError as error:
        raise SpecError(
            f"{file}: {error.strerror}", hint="export the submissions of one assignment"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SpecError(f"{file} is not YAML: {error}") from None
    if not isinstance(tree, dict):
        raise SpecError(f"{file} does not name submissions")
    return tree


def _get(fields: Any, key: str) -> Any:
    return fields.get(f":{key}", fields.get(key)) if isinstance(fields, dict) else None


def _people(fields: Any) -> Iterator[Person]:
    submitters = _get(fields, "submitters")
    for one in submitters if isinstance(submitters, list) else ():
        name, sid, email = (str(_get(one, key) or "").strip() for key in ("name", "sid", "email"))
        if sid or email or name:
            yield Person(key=email or sid or name, name=name, email=email, ids={"sid": sid} if sid else {})


def _time(value: Any) -> str:
    """Return a time as the gradebook writes it; what is none counts as not known."""
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, str):
        try:
            return written(datetime.fromisoformat(value.strip().removesuffix(" UTC")))
        except ValueError:
            return ""
    return ""


# ---- results.json ----------------------------------------------------------------------------


def results_json(result: Result) -> bytes:
    """Return a result as Gradescope's autograders hand it over.

    Hidden checks are shown by title and outcome only, as everywhere; the learner sees their
    points. A fault of ours has no score at all, so that Gradescope reports a failed run and no zero.
    """
    tree: dict[str, Any] = {
        "output": _said(result),
        "output_format": "text",
        "execution_time": round(result.provenance.seconds, 2),
        "tests": [_test(number, check) for number, check in enumerate(result.checks, start=1)],
        "extra_data": {
            "roadmark": result.provenance.roadmark,
            "exercise": result.exercise,
            "seed": result.provenance.seed,
            "sandbox": result.provenance.tier,
        },
    }
    if not result.score.ungraded:
        tree["score"] = round(result.score.earned, 4)
    return json.dumps(tree, indent=2, ensure_ascii=False).encode()


def _said(result: Result) -> str:
    score = result.score
    lines = [f"{result.exercise_title}: {score.earned:g} of {score.possible:g} points."]
    if score.ungraded:
        lines.append("Some checks could not be graded. This is no fault of yours: they will be graded again.")
    return "\n".join([*lines, *result.notices])


def _test(number: int, check: CheckResult) -> dict[str, Any]:
    said = [
        check.message,
        f"Hint: {check.hint}" if check.hint and check.outcome is not Outcome.PASSED else "",
    ]
    tree: dict[str, Any] = {
        "number": str(number),
        "name": check.title,
        "status": "passed" if check.outcome is Outcome.PASSED else "failed",
        "output": "\n".join(line for line in said if line),
        "output_format": "text",
        "visibility": "visible",
        "tags": [str(check.outcome), *(["hidden"] if check.visibility is Visibility.HIDDEN else [])],
    }
    if check.outcome is Outcome.UNGRADED:
        return {**tree, "output": "Not graded: a fault of the grader, not yours."}
    return {**tree, "score": round(check.earned, 4), "max_score": check.points}
