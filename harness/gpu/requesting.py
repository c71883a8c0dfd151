"""How a container is given a GPU: by its uuid, through CDI or the engine's nvidia driver.

Never by the runtime `nvidia`: that one obeys variables of the container's environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from harness.errors import SandboxError

KIND: Final = "nvidia.com/gpu"
UUID: Final = re.compile(r"(GPU|MIG)-[0-9A-Za-z/-]{1,80}")
LISTS_DEVICES: Final = (28, 2)
"""From this version on an engine lists the CDI devices that it has found."""
CAPABILITIES: Final = ("gpu", "compute", "utility")


def environment() -> dict[str, str]:
    """Return the variables of a submission to which a GPU is lent: products of matrices are deterministic."""
    return {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def way_of(uuid: str, info: Mapping[str, Any]) -> Literal["cdi", "nvidia"]:
    """Return by which driver the engine is to be asked for a GPU.

    Args:
        uuid: Of the GPU or the slice.
        info: What `docker info` is made of.
    """
    if f"{KIND}={uuid}" in cdi_devices(info):
        return "cdi"
    return "cdi" if info.get("CDISpecDirs") and not lists_devices(info) else "nvidia"


def cdi_devices(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of all GPUs that the engine has found through CDI."""
    found = (
        str(one.get("ID", "")) for one in info.get("DiscoveredDevices") or () if isinstance(one, Mapping)
    )
    return tuple(name for name in found if name.startswith(f"{KIND}="))


def lists_devices(info: Mapping[str, Any]) -> bool:
    """Whether an engine of this version lists what it has found, so that what is not listed is not there."""
    numbers = re.match(r"(\d+)\.(\d+)", str(info.get("ServerVersion", "")))
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= LISTS_DEVICES


def device_request(uuid: str, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the engine's `DeviceRequest` for one GPU; raises `SandboxError` on no uuid."""
    if not UUID.fullmatch(uuid):
        raise SandboxError(f"{uuid!r} is no uuid of a GPU", hint="roadmark doctor --profile gpu")
    if way_of(uuid, info) == "cdi":
        return {"driver": "cdi", "device_ids": [f"{KIND}={uuid}"]}
    return {"driver": "nvidia", "device_ids": [uuid], "capabilities": [list(CAPABILITIES)]}
