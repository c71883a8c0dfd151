"""Every row of the catalogue is run, proved elsewhere, or listed with the reason why it cannot apply."""

import re

import pytest

from tests.hostile.catalogue import GROUPS, HERE, POINTS, attacks, catalogue, summary

ROOT = HERE.parents[1]
COUNTS = {"F": 57, "R": 32, "E": 30, "B": 48}
ROWS = catalogue()


def test_every_row_is_there_once_and_in_order():
    assert [row.id for row in ROWS] == [
        f"{group}{n:02}" for group, most in COUNTS.items() for n in range(1, most + 1)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_run_or_proved_or_says_why_not(row):
    assert row.does
    assert bool(row.not_applicable) != bool(row.attacks or row.tested), "one or the other"
    for name in row.tested:
        require_test(name)
    for attack in row.attacks:
        assert attack.path.exists()


def require_test(name: str) -> None:
    """The test, its case, or the wrong solution is there."""
    path, _, rest = name.partition("::")
    place = ROOT / path
    assert place.exists(), f"{name} is not there"
    if place.is_dir():
        assert (place / "expect.toml").exists(), f"{name} is no wrong solution"
        return
    function, _, case = rest.rstrip("]").partition("[")
    text = place.read_text()
    assert re.search(rf"^def {function}\(", text, re.MULTILINE), f"{name} is not there"
    assert not case or f'"{case}"' in text, f"{name} has no such case"


def test_every_submission_is_in_the_catalogue():
    there = {
        path.stem if path.suffix in (".py", ".ipynb") else path.name
        for folder in GROUPS.values()
        for path in (HERE / folder).iterdir()
        if path.name != "__pycache__"
    }
    assert there == {attack.name for attack in attacks()}


def test_verdicts_are_ones_that_a_check_can_have():
    outcomes = {"passed", "failed", "crashed"}
    assert {
        verdict.partition(":")[0] for attack in attacks() for verdict in attack.wanted.values()
    } <= outcomes


def test_no_forger_and_no_escaper_is_due_a_point():
    assert {attack.name: attack.due for attack in attacks() if attack.row[0] in "FE" and attack.due} == {}
    assert all(attack.due <= POINTS["one"] for attack in attacks() if attack.row[0] == "R")


def test_the_summary_counts_all():
    """What the README quotes."""
    said = summary()
    assert said.startswith("167 rows: ")
    assert said in (ROOT / "docs" / "hostile.md").read_text(), "make contrast"
