"""Prove that this machine can grade: engine, image, room, and each control, from inside and out.

The probe is handed in like a submission and answers through the wall, so what is proved is
what submissions get. A control that cannot be verified is a finding, never a guess, and
nothing is graded in Docker before every control held (`proof.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from harness.doctor.engine import engine_findings
from harness.doctor.findings import Finding, found
from harness.doctor.graphics import gpu_findings
from harness.doctor.probing import prove, strain
from harness.doctor.proof import keep_proof, require_proof
from harness.errors import NoEngine
from harness.gpu.nvml import find

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Finding", "examine", "require_proof"]

ROOM_GB: Final = 2.0


def examine(profile: str = "cpu", runtime: str = "") -> Iterator[Finding]:
    """Yield a finding for each thing that grading in Docker relies on."""
    yield room(shutil.disk_usage("/var/tmp").free / 1e9)  # noqa: S108 - only measured
    try:
        from harness.sandbox.engine import connect

        client = connect()
    except NoEngine as error:
        yield Finding(subject="engine", good=False, detail=str(error), fix=error.hint)
        return
    try:
        findings = list(engine_findings(client.info(), client.version(), runtime))
        findings += gpu_findings(client.info(), find(), profile)
        findings.append(image(client, profile))
        yield from findings
        if findings[-1].good:
            yield from _proved(client, profile, runtime, findings)
    finally:
        client.close()


def _proved(client: DockerClient, profile: str, runtime: str, before: list[Finding]) -> Iterator[Finding]:
    controls = list(prove(client, profile, runtime))
    yield from controls
    yield from strain(client, profile, runtime)
    if all(finding.good for finding in [*before, *controls]):
        keep_proof(client, profile, runtime)


def room(free_gb: float) -> Finding:
    """Return the finding for so much room on the disk."""
    trouble = "" if free_gb >= ROOM_GB else f"only {free_gb:.1f} GB free"
    return found(
        "disk", trouble, "roadmark clean, or make room on the disk", otherwise=f"{free_gb:.1f} GB free"
    )


def image(client: DockerClient, profile: str) -> Finding:
    """Return the finding for the sandbox image."""
    from harness.sandbox import images

    state = images.status(client, profile)
    trouble = "" if state == "current" else f"{images.image_tag(profile)} is {state}"
    fix = f"roadmark image build --profile {profile}"
    return found("image", trouble, fix, otherwise=f"{images.image_tag(profile)} is current")
