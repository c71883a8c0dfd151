# ruff: noqa: N802 - names of NVML
"""A fake NVML: the functions that Roadmark calls, over cards that a test can fill, break and take away.

Its errors and constants are those of the real package, which also has to have every function that is faked.
"""

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import pynvml
import pytest

from harness.records import Gpu

MEGABYTE = 1 << 20


@dataclass
class Card:
    """A GPU or a slice of one."""

    uuid: str
    name: str = "NVIDIA H200"
    total_mb: int = 143_771
    taken_mb: int = 500
    compute: tuple[int, int] = (9, 0)
    ecc: int = 0
    remapping: tuple[int, int, int, int] = (0, 0, 0, 0)
    slices: list["Card"] | None = None
    """None where MIG mode is off."""
    old: bool = False
    """Whether it knows neither MIG nor ECC."""
    broken: type[Exception] | None = None


@dataclass
class FakeNvml:
    """Stands for the module `pynvml`."""

    cards: list[Card] = field(default_factory=list)
    driver: str = "580.95.05"
    cuda: int = 13000
    init_error: type[Exception] | None = None
    asked: list[str] = field(default_factory=list)
    open: int = 0

    def __getattr__(self, name):
        if name.startswith(("NVML_", "NVMLError")):
            return getattr(pynvml, name)
        raise AttributeError(name)

    def nvmlInit(self):
        if self.init_error:
            raise self.init_error
        self.open += 1

    def nvmlShutdown(self):
        self.open -= 1

    def nvmlSystemGetDriverVersion(self):
        return self.driver

    def nvmlSystemGetCudaDriverVersion(self):
        return self.cuda

    def nvmlDeviceGetCount(self):
        assert self.open, "NVML is not open"
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index):
        return self._well(self.cards[index])

    def nvmlDeviceGetHandleByUUID(self, uuid):
        assert self.open, "NVML is not open"
        for card in self.cards:
            for one in (card, *(card.slices or ())):
                if one.uuid == uuid:
                    return self._well(one)
        raise pynvml.NVMLError_NotFound

    def nvmlDeviceGetUUID(self, card):
        return card.uuid

    def nvmlDeviceGetName(self, card):
        return card.name.encode()  # as older packages give it

    def nvmlDeviceGetMemoryInfo(self, card):
        self.asked.append(card.uuid)
        free = (card.total_mb - card.taken_mb) * MEGABYTE
        return SimpleNamespace(total=card.total_mb * MEGABYTE, free=free, used=card.taken_mb * MEGABYTE)

    def nvmlDeviceGetCudaComputeCapability(self, card):
        return card.compute

    def nvmlDeviceGetMigMode(self, card):
        if card.old:
            raise pynvml.NVMLError_NotSupported
        return (int(card.slices is not None), int(card.slices is not None))

    def nvmlDeviceGetMaxMigDeviceCount(self, card):
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, card, index):
        if index >= len(card.slices):
            raise pynvml.NVMLError_NotFound
        return card.slices[index]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, card):
        for parent in self.cards:
            if any(one is card for one in parent.slices or ()):
                return parent
        raise pynvml.NVMLError_InvalidArgument

    def nvmlDeviceGetTotalEccErrors(self, card, kind, since):
        assert (kind, since) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
        if card.old:
            raise pynvml.NVMLError_NotSupported
        return card.ecc

    def nvmlDeviceGetRemappedRows(self, card):
        if card.old:
            raise pynvml.NVMLError_FunctionNotFound
        return card.remapping

    def _well(self, card):
        if card.broken:
            raise card.broken
        return card


@pytest.fixture
def nvml(monkeypatch, tmp_path):
    """Two GPUs, and a folder for locks that no other process has."""
    fake = FakeNvml([Card("GPU-aaaaaaaa-0000"), Card("GPU-bbbbbbbb-1111")])
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake


@pytest.fixture
def no_driver(monkeypatch):
    """The package is there, and no driver."""
    fake = FakeNvml(init_error=pynvml.NVMLError_LibraryNotFound)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def gpu(number=0, **fields):
    """Return the GPU that NVML would list at this number."""
    uuid = ("GPU-aaaaaaaa-0000", "GPU-bbbbbbbb-1111")[number]
    told = {"memory_mb": 143_771, "compute": "9.0", "driver": "580.95.05", "driver_cuda": "13.0"}
    return Gpu(**{"uuid": uuid, "name": "NVIDIA H200", "index": number, **told, **fields})
