"""Take each control away in turn and see it missed. `make prove-controls`; minutes, so a nightly test."""

from dataclasses import replace

import pytest

from harness.doctor.controls import CONTROLS as EXAMINED
from harness.doctor.probing import gather, judged, probe
from tests.hostile.arena import grade_attack
from tests.hostile.catalogue import attacks
from tests.hostile.controls import CONTROLS
from tests.hostile.test_submissions import agrees

ATTACKS = {attack.name: attack for attack in attacks()}


def comes_to_what_it_should(attack, exercise: str) -> bool:
    """Whether verdict and words are those of the catalogue."""
    graded = grade_attack(replace(attack, exercise=exercise or attack.exercise))
    right = all(agrees(verdict, attack.wanted[name]) for name, verdict in graded.verdicts.items())
    return right and graded.messages["squares"].startswith(attack.says)


def test_every_control_is_missed_by_somebody():
    for name, control in CONTROLS.items():
        assert set(control.missed_by) <= set(ATTACKS), name
        assert control.missed_by or (control.doctor and control.why), f"nothing would miss {name}"
        assert not control.doctor or control.doctor in EXAMINED, name


def test_every_control_that_the_doctor_knows_is_taken_away():
    known = {control.doctor for control in CONTROLS.values()}
    assert set(EXAMINED) - known <= {"odd socket families are refused"}  # this kernel may lack the families


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_that_is_taken_away_is_missed(name, image, no_leftovers, monkeypatch):
    control = CONTROLS[name]
    control.remove(monkeypatch)
    blind = [one for one in control.missed_by if comes_to_what_it_should(ATTACKS[one], control.exercise)]
    assert not blind, f"without {name}, {blind} come to what they should: they prove nothing about it"


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("name", [name for name, control in CONTROLS.items() if control.doctor])
def test_a_control_that_is_taken_away_is_found_by_the_doctor(name, engine, image, no_leftovers, monkeypatch):
    control = CONTROLS[name]
    control.remove(monkeypatch)
    with probe(engine, "cpu") as asked:
        bad = [finding.subject for finding in judged(gather(engine, asked)) if not finding.good]
    assert control.doctor in bad, f"without {name} the doctor finds only {bad}"
