"""GPUs are lent to one grading at a time; submissions that need none go on beside."""

import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from docker.types import DeviceRequest

from harness.cohort import batch
from harness.cohort.grading import Report
from harness.cohort.leases import Leases
from harness.errors import SandboxError
from harness.gradebook import Gradebook
from harness.interchange.readers import read_source
from harness.sandbox.docker import parameters
from harness.sandbox.process import environment
from harness.sandbox.protocol import Slot
from tests.gradebook.conftest import result


def test_a_device_is_lent_once_and_the_rested_one_first(tiny):
    cpu = tiny.find("small")
    gpu = replace(cpu, device="gpu")
    leases = Leases(["cuda:0", "cuda:1"])
    first, second = leases.take(gpu), leases.take(gpu)
    assert (first, second, leases.can_begin(gpu)) == ("cuda:0", "cuda:1", False)
    assert leases.can_begin(cpu)
    assert leases.take(cpu) == ""
    leases.give_back("")
    assert not leases.can_begin(gpu)
    leases.give_back(second)
    assert leases.take(gpu) == "cuda:1"


class Hall:
    """A crew that grades nothing and takes notes: who works beside whom, on which device."""

    def __init__(self, seats):
        self.seats, self.under_way, self.seen = len(seats), [], []

    @property
    def size(self):
        return self.seats

    @property
    def free(self):
        return self.seats - len(self.under_way)

    @property
    def working(self):
        return tuple(self.under_way)

    def give(self, assigned):
        self.under_way.append(assigned)
        self.seen.append([(one.exercise.device, device) for one, device, _ in self.under_way])

    def hear(self, seconds):
        time.sleep(0)
        done = self.under_way.pop(0)
        yield done, Report(result=result())

    def end(self):
        self.under_way.clear()


@pytest.fixture
def works(cohort, tiny, tmp_path):
    """Six submissions that need a GPU, then six that need none."""
    from harness.cohort.planning import Wanted, plan

    cohort(12)
    exercise = tiny.find("small")
    with (
        read_source(tmp_path / "handed-in", "auto", tiny.names()) as source,
        Gradebook(str(tmp_path / "g.db")) as book,
    ):
        pairs = [(exercise, one) for one in source.handed]
        made = plan(book, tiny, pairs, Wanted(sandbox="process")).works
    gpu = replace(exercise, device="gpu")
    return [replace(one, exercise=gpu if place < 6 else exercise) for place, one in enumerate(made)]


def test_who_waits_for_a_gpu_lets_others_pass(works, tiny, tmp_path, monkeypatch):
    halls = []

    @contextmanager
    def crew(function, seats, leave):
        halls.append(Hall(seats))
        yield halls[0]

    monkeypatch.setattr(batch, "crew", crew)
    manner = batch.Manner(sandbox="process", jobs=3, devices=("cuda:0",))
    with Gradebook(str(tmp_path / "g.db")) as book:
        tally = batch.run_batch(book, tiny, works, manner)
    assert tally.graded == 12
    for moment in halls[0].seen:
        assert [device for kind, device in moment if kind == "gpu"] in ([], ["cuda:0"])
        assert {device for kind, device in moment if kind == "cpu"} <= {""}
    assert [kind for kind, _ in halls[0].seen[2]] == ["gpu", "cpu", "cpu"], "places are not kept empty"


def test_without_a_gpu_it_says_so_before_anything_is_graded(works, tiny, tmp_path):
    with Gradebook(str(tmp_path / "g.db")) as book, pytest.raises(SandboxError, match="needs a GPU"):
        batch.run_batch(book, tiny, works, batch.Manner(sandbox="process"))


def test_the_lease_reaches_the_sandbox(tiny, tmp_path):
    exercise = tiny.find("small")
    lent = Slot(device="cuda:1")
    assert "device_requests" not in parameters(exercise, "i", Slot(), "r")
    assert parameters(exercise, "i", lent, "r")["device_requests"] == [
        DeviceRequest(device_ids=["1"], capabilities=[["gpu"]])
    ]
    assert environment(tmp_path, exercise.limits, lent)["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment(tmp_path, exercise.limits, Slot())["CUDA_VISIBLE_DEVICES"] == ""
