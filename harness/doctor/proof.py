"""Grading in Docker starts only after a proof of every control, which holds for an hour.

A proof is of one engine since one boot, one image, one kind of wall: change any, and it is
made again. It takes one container.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.doctor.engine import engine_findings
from harness.doctor.findings import Finding
from harness.doctor.probing import PROBE, prove
from harness.errors import SandboxError
from harness.gpu import requesting

if TYPE_CHECKING:
    from docker import DockerClient

HOUR: Final = 3600.0
MOST: Final = 50
IDENTITY: Final = ("ID", "Boot", "KernelVersion", "ServerVersion", "DefaultRuntime", "SecurityOptions")
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def require_proof(client: DockerClient, profile: str, runtime: str = "", device: str = "") -> None:
    """Prove every control unless that was done within the hour; raises `SandboxError` if one fails.

    Args:
        client: The engine.
        profile: Of the image.
        runtime: What runs the container; empty for the engine's own.
        device: Uuid of the GPU with which it is proved; empty for none.
    """
    if time.time() - _kept().get(_key(client, profile, runtime, device), 0.0) < HOUR:
        return
    _require(engine_findings(client.info(), client.version(), runtime))
    _require(prove(client, profile, runtime, device))
    keep_proof(client, profile, runtime, device)


def _require(findings: Iterable[Finding]) -> None:
    bad = [finding for finding in findings if not finding.good]
    if bad:
        told = "; ".join(f"{finding.subject}: {finding.detail}" for finding in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        message = f"a control of the sandbox could not be verified: {told}{more}"
        raise SandboxError(message, hint="roadmark doctor")


def keep_proof(client: DockerClient, profile: str, runtime: str = "", device: str = "") -> None:
    """Write down that every control held now; where that cannot be written, the next run proves again."""
    now = time.time()
    kept = {key: when for key, when in _kept().items() if now - when < HOUR}
    newest = sorted(kept.items(), key=lambda item: item[1])[-MOST:]
    with suppress(OSError):
        file = _file()
        partial = file.with_suffix(f".{os.getpid()}.part")
        partial.write_text(json.dumps(dict(newest) | {_key(client, profile, runtime, device): now}))
        partial.replace(file)


def _kept() -> dict[str, float]:
    try:
        tree = json.loads(_file().read_text())
        return {str(key): float(when) for key, when in tree.items() if float(when) <= time.time()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("roadmark", ensure_exists=True) / "proved.json"


def _key(client: DockerClient, profile: str, runtime: str, device: str) -> str:
    """Return what a proof is of: engine, boot, image, GPU and the wall as it is written."""
    from harness.sandbox import docker, images

    info: dict[str, Any] = client.info()
    with suppress(OSError):
        info["Boot"] = BOOT.read_text()
    parts = [str(info.get(key, "")) for key in IDENTITY]
    parts += [images.image_digest(profile), runtime, docker.SECCOMP.read_text(), PROBE.read_text()]
    parts += [inspect.getsource(docker), inspect.getsource(requesting) + device if device else ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
