"""What all nodes must agree on before anything is graded: program, course, image, a proved engine."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from harness.catalog import Course, folder_digest
from harness.errors import RoadmarkError, SandboxError
from harness.gpu.choosing import PROFILE
from harness.grade import package_version

SHORT: Final = 12
PROGRAM: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a machine would grade with."""

    name: str
    versions: str
    """Of Roadmark, Python and torch."""
    program: str
    """Digest of the package's files: versions stay the same while somebody works on it."""
    course: str
    """Digest of exercises and graders."""
    images: tuple[tuple[str, str], ...] = ()
    """Profile and id of each image that is needed."""
    fault: str = ""
    """Why the sandbox cannot be used there; empty where it can."""


def facts_of(
    name: str, course: Course, profiles: Sequence[str], sandbox: Literal["docker", "process", "none"]
) -> Facts:
    """Return this machine's facts, its engine asked and its controls proved.

    Args:
        name: What the machine is called.
        course: The course there.
        profiles: Of which images.
        sandbox: What is graded in; `none` asks no engine.
    """
    images: tuple[tuple[str, str], ...] = ()
    fault = ""
    try:
        digest = folder_digest(course.root / "exercises", course.root / "graders")[:SHORT]
        if not course.names():
            fault = f"there is no course in {course.root}"
        elif sandbox == "docker":
            images = tuple((profile, _proved(profile)) for profile in profiles)
    except RoadmarkError as error:
        fault = f"{error} ({error.hint})" if error.hint else str(error)
    versions = (package_version("roadmark"), platform.python_version(), package_version("torch"))
    return Facts(
        name=name,
        versions="roadmark {}, Python {}, torch {}".format(*versions),
        program=folder_digest(PROGRAM)[:SHORT],
        course=digest,
        images=images,
        fault=fault,
    )


def _proved(profile: str) -> str:
    """Return the id of the current image, once every control is proved; raises `SandboxError`."""
    from harness.doctor import require_proof
    from harness.sandbox.docker import reap
    from harness.sandbox.engine import connect
    from harness.sandbox.images import require_image

    client = connect()
    try:
        image = require_image(client, profile)
        reap(client)
        for device in _devices(profile):
            require_proof(client, profile, device=device)
    finally:
        client.close()
    return image


def _devices(profile: str) -> list[str]:
    """Return with which GPUs the sandbox is proved: each that is there, where the image is for them."""
    if profile != PROFILE:
        return [""]
    from harness.gpu.nvml import find

    return [gpu.uuid for gpu in find().gpus] or [""]


def differences(ours: Facts, nodes: Sequence[Facts]) -> list[str]:
    """Return what keeps nodes from grading as this machine would; the commonest image is right."""
    images: dict[str, Counter[str]] = {}
    for node in nodes:
        for profile, image in node.images:
            images.setdefault(profile, Counter())[image] += 1
    right = {profile: found.most_common(1)[0][0] for profile, found in images.items()}
    return [line for node in nodes for line in _lines(ours, node, right)]


def _lines(ours: Facts, node: Facts, right: dict[str, str]) -> list[str]:
    lines = [node.fault] if node.fault else []
    for what in ("versions", "program", "course"):
        here, there = getattr(ours, what), getattr(node, what)
        if here != there:
            lines.append(f"its {what}: {there}; this machine's: {here}")
    for profile, image in node.images:
        if image != right[profile]:
            lines.append(f"its image {profile}: {short(image)}; that of the others: {short(right[profile])}")
    return [f"{node.name}: {line}" for line in lines]


def short(image: str) -> str:
    """Return the beginning of an image's id."""
    return image.removeprefix("sha256:")[:SHORT]


def require_alike(ours: Facts, nodes: Sequence[Facts]) -> None:
    """Raise `SandboxError` with all that differs."""
    found = differences(ours, nodes)
    if found:
        told = "\n  ".join(found)
        hint = "the same package, course and image have to be on each: docs/cluster.md"
        raise SandboxError(f"not every node would grade alike:\n  {told}", hint=hint)
