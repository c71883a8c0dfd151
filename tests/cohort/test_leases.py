"""GPUs are lent to one grading at a time; submissions that need none go on beside."""

import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness.cohort import batch, local
from harness.cohort.executor import Manner
from harness.cohort.grading import Report
from harness.cohort.leases import leases
from harness.errors import SandboxError
from harness.gradebook import Gradebook
from harness.interchange.readers import read_source
from tests.gpu.conftest import gpu, nvml  # noqa: F401 - a fixture
from tests.gradebook.conftest import result


def test_a_device_is_lent_once_and_the_rested_one_first(tiny, nvml):
    cpu = tiny.find("small")
    needy = replace(cpu, device="gpu")
    with leases((gpu(0), gpu(1))) as lent:
        first, second = lent.take(needy), lent.take(needy)
        assert (first, second, lent.can_begin(needy)) == (gpu(0), gpu(1), False)
        assert lent.can_begin(cpu)
        assert lent.take(cpu) is None
        lent.give_back(None)
        assert not lent.can_begin(needy)
        lent.give_back(second)
        assert lent.take(needy) == gpu(1)


def test_without_gpus_nvml_is_not_asked(tiny, no_nvml):
    with leases(()) as lent:
        assert lent.can_begin(tiny.find("small"))


def test_where_all_are_quarantined_who_needs_one_is_refused_and_not_kept_waiting(tiny, nvml):
    cpu = tiny.find("small")
    needy, said = replace(cpu, device="gpu"), []
    with leases((gpu(0),), said.append) as lent:
        taken = lent.take(needy)
        assert not lent.can_begin(needy)
        nvml.cards[0].ecc = 1
        assert "broke while it was lent" in lent.give_back(taken)
        assert lent.can_begin(needy)
        assert lent.take(needy) is None
    assert len(said) == 1


@pytest.fixture
def no_nvml(monkeypatch):
    def asked():
        raise AssertionError("NVML was asked")

    monkeypatch.setattr("harness.gpu.nvml._library", asked)


class Hall:
    """A crew that grades nothing and takes notes: who works beside whom, on which device."""

    def __init__(self, seats):
        self.seats, self.under_way, self.seen = len(seats), [], []
        self.on_give = lambda assigned: None

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
        self.on_give(assigned)

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
    needy = replace(exercise, device="gpu")
    return [replace(one, exercise=needy if place < 6 else exercise) for place, one in enumerate(made)]


@pytest.fixture
def hall(monkeypatch):
    """The hall of the next batch, as its crew."""
    made = Hall(range(3))

    @contextmanager
    def crew(function, seats, leave):
        yield made

    monkeypatch.setattr(local, "crew", crew)
    return made


def test_who_waits_for_a_gpu_lets_others_pass(works, tiny, tmp_path, hall, nvml):
    manner = Manner(sandbox="process", jobs=3, devices=(gpu(0),))
    with Gradebook(str(tmp_path / "g.db")) as book:
        tally = batch.run_batch(book, tiny, works, manner)
    assert tally.graded == 12
    for moment in hall.seen:
        assert [device for kind, device in moment if kind == "gpu"] in ([], [gpu(0)])
        assert {device for kind, device in moment if kind == "cpu"} <= {None}
    assert [kind for kind, _ in hall.seen[2]] == ["gpu", "cpu", "cpu"], "places are not kept empty"


def test_a_gpu_that_breaks_costs_nobody_a_point_and_the_others_go_on(works, tiny, tmp_path, hall, nvml):
    said, settled = [], []
    manner = Manner(
        sandbox="process", jobs=3, devices=(gpu(0), gpu(1)), backoff=0.0, engine_seconds=0.0, say=said.append
    )
    broken_with = []

    def breaks(assigned):
        if assigned.device == gpu(0) and not nvml.cards[0].ecc:
            broken_with.append(assigned.work.learner)
            nvml.cards[0].ecc = 1

    hall.on_give = breaks
    with Gradebook(str(tmp_path / "g.db")) as book:
        tally = batch.run_batch(book, tiny, works, manner, settled.append)
    assert (tally.graded, tally.ungraded) == (12, 0)
    assert len(said) == 1
    assert "cuda:0 (NVIDIA H200, GPU-aaaaaaaa) is lent no more in this run" in said[0]
    again = [moment[-1] for moment in hall.seen if moment[-1][0] == "gpu"]
    assert len(again) == 7, "the one that was on it was graded again"
    assert broken_with


def test_when_no_gpu_is_left_who_needs_one_stays_ungraded_and_the_others_are_graded(
    works, tiny, tmp_path, nvml
):
    nvml.cards = nvml.cards[:1]
    nvml.cards[0].ecc = 1
    said, faults = [], []
    manner = Manner(sandbox="process", jobs=1, devices=(gpu(0),), backoff=0.0, say=said.append)
    with Gradebook(str(tmp_path / "g.db")) as book:
        tally = batch.run_batch(
            book, tiny, [works[0], *works[6:8]], manner, lambda one: faults.append(one.entry.fault)
        )
    assert (tally.graded, tally.ungraded) == (2, 1)
    assert any("needs a GPU, and none is lent" in fault for fault in faults)
    assert "1 memory errors could not be corrected" in said[0]


def test_without_a_gpu_it_says_so_before_anything_is_graded(works, tiny, tmp_path):
    with Gradebook(str(tmp_path / "g.db")) as book, pytest.raises(SandboxError, match="needs a GPU"):
        batch.run_batch(book, tiny, works, Manner(sandbox="process"))
