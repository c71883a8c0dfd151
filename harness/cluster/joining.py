"""The way into a Ray cluster, and which of its nodes grade. Ray is imported here and in what comes after."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import SandboxError

ENGINE: Final = "roadmark_engine"
"""The resource of Ray's that a node has which may grade: how many containers at once."""
NAMESPACE: Final = "roadmark"
KNOCK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node that grades, as Ray sees it."""

    id: str
    name: str
    slots: int
    """Gradings at once: as many as it has processors and containers."""
    gpus: int


@contextmanager
def joined(address: str) -> Iterator[Any]:
    """Give Ray, connected to a cluster; raises `SandboxError` where none is there."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise SandboxError("Ray is not installed", hint="pip install 'roadmark[cluster]'") from None
    if ray.is_initialized():
        yield ray
        return
    try:
        _knock(address)
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        hint = "ray start --head, then on each machine that grades: ray start --address=HEAD:6379"
        raise SandboxError(f"no Ray cluster answers at {address}: {first}", hint=hint) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail where nobody answers, as Ray would after minutes; raises `OSError`."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def places_of(ray: Any, jobs: int = 0) -> dict[str, Place]:
    """Return the nodes that live and have the resource, by their id.

    Args:
        ray: Connected.
        jobs: Gradings at once on each at most; 0 for as many as it allows.
    """
    found = {}
    for node in ray.nodes():
        resources = node.get("Resources", {})
        slots = int(min(resources.get("CPU", 0), resources.get(ENGINE, 0)))
        if node["Alive"] and slots:
            name = node.get("NodeName") or node.get("NodeManagerHostname") or node["NodeID"][:8]
            found[node["NodeID"]] = Place(
                id=node["NodeID"],
                name=str(name),
                slots=min(slots, jobs or slots),
                gpus=int(resources.get("GPU", 0)),
            )
    return found


def require_places(ray: Any, jobs: int = 0) -> dict[str, Place]:
    """Return the nodes that grade; raises `SandboxError` if there is none."""
    found = places_of(ray, jobs)
    if not found:
        raise SandboxError(
            f"no node of the cluster has the resource {ENGINE}",
            hint=f"""ray start --address=HEAD:6379 --resources='{{"{ENGINE}": 4}}' on each that grades""",
        )
    return found


def on(node: str) -> Any:
    """Return the strategy by which Ray runs something on one node and nowhere else."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)
