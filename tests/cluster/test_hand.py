"""Which node gets a submission, and which one is named for being slow."""

from dataclasses import replace

import pytest

from harness.cluster import hall
from harness.cluster.hall import Task
from harness.cluster.hand import ENOUGH, Hand, Pace
from harness.cluster.joining import Place
from harness.gpu import nvml
from harness.records import Gpu


def hand(name, slots=2, **more):
    return Hand(place=Place(id=name, name=name, slots=slots, gpus=0), actor=None, ready=True, **more)


def test_what_was_graded_last_is_warm_else_room_counts(tiny):
    exercise = tiny.find("small")
    warm, empty, half = hand("warm", grading=1, last=exercise.id), hand("empty"), hand("half", grading=1)
    order = sorted((half, empty, warm), key=lambda one: one.fitness(exercise), reverse=True)
    assert [one.place.name for one in order] == ["warm", "empty", "half"]


def test_a_node_can_begin_what_it_has_places_and_gpus_for(tiny):
    exercise = tiny.find("small")
    gpu = replace(exercise, device="gpu")
    ready, full, out = hand("ready", gpus=1), hand("full", grading=2, gpus=1), hand("out")
    out.ready = False
    assert [one.can_begin(exercise) for one in (ready, full, out)] == [True, False, False]
    assert [one.can_begin(gpu) for one in (ready, full, hand("without"))] == [True, False, False]


def test_a_slow_node_is_named_once_and_a_slow_exercise_is_not():
    pace, quick, slow = Pace(), hand("quick"), hand("slow")
    told = []
    for _ in range(4 * ENOUGH):
        told += [pace.note(quick, "easy", 1.0), pace.note(quick, "hard", 60.0)]
    assert not any(told)
    told = [pace.note(slow, "easy", 10.0) for _ in range(2 * ENOUGH)]
    assert [one for one in told if one] == ["node slow is slow: it takes 6.2 times as long as is usual."]


@pytest.mark.parametrize(
    ("named", "want"),
    [
        pytest.param("0,2", ["GPU-a", "MIG-c"], id="numbers"),
        pytest.param("MIG-c", ["MIG-c"], id="a-slice"),
        pytest.param("", [], id="none"),
    ],
)
def test_a_node_lends_the_gpus_that_ray_lent_to_it(tiny, monkeypatch, named, want):
    there = tuple(
        Gpu(uuid=uuid, name="H", index=index) for index, uuid in enumerate(["GPU-a", "GPU-b", "MIG-c"])
    )
    monkeypatch.setattr(nvml, "find", lambda: nvml.Found(gpus=there))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    exercise = tiny.find("small")
    task = Task(course="", sandbox="docker", slots=1, exercises=(replace(exercise, device="gpu"),))
    assert [gpu.uuid for gpu in hall.lent_gpus(task)] == want
    assert hall.lent_gpus(replace(task, exercises=(exercise,))) == ()
