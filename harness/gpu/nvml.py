"""The GPUs of this machine as the driver tells them, through NVML; without a driver none, and why.

NVML is spoken by the package `nvidia-ml-py` (module `pynvml`), the extra `roadmark[gpu]`. A GPU that
is cut into slices (MIG) stands for its slices: each is lent as a GPU of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from harness.errors import SandboxError
from harness.records import Gpu

MEGABYTE: Final = 1 << 20
NO_PACKAGE: Final = "NVML cannot be asked: pip install 'roadmark[gpu]'"
REASONS: Final = {
    "NVMLError_LibraryNotFound": "there is no NVIDIA driver (libnvidia-ml.so.1 was not found)",
    "NVMLError_DriverNotLoaded": "the NVIDIA driver is installed but not loaded",
    "NVMLError_LibRmVersionMismatch": "the NVIDIA driver's module and its library have different versions",
    "NVMLError_NoPermission": "this user may not ask the NVIDIA driver",
    "NVMLError_GpuIsLost": "it is lost: it fell off the bus",
    "NVMLError_ResetRequired": "it has to be reset",
    "NVMLError_NotFound": "it is gone",
}
"""What the usual errors mean, by the name of their class."""


class NoDriver(SandboxError):
    """NVML does not answer; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, hint="roadmark doctor --profile gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is on this machine."""

    gpus: tuple[Gpu, ...] = ()
    reason: str = ""
    """Why there is none; empty where there are some."""
    driver: str = ""
    """Version of the driver, if one answers."""
    notes: tuple[str, ...] = ()
    """What is odd about GPUs that cannot be lent."""


class Nvml:
    """NVML while it is open; made by `opened`."""

    def __init__(self, library: Any) -> None:
        self._nvml = library
        names = ("NotSupported", "InvalidArgument", "FunctionNotFound")
        self._unknown: tuple[type[Exception], ...] = tuple(
            getattr(library, f"NVMLError_{one}") for one in names
        )
        """What is raised by a GPU or a driver that does not have what was asked for."""

    def found(self) -> Found:
        """Return all that can be lent, in the driver's order."""
        gpus: list[Gpu] = []
        notes: list[str] = []
        driver = _text(self._nvml.nvmlSystemGetDriverVersion())
        cuda = _version(self._nvml.nvmlSystemGetCudaDriverVersion())
        for number in range(self._nvml.nvmlDeviceGetCount()):
            try:
                card = self._nvml.nvmlDeviceGetHandleByIndex(number)
                told = {"driver": driver, "driver_cuda": cuda, "compute": self._compute(card)}
                handles = self._slices(card)
                if not handles:
                    notes.append(f"GPU {number} is in MIG mode and has no slices")
                gpus += [self._gpu(one, index, told) for index, one in enumerate(handles, len(gpus))]
            except self._nvml.NVMLError as error:
                notes.append(f"GPU {number} cannot be used: {_meaning(error)}")
        reason = "" if gpus else "; ".join(notes) or "the NVIDIA driver knows of no GPU"
        return Found(gpus=tuple(gpus), reason=reason, driver=driver, notes=tuple(notes))

    def free_mb(self, gpu: Gpu) -> tuple[int, str]:
        """Return the free memory of a GPU, in MiB, and why it is not known, if it is not."""
        try:
            memory = self._nvml.nvmlDeviceGetMemoryInfo(self._handle(gpu))
        except self._nvml.NVMLError as error:
            return 0, _meaning(error)
        return int(memory.free) // MEGABYTE, ""

    def fault(self, gpu: Gpu) -> str:
        """Return what is broken about a GPU: gone, memory errors that could not be corrected; else empty."""
        try:
            card = self._handle(gpu)
            with suppress(*self._unknown):
                card = self._nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(card)
            return self._memory_errors(card)
        except self._nvml.NVMLError as error:
            return _meaning(error)

    def _memory_errors(self, card: Any) -> str:
        library = self._nvml
        with suppress(*self._unknown):
            kind, since = library.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, library.NVML_VOLATILE_ECC
            count = library.nvmlDeviceGetTotalEccErrors(card, kind, since)
            if count:
                return f"{count} memory errors could not be corrected"
        with suppress(*self._unknown):
            _, _, pending, failed = library.nvmlDeviceGetRemappedRows(card)
            if pending or failed:
                return "rows of its memory are to be replaced; it has to be reset"
        return ""

    def _slices(self, card: Any) -> list[Any]:
        """Return the slices of a GPU, or itself where it is not cut."""
        try:
            mode, _ = self._nvml.nvmlDeviceGetMigMode(card)
        except self._unknown:
            return [card]
        if not mode:
            return [card]
        found = []
        for number in range(self._nvml.nvmlDeviceGetMaxMigDeviceCount(card)):
            with suppress(self._nvml.NVMLError_NotFound, self._nvml.NVMLError_InvalidArgument):
                found.append(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, number))
        return found

    def _gpu(self, handle: Any, index: int, told: dict[str, str]) -> Gpu:
        return Gpu(
            uuid=_text(self._nvml.nvmlDeviceGetUUID(handle)),
            name=_text(self._nvml.nvmlDeviceGetName(handle)),
            index=index,
            memory_mb=int(self._nvml.nvmlDeviceGetMemoryInfo(handle).total) // MEGABYTE,
            **told,
        )

    def _compute(self, card: Any) -> str:
        major, minor = self._nvml.nvmlDeviceGetCudaComputeCapability(card)
        return f"{major}.{minor}"

    def _handle(self, gpu: Gpu) -> Any:
        return self._nvml.nvmlDeviceGetHandleByUUID(gpu.uuid)


@contextmanager
def opened() -> Iterator[Nvml]:
    """Have NVML open until the block ends; raises `NoDriver`."""
    library = _library()
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        raise NoDriver(_meaning(error)) from None
    try:
        yield Nvml(library)
    finally:
        with suppress(library.NVMLError):
            library.nvmlShutdown()


def find() -> Found:
    """Return the GPUs of this machine; none where there is no package or no driver, and why."""
    try:
        with opened() as nvml:
            return nvml.found()
    except NoDriver as error:
        return Found(reason=str(error))


def _library() -> ModuleType:
    try:
        import pynvml  # type: ignore[import-untyped]
    except ImportError:
        raise NoDriver(NO_PACKAGE) from None
    module: ModuleType = pynvml
    return module


def _meaning(error: Exception) -> str:
    return REASONS.get(type(error).__name__, f"NVML says: {error}")


def _text(value: str | bytes) -> str:
    """Return a text of NVML's: older packages give bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _version(number: int) -> str:
    """Return CUDA's version from its number, 13000 for 13.0."""
    return f"{number // 1000}.{number % 1000 // 10}"
