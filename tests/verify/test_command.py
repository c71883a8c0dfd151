"""The command proves, tells people and machines, and its status means something."""

import json
import subprocess
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.verify import proving
from harness.verify.nonsense import NONSENSE
from tests.small_course import (
    replace,
    small_course,
    solution_of,
    spec_of,
    wrong_of,
)

FEW = [one for one in NONSENSE if one.name in ("None", "text", "zeros like the first") and not one.deep]


@pytest.fixture
def course(tmp_path):
    return small_course(tmp_path / "course")


def run(course, *arguments):
    command = ["--course", str(course.root), "verify", "--sandbox", "process", *arguments]
    return CliRunner().invoke(main, command)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(proving, "NONSENSE", FEW)


@pytest.mark.usefixtures("quick")
def test_the_command_proves_and_draws_a_table(course, tmp_path):
    outcome = run(course, "--junit", str(tmp_path / "out" / "verify.xml"))
    assert outcome.exit_code == 0, outcome.output
    assert "1 of 1 exercises proved" in outcome.output
    assert "2 of 2 checks are seen to catch a mistake" in outcome.output
    assert ET.parse(tmp_path / "out" / "verify.xml").getroot().tag == "testsuites"


@pytest.mark.usefixtures("quick")
def test_work_that_is_left_counts_only_where_it_is_asked_for(course):
    assert run(course, "--strict").exit_code == 1


@pytest.mark.usefixtures("quick")
def test_a_proof_that_fails_exits_with_1(course):
    next(wrong_of(course).glob("*.py")).write_text(solution_of(course).read_text())
    outcome = run(course, "--github")
    assert outcome.exit_code == 1
    assert (
        "::error file=reference/basics/standard-scores/wrong/variance-for-spread/expect.toml"
        in outcome.output
    )


def test_a_wrong_specification_exits_with_2(course):
    replace(spec_of(course), "minutes = 30", "minuts = 30")
    outcome = run(course, "--json")
    assert outcome.exit_code == 2
    assert json.loads(outcome.stdout)["problems"][0]["reason"].startswith("minuts: unknown key")


def test_an_unknown_exercise_exits_with_2_and_a_near_name(course):
    outcome = run(course, "standard-score")
    assert (outcome.exit_code, "Did you mean" in outcome.output) == (2, True)


def test_no_engine_exits_with_3(course, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    outcome = CliRunner().invoke(main, ["--course", str(course.root), "verify", "--sandbox", "docker"])
    assert outcome.exit_code == 3


def test_nothing_changed_is_nothing_to_prove(course):
    for command in ("init --quiet", "add .", "-c user.name=a -c user.email=a@b commit --quiet -m first"):
        subprocess.run(["git", "-C", str(course.root), *command.split()], check=True)
    outcome = run(course, "--changed-since", "HEAD")
    assert (outcome.exit_code, outcome.output.strip()) == (0, "Nothing to prove.")
