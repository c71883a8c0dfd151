"""Images as files, from the machine that built one to those that run it: the same image, with the same id."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ImageMissing, SandboxError, SpecError
from harness.sandbox.images import DIGEST_LABEL

if TYPE_CHECKING:
    from docker import DockerClient

CHUNK: Final = 1 << 20
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES: Final = 1 << 20
CARRY_SECONDS: Final = 1800
"""What an engine may take over an image; it answers when it has all of it."""


def export(client: DockerClient, tag: str, digest: str, file: Path) -> int:
    """Write an image to a file, so that a reader sees all of it or nothing; return its bytes.

    Raises:
        ImageMissing: the engine has no such image.
    """
    if labelled(client, tag, digest) is None:
        raise ImageMissing(f"the engine has no {tag}", hint="roadmark image build")
    client.api.timeout = CARRY_SECONDS
    partial = file.with_name(f"{file.name}.{os.getpid()}.part")
    size = 0
    try:
        with partial.open("wb") as stream:
            for chunk in client.images.get(tag).save(chunk_size=CHUNK, named=tag):
                size += stream.write(chunk)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return size


def take(client: DockerClient, tag: str, digest: str, file: Path) -> str:
    """Have the engine take an image from a file, and return its id.

    Args:
        client: Of the engine.
        tag: The only name that the file may bring.
        digest: What the image has to be labelled with.
        file: Written by `export`.

    Raises:
        SpecError: the file holds something else; then the engine is given nothing.
        SandboxError: the image is not what its name says.
    """
    from docker.errors import DockerException

    names = _names(file)
    if names != [tag]:
        shown = ", ".join(names) or "no image"
        hint = "export it where the same version of Roadmark runs: roadmark image export FILE"
        raise SpecError(f"{file} holds {shown}, and {tag} is needed", hint=hint)
    client.api.timeout = CARRY_SECONDS
    try:
        with file.open("rb") as stream:
            client.images.load(stream)
    except DockerException as error:
        raise SandboxError(f"the engine does not take {file}: {error}") from None
    found = labelled(client, tag, digest)
    if found is None:
        client.images.remove(tag)
        raise SandboxError(f"{file} holds a {tag} that was made from something else", hint="export it again")
    return found


def labelled(client: DockerClient, tag: str, digest: str) -> str | None:
    """Return the id of an image if it carries its digest as a label."""
    from docker.errors import ImageNotFound

    try:
        image = client.images.get(tag)
    except ImageNotFound:
        return None
    return image.id if image.labels.get(DIGEST_LABEL) == digest else None


def _names(file: Path) -> list[str]:
    """Return the names of all images in a file; raises `SpecError` if it is no file of images."""
    try:
        with tarfile.open(file, "r:") as archive:
            member = archive.extractfile(MANIFEST)
            text = member.read(MANIFEST_BYTES) if member else b""
        images: Any = json.loads(text)
        return [str(name) for one in images for name in one["RepoTags"] or ["an image without a name"]]
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise SpecError(f"{file} holds no image: {error}", hint="roadmark image export FILE") from None
