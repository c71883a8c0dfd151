"""What stands between this machine and grading on a GPU: the engine's and the driver's answers in, words out.

Pure functions, so that every broken setup can be tested without a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from harness.gpu.lending import named
from harness.gpu.nvml import NO_PACKAGE, Found
from harness.gpu.requesting import KIND, cdi_devices, lists_devices, way_of
from harness.records import Gpu

GENERATE: Final = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml, then restart the engine"
INSTALL: Final = "install the NVIDIA Container Toolkit, 1.17.8 or newer"
NEXT: Final = {
    NO_PACKAGE: "pip install 'roadmark[gpu]'",
    "not loaded": "modprobe nvidia, or reboot",
    "different versions": "reboot: the driver was updated while it was loaded",
    "may not ask": "let this user open /dev/nvidiactl",
    "MIG mode": "nvidia-smi mig -lgip lists what it can be cut into; nvidia-smi -mig 0 ends the mode",
}
"""What to do about a reason why no GPU was found, by words in it."""


class Trouble(NamedTuple):
    """One thing that was looked at; `text` is empty where it is as it should be."""

    subject: str
    text: str
    fix: str = ""
    detail: str = ""


def gpu_troubles(
    info: Mapping[str, Any], found: Found, needs_cuda: str, oldest_compute: str
) -> Iterator[Trouble]:
    """Yield what was looked at, from the driver to the engine.

    Args:
        info: What `docker info` is made of.
        found: What NVML tells.
        needs_cuda: The CUDA of the image's torch, such as `13.0`.
        oldest_compute: What its kernels are compiled for at least, such as `7.5`.
    """
    yield _driver(found)
    for note in found.notes if found.gpus else ():
        yield Trouble("GPU", note, _next(note))
    for gpu in found.gpus:
        yield _card(gpu, needs_cuda, oldest_compute)
    if found.gpus:
        yield _reach(found, info)
    if info.get("DefaultRuntime") == "nvidia":
        text = "nvidia is the engine's default runtime: its hooks obey the environment of every container"
        yield Trouble("GPU runtime", text, "give the engine back its default runtime runc")


def _driver(found: Found) -> Trouble:
    if found.gpus or found.driver:
        text = "" if found.gpus else found.reason
        return Trouble("GPU driver", text, _next(text), f"{found.driver}, {len(found.gpus)} to lend")
    return Trouble("GPU driver", found.reason, _next(found.reason))


def _next(reason: str) -> str:
    known = (fix for words, fix in NEXT.items() if words in reason)
    return next(known, "install the NVIDIA driver, and see that nvidia-smi lists the GPU")


def _card(gpu: Gpu, needs_cuda: str, oldest_compute: str) -> Trouble:
    subject = named(gpu)
    if gpu.compute and numbers(gpu.compute) < numbers(oldest_compute):
        text = f"it computes {gpu.compute}, and the image's torch is made for {oldest_compute} and newer"
        return Trouble(subject, text, "use a newer card")
    if gpu.driver_cuda and numbers(gpu.driver_cuda)[:1] < numbers(needs_cuda)[:1]:
        text = f"driver {gpu.driver} runs CUDA {gpu.driver_cuda}, and the image's torch needs {needs_cuda}"
        return Trouble(subject, text, f"update the driver to one for CUDA {needs_cuda.partition('.')[0]}")
    detail = f"{gpu.memory_mb:,} MiB, compute {gpu.compute}, driver {gpu.driver} for CUDA {gpu.driver_cuda}"
    return Trouble(subject, "", detail=detail)


def _reach(found: Found, info: Mapping[str, Any]) -> Trouble:
    """Return whether the engine can hand a container each of the GPUs."""
    runtime = "nvidia" in (info.get("Runtimes") or {})
    listed, folders = cdi_devices(info), info.get("CDISpecDirs") or ()
    ways = {gpu.uuid: way_of(gpu.uuid, info) for gpu in found.gpus}
    missing = [gpu for gpu in found.gpus if ways[gpu.uuid] == "nvidia"]
    if not missing:
        return Trouble("GPU in containers", "", detail=f"CDI, {len(found.gpus)} by uuid")
    if listed:
        text = f"CDI knows {', '.join(listed)}, but not {KIND}={missing[0].uuid}: its description is stale"
        return Trouble(
            "GPU in containers", "" if runtime else text, GENERATE, f"the engine's nvidia driver; {text}"
        )
    if "rootless" in " ".join(info.get("SecurityOptions") or ()):
        return Trouble("GPU in containers", "a rootless engine gives GPUs through CDI alone", GENERATE)
    if runtime:
        return Trouble(
            "GPU in containers", "", GENERATE, "the engine's nvidia driver; CDI would need no hook"
        )
    if folders and lists_devices(info):
        text = f"the engine looks for CDI devices in {', '.join(folders)}, and there is no {KIND}"
        return Trouble("GPU in containers", text, f"{INSTALL}; {GENERATE}")
    return Trouble(
        "GPU in containers",
        "the engine knows neither the nvidia runtime nor CDI",
        f"{INSTALL}; then nvidia-ctk runtime configure --runtime=docker, and restart the engine",
    )


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", text))
