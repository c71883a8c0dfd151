"""A report for machines: JSON, and JUnit XML."""

from __future__ import annotations

import json
from typing import Any, Final
from xml.etree import ElementTree as ET

from pydantic import TypeAdapter

from harness.failures import plain
from harness.problems import errors, line, problem_trees
from harness.verify.report import Proof, Report, Verified

_EXERCISE: Final = TypeAdapter(Verified)


def as_json(report: Report) -> str:
    """Return the report as JSON: all problems, then each exercise with its proofs."""
    tree = {
        "schema_version": report.schema_version,
        "proved": report.proved,
        "sandbox": report.sandbox,
        "seconds": round(report.seconds, 3),
        "problems": problem_trees(report.problems),
        "exercises": [_exercise_tree(exercise) for exercise in report.exercises],
    }
    return json.dumps(tree, indent=2)


def _exercise_tree(exercise: Verified) -> dict[str, Any]:
    tree: dict[str, Any] = _EXERCISE.dump_python(exercise, mode="json")
    return {**tree, "stage": exercise.stage, "proved": exercise.proved, "seconds": round(exercise.seconds, 3)}


def junit(report: Report) -> bytes:
    """Return the report as JUnit XML: a suite for each exercise, a case for each proof."""
    root = ET.Element("testsuites", name="roadmark verify", time=f"{report.seconds:.3f}")
    for exercise in report.exercises:
        suite = ET.SubElement(root, "testsuite", name=exercise.id, time=f"{exercise.seconds:.3f}")
        suite.set("tests", str(len(exercise.proofs)))
        suite.set("failures", str(sum(bool(errors(proof.problems)) for proof in exercise.proofs)))
        for proof in exercise.proofs:
            _case(suite, exercise, proof)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _case(suite: ET.Element, exercise: Verified, proof: Proof) -> None:
    case = ET.SubElement(suite, "testcase", classname=exercise.id, name=proof.name)
    case.set("time", f"{proof.seconds:.3f}")
    if proof.problems:
        bad = errors(proof.problems)
        kind = "failure" if bad else "skipped"
        told = bad or proof.problems
        node = ET.SubElement(case, kind, message=plain(told[0].reason))
        node.text = plain("\n".join(line(problem) for problem in told), 20_000)
