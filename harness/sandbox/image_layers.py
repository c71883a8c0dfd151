"""How the layers of a sandbox image are made, through the Engine API alone.

Each layer is a container that runs one script without a network and is then committed.
That works with any engine, local or remote, and leaves neither wheels nor tools behind.
"""

from __future__ import annotations

import fcntl
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount
from platformdirs import user_cache_path
from requests import RequestException

from harness.errors import SandboxError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PYTHON: Final = "3.11"
NEWEST_GLIBC: Final = 36
"""Minor version of the C library in the base; wheels may want this one or an older."""
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
WHEELS: Final = "/mnt"
BUILDER: Final = f"roadmark-build-{platform.node()}-{os.getuid()}"
"""Known beforehand, so that the next build can remove what a killed one left; the lock keeps it to one."""
PATIENCE_SECONDS: Final = 1800
# Nobody reads these in a sandbox, and the last three would carry names of this machine and its mirrors.
LEFT_OUT: Final = (
    "dev/*",
    "proc/*",
    "sys/*",
    "tmp/*",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "etc/apt/sources.list",
    "etc/hostname",
    "etc/resolv.conf",
)


def reap_builder(client: DockerClient) -> int:
    """Remove the container of a build that was killed, with its volume; return how many there were."""
    with (user_cache_path("roadmark", ensure_exists=True) / "image.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody is building
            return 0
        try:
            client.api.remove_container(BUILDER, force=True, v=True)
        except APIError:
            return 0
    return 1


@contextmanager
def building(client: DockerClient) -> Iterator[None]:
    """Let one process build at a time, give the engine time, and say what to do when it fails."""
    usual = client.api.timeout
    with (user_cache_path("roadmark", ensure_exists=True) / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        client.api.timeout = PATIENCE_SECONDS
        try:
            yield
        except (DockerException, RequestException) as error:
            hint = "docker system df (a build wants 5 GB to spare, with CUDA 20), then roadmark image build"
            raise SandboxError(f"the engine could not build the image: {error}", hint=hint) from error
        finally:
            client.api.timeout = usual


def make_base(
    client: DockerClient, source: str, release: str, tag: str, report: Callable[[str], None]
) -> None:
    """Tag `source`, from the engine or a registry; where neither has it, make a Debian `release` like it."""
    if _obtain(client, source, report):
        client.images.get(source).tag(*tag.split(":"))
        return
    report(f"base: no registry answers; making it of Debian {release} packages")
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        raise SandboxError(
            "there is no base image: no registry answers, and making one takes root and debootstrap",
            hint=f"docker pull {source} where a registry answers, or install debootstrap and build as root",
        )
    folder = user_cache_path("roadmark") / "base"  # /tmp may forbid the device files that debootstrap makes
    shutil.rmtree(folder, ignore_errors=True)  # left by a build that was killed
    folder.mkdir()
    _bootstrap(release, folder / "root")
    _import(client, folder / "root", tag)
    shutil.rmtree(folder)


def fetch_wheels(client: DockerClient, requirements: Sequence[str], folder: str) -> Path:
    """Return a folder with the wheels for the engine's kind of machine.

    This machine's pip fetches them, so that its index, proxy, certificates and local folders
    of wheels count. They are kept in the user's cache; `folder` is `name-version` there, and
    other versions are removed.
    """
    wheels = user_cache_path("roadmark") / "wheels" / folder
    if wheels.is_dir():
        return wheels
    for old in wheels.parent.glob(f"{folder.rpartition('-')[0]}-*"):
        shutil.rmtree(old)
    partial = wheels.with_name(f"{folder}.part")
    partial.mkdir(parents=True)
    machine = client.version()["Arch"]
    tags = [f"--platform={tag}" for tag in _platforms(MACHINES.get(machine, machine))]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--dest={partial}"]
    target = [f"--python-version={PYTHON}", "--implementation=cp", *tags]
    _run(
        [*command, *target, *requirements],
        "pip config list, to see where pip looks; then roadmark image build",
    )
    return partial.rename(wheels)


def install_wheels(client: DockerClient, parent: str, tag: str, wheels: Path, script: str) -> str:
    """Commit `parent` as `tag` after running `script` with the wheels in /mnt; return the image's id."""
    volume = Mount(WHEELS, None, type="volume")  # not part of the layer
    with _container(client, parent, script, [volume]) as container, tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for wheel in sorted(wheels.iterdir()):
                archive.add(wheel, wheel.name)
        file.seek(0)
        container.put_archive(WHEELS, file)
        return _commit(container, tag, [])


def add_files(
    client: DockerClient,
    files: Mapping[str, bytes],
    script: str,
    *,
    parent: str,
    tag: str,
    changes: Sequence[str],
) -> str:
    """Commit `parent` as `tag` with files at absolute paths, after `script`; return the image's id.

    `changes` are Dockerfile instructions such as `USER 1000`.
    """
    with _container(client, parent, script, []) as container:
        container.put_archive("/", _archive(files))
        return _commit(container, tag, changes)


def forget_others(client: DockerClient, tag: str) -> None:
    """Remove what `tag` replaces: the images of its repository with other tags, unless they are in use."""
    for image in client.api.images(tag.partition(":")[0]):
        for other in set(image["RepoTags"] or ()) - {tag}:
            with suppress(APIError):
                client.api.remove_image(other)


def _obtain(client: DockerClient, source: str, report: Callable[[str], None]) -> bool:
    """Have the engine hold `source`; return whether it does."""
    with suppress(NotFound):
        client.images.get(source)
        return True
    try:
        client.api.timeout = 30  # a registry behind a silent firewall
        client.images.get_registry_data(source)
    except (DockerException, RequestException):
        return False
    finally:
        client.api.timeout = PATIENCE_SECONDS
    report(f"base: pulling {source}")
    client.images.pull(source)
    return True


def _bootstrap(release: str, root: Path) -> None:
    """Make a root file system; its mounts are made in a namespace of their own and go with it."""
    command = ["debootstrap", "--variant=minbase", "--include=python3", release, str(root), *_mirror(release)]
    _run(
        ["unshare", "--mount", *command],
        "apt-get update, to see that the mirrors answer; then roadmark image build",
    )


def _mirror(release: str) -> list[str]:
    """Return where this machine's apt gets `release`; nothing leaves the choice to debootstrap."""
    fields = ["Created-By: Packages", f"Codename: {release}", "Component: main"]
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *fields]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    return [uri for uri in listed if uri.startswith(("http:", "https:", "file:"))][:1]


def _import(client: DockerClient, root: Path, tag: str) -> None:
    """Make an image of a root file system, without set-user-id bits."""
    file = root.with_suffix(".tar")
    leave_out = [f"--exclude=./{pattern}" for pattern in LEFT_OUT]
    command = ["tar", "--create", "--file", str(file), "--numeric-owner", "--mode=a-s", *leave_out]
    _run(
        [*command, "--directory", str(root), "."], "df -h, since this takes 0.5 GB; then roadmark image build"
    )
    client.api.import_image_from_file(str(file), *tag.split(":"))


def _platforms(machine: str) -> list[str]:
    """Return the tags of wheels that run in the base, newest first."""
    modern = [f"manylinux_2_{minor}_{machine}" for minor in range(NEWEST_GLIBC, 4, -1)]
    return [
        *modern,
        f"manylinux2014_{machine}",
        f"manylinux2010_{machine}",
        f"manylinux1_{machine}",
        f"linux_{machine}",
    ]


@contextmanager
def _container(client: DockerClient, image: str, script: str, mounts: list[Mount]) -> Iterator[Container]:
    with suppress(NotFound):
        client.api.remove_container(BUILDER, force=True, v=True)
    container = client.containers.create(
        image,
        ["/bin/sh", "-c", script],
        name=BUILDER,
        entrypoint=[],
        user="0:0",
        network_mode="none",
        mounts=mounts,
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def _commit(container: Container, tag: str, changes: Sequence[str]) -> str:
    container.start()
    if container.wait(timeout=PATIENCE_SECONDS)["StatusCode"]:
        said = container.logs(tail=5).decode(errors="replace").strip()
        raise SandboxError(f"a step of the image's build failed: {said}", hint="roadmark image build")
    repository, version = tag.split(":")
    return str(container.commit(repository, version, changes=list(changes)).id)


def _archive(files: Mapping[str, bytes]) -> IO[bytes]:
    """Return a tar of files at absolute paths: everybody's to read, nobody's to write."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            member.mode, member.size = 0o444, len(content)
            archive.addfile(member, io.BytesIO(content))
    data.seek(0)
    return data


def _run(command: Sequence[str], hint: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise SandboxError(f"{command[0]} failed:\n{said}", hint=hint)
