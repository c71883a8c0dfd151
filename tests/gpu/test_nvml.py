"""What NVML tells is read as it is: GPUs, slices, memory and faults; without it there are none, and why."""

import sys

import pynvml
import pytest

from harness.gpu.nvml import NO_PACKAGE, NoDriver, find, opened
from tests.gpu.conftest import Card, FakeNvml, gpu


def test_the_real_package_has_all_that_is_faked():
    faked = [name for name in vars(FakeNvml) if name.startswith("nvml")]
    assert len(faked) > 12
    assert not [name for name in faked if not callable(getattr(pynvml, name, None))]


def test_gpus_are_listed_in_the_drivers_order(nvml):
    nvml.cards[1].name = "NVIDIA L4"
    found = find()
    assert found.gpus == (gpu(0), gpu(1, name="NVIDIA L4"))
    assert (found.reason, found.driver, found.notes) == ("", "580.95.05", ())
    assert nvml.open == 0, "NVML is left open"


def test_a_gpu_in_slices_stands_for_its_slices(nvml):
    slices = [
        Card(f"MIG-{letter}", name="NVIDIA H200 MIG 1g.18gb", total_mb=18_000, taken_mb=9) for letter in "cd"
    ]
    nvml.cards[0].slices = slices
    found = find()
    assert [one.uuid for one in found.gpus] == ["MIG-c", "MIG-d", "GPU-bbbbbbbb-1111"]
    assert [one.index for one in found.gpus] == [0, 1, 2]
    assert (found.gpus[0].memory_mb, found.gpus[0].compute) == (18_000, "9.0")


def test_a_gpu_without_slices_or_that_is_lost_is_named_and_left_out(nvml):
    nvml.cards[0].slices = []
    nvml.cards[1].broken = pynvml.NVMLError_GpuIsLost
    found = find()
    assert found.gpus == ()
    assert found.reason == (
        "GPU 0 is in MIG mode and has no slices; GPU 1 cannot be used: it is lost: it fell off the bus"
    )


def test_an_old_card_needs_neither_mig_nor_error_counts(nvml):
    nvml.cards = [Card("GPU-old", name="GTX 1660", old=True, compute=(7, 5))]
    (one,) = find().gpus
    assert one.compute == "7.5"
    with opened() as library:
        assert library.fault(one) == ""


REASONS = {
    "LibraryNotFound": "there is no NVIDIA driver",
    "DriverNotLoaded": "not loaded",
    "LibRmVersionMismatch": "different versions",
    "NoPermission": "may not ask",
    "Unknown": "NVML says: Unknown Error",
}


@pytest.mark.parametrize(("error", "words"), REASONS.items(), ids=REASONS)
def test_without_a_driver_there_are_none_and_why(nvml, error, words):
    nvml.init_error = getattr(pynvml, f"NVMLError_{error}")
    found = find()
    assert found.gpus == ()
    assert words in found.reason


def test_without_the_package_it_says_which_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert find().reason == NO_PACKAGE
    with pytest.raises(NoDriver, match="roadmark"), opened():
        pass


def test_a_machine_without_gpus(nvml):
    nvml.cards = []
    assert find().reason == "the NVIDIA driver knows of no GPU"


FAULTS = {
    "uncorrected": ({"ecc": 2}, "2 memory errors could not be corrected"),
    "pending": ({"remapping": (0, 1, 1, 0)}, "rows of its memory"),
    "failed": ({"remapping": (0, 1, 0, 1)}, "rows of its memory"),
    "corrected": ({"remapping": (3, 0, 0, 0)}, ""),
    "lost": ({"broken": pynvml.NVMLError_GpuIsLost}, "it is lost"),
    "reset": ({"broken": pynvml.NVMLError_ResetRequired}, "it has to be reset"),
    "well": ({}, ""),
}


@pytest.mark.parametrize(("state", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_in_words(nvml, state, words):
    for name, value in state.items():
        setattr(nvml.cards[0], name, value)
    with opened() as library:
        told = library.fault(gpu(0))
        assert words in told
        assert bool(told) == bool(words)
        assert library.fault(gpu(1)) == ""


def test_the_fault_of_a_slice_is_that_of_its_gpu(nvml):
    nvml.cards[0].slices = [Card("MIG-c")]
    nvml.cards[0].ecc = 1
    (one, _) = find().gpus
    with opened() as library:
        assert "1 memory errors" in library.fault(one)


def test_memory_and_why_it_is_not_known(nvml):
    with opened() as library:
        assert library.free_mb(gpu(0)) == (143_271, "")
        assert library.free_mb(gpu(0, uuid="GPU-gone")) == (0, "it is gone")
