"""One submission per GPU; what is left occupied or breaks is lent no more in this run, and is named."""

import multiprocessing

import pynvml
import pytest

from harness.errors import SandboxError
from harness.gpu.lending import HELD_MB, LEFT_MB, PATIENCE_SECONDS, Lending, lending, one
from harness.gpu.nvml import opened
from tests.gpu.conftest import gpu


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    return []


@pytest.fixture
def lent(nvml, clock, said):
    with opened() as library:
        yield Lending((gpu(0), gpu(1)), library, said.append, clock)


def returned(lent, clock, one, seconds=1.0):
    told = lent.give_back(one)
    clock.now += seconds
    return told


def test_each_is_lent_once_and_the_rested_one_first(lent, clock):
    first, second = lent.take(), lent.take()
    assert (first, second, lent.ready()) == (gpu(0), gpu(1), False)
    with pytest.raises(SandboxError, match="all are lent"):
        lent.take()
    assert returned(lent, clock, second) == ""
    assert lent.ready()
    returned(lent, clock, first)
    assert (lent.take(), lent.take()) == (gpu(1), gpu(0))


def test_memory_that_is_freed_in_time_is_no_trouble(lent, nvml, clock, said):
    taken = lent.take()
    nvml.cards[0].taken_mb = 90_000
    returned(lent, clock, taken)
    assert lent.take() == gpu(1)
    assert not lent.ready(), "it still rests"
    nvml.cards[0].taken_mb = 500 + LEFT_MB
    clock.now += 1.0
    assert lent.take() == gpu(0)
    assert said == []


def test_memory_that_stays_taken_is_quarantined_and_named(lent, nvml, clock, said):
    taken = lent.take()
    nvml.cards[0].taken_mb = 500 + LEFT_MB + 1
    returned(lent, clock, taken)
    clock.now += PATIENCE_SECONDS
    assert [lent.take(), lent.ready()] == [gpu(1), False]
    assert said == [
        "cuda:0 (NVIDIA H200, GPU-aaaaaaaa) is lent no more in this run: "
        "757 of its 143,771 MiB are taken after a submission has ended"
    ]
    nvml.cards[0].taken_mb = 0
    clock.now += 100.0
    assert not lent.ready(), "quarantine lasts for the run"


def test_what_others_use_is_not_lent(lent, nvml, said):
    nvml.cards[0].taken_mb = HELD_MB + LEFT_MB + 1
    nvml.cards[1].taken_mb = HELD_MB
    assert lent.take() == gpu(1)
    assert "1,281 of its 143,771 MiB are taken" in said[0]


@pytest.mark.parametrize(
    ("state", "words"),
    [({"ecc": 1}, "1 memory errors"), ({"broken": pynvml.NVMLError_GpuIsLost}, "it is lost")],
    ids=["memory-errors", "lost"],
)
def test_what_breaks_while_lent_is_no_submissions_fault(lent, nvml, clock, said, state, words):
    taken = lent.take()
    for name, value in state.items():
        setattr(nvml.cards[0], name, value)
    told = returned(lent, clock, taken)
    assert told.startswith("cuda:0 (NVIDIA H200, GPU-aaaaaaaa) broke while it was lent: ")
    assert words in told
    assert words in said[0]
    assert lent.take() == gpu(1)


def test_what_is_broken_before_is_not_lent_and_when_none_is_left_it_says_why(lent, nvml):
    for card in nvml.cards:
        card.ecc = 3
    assert not lent.ready()
    assert lent.idle
    with pytest.raises(SandboxError, match=r"cuda:0 .*3 memory errors.*; cuda:1 .*3 memory errors"):
        lent.take()


def test_who_waits_asks_nvml_rarely(lent, nvml, clock):
    taken = lent.take(), lent.take()
    lent.give_back(taken[0])
    nvml.cards[0].taken_mb = 90_000
    lent.ready()
    before = len(nvml.asked)
    for _ in range(1000):
        lent.ready()
    assert len(nvml.asked) == before


def _hold(pipe):
    with lending((gpu(0),)):
        pipe.send("held")
        pipe.recv()


def test_two_processes_never_lend_the_same(nvml, said):
    ours, theirs = multiprocessing.Pipe()
    other = multiprocessing.get_context("fork").Process(target=_hold, args=(theirs,))
    other.start()
    try:
        assert ours.recv() == "held"
        with lending((gpu(0), gpu(1)), said.append) as lent:
            assert lent.take() == gpu(1)
            assert not lent.ready()
        assert said == ["cuda:0 (NVIDIA H200, GPU-aaaaaaaa) is lent by another command, and is left to it"]
        with pytest.raises(SandboxError, match="lent by another command"), lending((gpu(0),)):
            pass
    finally:
        ours.send("go")
        other.join()
    with lending((gpu(0),)) as lent:
        assert lent.take() == gpu(0)


def test_one_grading_leaves_the_others_to_others(nvml):
    with one((gpu(0), gpu(1))) as first, one((gpu(0), gpu(1))) as second:
        assert (first, second) == (gpu(0), gpu(1))


def test_one_that_breaks_is_said_at_the_end(nvml):
    with pytest.raises(SandboxError, match="broke while it was lent"), one((gpu(0),)):
        nvml.cards[0].ecc = 1


def test_a_lock_is_gone_after_an_error(nvml):
    with pytest.raises(KeyError), one((gpu(0),)):
        raise KeyError
    with one((gpu(0),)) as again:
        assert again == gpu(0)
    assert nvml.open == 0
