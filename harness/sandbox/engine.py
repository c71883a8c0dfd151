"""The connection to the Docker engine."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

from harness.errors import NoEngine

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_URL: Final = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS: Final = 30


def connect(url: str | None = None) -> DockerClient:
    """Return a client of the engine at `url`, else at DOCKER_HOST, else at the local socket.

    The address is always explicit: left alone, the SDK follows whatever context the docker
    command was last switched to. Raises `NoEngine` if nothing there answers.
    """
    address = url or os.environ.get("DOCKER_HOST") or DEFAULT_URL
    _knock(address)
    import docker  # 0.2 s that commands without a sandbox need not wait for
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    try:
        tls = kwargs_from_env().get("tls", False)
        return docker.DockerClient(base_url=address, version="auto", timeout=TIMEOUT_SECONDS, tls=tls)
    except DockerException as error:
        raise _no_engine(address) from error


def _knock(address: str) -> None:
    """Fail at once where a local socket is closed; the SDK would also leave its own end open then."""
    scheme, _, path = address.partition("://")
    if scheme != "unix":
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(TIMEOUT_SECONDS)
        try:
            probe.connect(path)
        except PermissionError as error:
            hint = 'sudo usermod -aG docker "$USER", then log in again'
            raise NoEngine(f"this user may not use the Docker engine at {address}", hint=hint) from error
        except OSError as error:
            raise _no_engine(address) from error


def _no_engine(address: str) -> NoEngine:
    return NoEngine(
        f"no Docker engine answers at {address}",
        hint="make setup, or start Docker, or set DOCKER_HOST, or use --sandbox process",
    )
