"""The connection to the Docker engine."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from harness.errors import NoEngine

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_URL: Final = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS: Final = 30
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def connect(url: str | None = None) -> DockerClient:
    """Return a client of the engine at `url`, else at DOCKER_HOST, else at the local socket.

    The address is always explicit: left alone, the SDK follows whatever context the docker
    command was last switched to. Raises `NoEngine` if nothing there answers, and for what
    answers but cannot be used: an engine of another machine, or Podman.
    """
    address = url or os.environ.get("DOCKER_HOST") or DEFAULT_URL
    _refuse_remote(address)
    _knock(address)
    import docker  # 0.2 s that commands without a sandbox need not wait for
    from docker.errors import DockerException

    with ExitStack() as stack:
        try:
            client = docker.DockerClient(base_url=address, version="auto", timeout=TIMEOUT_SECONDS)
            stack.callback(client.close)
            _refuse_podman(client, address)
        except (DockerException, OSError) as error:  # requests' own are of the second kind
            raise _no_engine(address) from error
        stack.pop_all()
    return client


def _refuse_remote(address: str) -> None:
    """Refuse engines of other machines: unencrypted, all could read along; encrypted, we could not read."""
    scheme, _, rest = address.partition("://")
    host = urlsplit(f"//{rest}").hostname if scheme in ("tcp", "http") else None
    encrypted = scheme in ("https", "ssh") or bool(os.environ.get("DOCKER_TLS_VERIFY") and host)
    if encrypted or (host and host not in LOOPBACK):
        raise NoEngine(
            f"the Docker engine at {address} is another machine's, and its stream cannot be used from here",
            hint="run roadmark there, or bring its socket here: ssh -L /tmp/engine.sock:/var/run/docker.sock "
            "HOST, and DOCKER_HOST=unix:///tmp/engine.sock",
        )


def _refuse_podman(client: DockerClient, address: str) -> None:
    """Refuse Podman's imitation of the engine, with which no control was ever proved."""
    parts = client.version().get("Components") or ()
    if any("podman" in str(part.get("Name", "")).lower() for part in parts):
        raise NoEngine(
            f"at {address} answers Podman, with which the sandbox's controls are not proved",
            hint="use a Docker engine, or set DOCKER_HOST to one",
        )


def engine_mark() -> str:
    """Return what changes when the engine starts anew: its socket's identity; empty while it has none.

    An engine whose socket another program keeps open for it (systemd) or that is reached
    over TCP always has the same.
    """
    scheme, _, path = (os.environ.get("DOCKER_HOST") or DEFAULT_URL).partition("://")
    try:
        found = Path(path).stat() if scheme == "unix" else None
    except OSError:
        return ""
    return f"{found.st_ino} {found.st_ctime_ns}" if found else scheme


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
