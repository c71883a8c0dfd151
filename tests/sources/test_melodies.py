from itertools import product

import numpy as np
import pytest

from harness.sources import melodies
from harness.sources.melodies import Melodies, violations

C_MAJOR = Melodies()


def rightful(length: int) -> np.ndarray:
    """Find every melody that `violations` passes, by trying all."""
    tried = np.array(list(product(C_MAJOR.pitches, repeat=length)))
    return tried[violations(tried).total == 0]


@pytest.mark.parametrize("length", [3, 4])
def test_law_over_all_rightful_melodies(length):
    source = Melodies(length=length)
    every = rightful(length)
    logs = source.log_probs(every).sum(axis=1)
    degrees = np.searchsorted(source.pitches, every)
    steps = np.abs(np.diff(degrees, axis=1))
    weights = np.where(steps == 0, 0.3, np.exp(-steps / 1.5)).prod(axis=1)
    np.testing.assert_allclose(np.exp(logs), weights / weights.sum(), rtol=1e-9)
    assert source.entropy == pytest.approx(-(np.exp(logs) * logs).sum() / np.log(2), abs=1e-9)


@pytest.mark.parametrize("key", [0, 7])
def test_samples_keep_every_rule_and_have_the_entropy(key):
    source = Melodies(length=32, key=key)
    drawn = source.sample(4_000, 1)
    assert drawn.shape == (4_000, 32)
    assert violations(drawn, key=key).total.sum() == 0
    bits = -source.log_probs(drawn).sum(axis=1) / np.log(2)
    assert bits.mean() == pytest.approx(source.entropy, abs=4 * bits.std() / np.sqrt(4_000))


def test_samples_follow_the_law():
    source = Melodies(length=3)
    drawn, counts = np.unique(source.sample(50_000, 2), axis=0, return_counts=True)
    expected = np.exp(source.log_probs(drawn).sum(axis=1))
    assert len(drawn) == len(rightful(3))
    assert np.abs((counts / 50_000 - expected) / np.sqrt(expected / 50_000)).max() < 4.5


@pytest.mark.parametrize(
    ("pitches", "broken"),
    [
        pytest.param([60, 62, 64, 62, 60], {}, id="rightful"),
        pytest.param([62, 64, 62, 62, 60], {"tonic": 1}, id="starts-off-the-tonic"),
        pytest.param([60, 61, 62, 62, 60], {"scale": 1}, id="black-key"),
        pytest.param([84, 86, 84, 83, 84], {"scale": 1}, id="above-the-range"),
        pytest.param([60, 69, 67, 64, 60], {"leap": 1}, id="a-sixth"),
        pytest.param([60, 65, 65, 64, 60], {"recovery": 1}, id="leap-then-repeat"),
        pytest.param([60, 65, 67, 64, 60], {"recovery": 1}, id="leap-then-on"),
        pytest.param([60, 60, 60, 62, 60], {"repeat": 1}, id="three-times"),
        pytest.param([72, 71, 72, 76, 72], {}, id="third-needs-no-step"),
        pytest.param([60, 62, 64, 64, 60], {}, id="twice-is-allowed"),
    ],
)
def test_violations_known_answers(pitches, broken):
    found = violations(np.array([pitches]))
    rules = ("tonic", "scale", "leap", "recovery", "repeat")
    assert {rule: int(getattr(found, rule)[0]) for rule in rules if getattr(found, rule)[0]} == broken


@pytest.mark.parametrize("wrong", [0, 61, 59, 90], ids=["silence", "off-scale", "too-low", "too-high"])
def test_notes_that_no_rightful_melody_has_are_impossible(wrong):
    melody = C_MAJOR.sample(1, 0)
    melody[0, 5] = wrong
    assert C_MAJOR.log_probs(melody)[0, 5] == -np.inf


def test_pitches_are_two_octaves_of_the_major_scale():
    assert C_MAJOR.pitches.tolist() == [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81, 83, 84]
    np.testing.assert_array_equal(Melodies(key=2).pitches, C_MAJOR.pitches + 2)
    assert melodies.DEGREES == 15
