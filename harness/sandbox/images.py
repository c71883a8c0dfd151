"""The images that sandboxes run: what is in them, whether they are current, and having them built.

An image has three layers, each named by a digest of what goes into it, so that a change to
the worker never installs torch again:

    roadmark/debian        Debian with Python 3.11
    roadmark/cpu-packages  + the pinned packages of a profile
    roadmark/cpu           + the worker: `harness/inside` and `harness/wire.py`

The profile `gpu` has the same packages, but torch built for CUDA with all that it loads; `base`
leaves out torch, scipy and scikit-learn, a third of the size.

No test, grader or reference solution enters any of them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final, Literal

from harness.errors import ImageMissing, SpecError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

DIGEST_LABEL: Final = "org.roadmark.digest"
PROFILE_LABEL: Final = "org.roadmark.profile"
USER: Final = "20011:20011"
"""Neither root nor nobody, to whom network and other file systems give a meaning of their own."""
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
FOLDER: Final = "/opt/roadmark"
ENTRY: Final = ("python3", "-I", "-B", f"{FOLDER}/harness/inside/run.py")
"""The command that starts the worker in a container."""

HARNESS: Final = Path(__file__).resolve().parents[1]
HERE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of sandbox, by what learners can import in it."""

    packages: str
    """File beside this module: exact versions of everything, in pip's requirements format."""
    imports: tuple[str, ...]
    """Modules that must import before the image counts as built."""
    without: frozenset[str] = frozenset()
    """Packages of the file that are left out."""
    instead: str = ""
    """File of packages that replace those of the same name, and of what is there besides."""
    proof: str = ""
    """Python that must not raise before the image counts as built."""


IMPORTS: Final = (
    "fastapi.testclient",
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "nbclient",
    "numpy.testing",
    "pandas",
    "PIL.Image",
    "pydoc_data.topics",
    "safetensors.numpy",
    "scipy.stats",
    "sklearn.datasets",
    "torch.utils.data",
    "uvicorn",
)
LARGE: Final = frozenset(
    (
        *("torch", "filelock", "fsspec", "mpmath", "networkx", "setuptools", "sympy"),
        *("scipy", "scikit-learn", "joblib", "narwhals", "threadpoolctl"),
    )
)
"""torch, scipy and scikit-learn, with what nothing else here needs."""
PROFILES: Final[Mapping[str, Profile]] = {
    "base": Profile(
        packages="packages-cpu.txt",
        imports=tuple(name for name in IMPORTS if not name.startswith(("torch", "scipy", "sklearn"))),
        without=LARGE,
    ),
    "cpu": Profile(packages="packages-cpu.txt", imports=IMPORTS),
    "gpu": Profile(
        packages="packages-cpu.txt",
        imports=IMPORTS,
        instead="packages-cuda.txt",
        proof="import torch; assert torch.version.cuda, 'this torch was built for the CPU'",
    ),
}
OLDEST_COMPUTE: Final = "7.5"
"""What the kernels of torch for CUDA 13 are compiled for at least: Turing."""

BASE: Final = "python:3.11-slim-bookworm"
RELEASE: Final = "bookworm"
"""The Debian in `BASE`; where no registry answers, our base is made of its packages."""

PIP: Final = "pip==26.3"
"""Goes into the build as a wheel, because a base need not have one, and does not stay."""

# /mnt is a volume with the wheels, so that no layer keeps them. What serves only to build against torch
# goes, and so does every set-user-id bit. Byte code is made here, because a sandbox cannot write any; some
# of the files are templates and do not compile.
INSTALL: Final = """
set -eu
pip=$(echo /mnt/pip-*.whl)
ls /mnt/*.whl | grep -v /mnt/pip- | xargs python3 "$pip/pip" install --quiet --no-index --no-deps \
    --no-compile --no-cache-dir --break-system-packages --root-user-action=ignore
site=$(python3 -Ic 'import sysconfig; print(sysconfig.get_path("platlib"))')
standard=$(python3 -Ic 'import os; print(os.path.dirname(os.__file__))')
rm -rf "$site"/torch/test "$site"/torch/include
rm -rf "$site"/torch/bin/test_* "$site"/torch/bin/*Test "$site"/torch/bin/protoc*
find "$site" -name '*.a' -delete
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
python3 -Im compileall -q -j 0 -x '/tests?/' "$standard" "$site" >/dev/null || true
MPLCONFIGDIR=/tmp python3 -IBc 'import MODULES'
rm -rf /tmp/* /root/.cache
"""

FINISH: Final = f"python3 -Im compileall -q {FOLDER}"


def image_digest(profile: str) -> str:
    """Return the SHA-256, in hex, of everything that goes into the image of a profile."""
    files = [part for item in sorted(worker_files().items()) for part in item]
    return _digest(packages_digest(profile), FINISH, USER, *ENTRY, *files)


def packages_digest(profile: str) -> str:
    """Return the SHA-256, in hex, of what goes into the layer of packages and the one below."""
    wanted = _profile(profile)
    proof = [wanted.proof] if wanted.proof else []
    return _digest(base_digest(), PIP, INSTALL, requirements(profile), *wanted.imports, *proof)


def requirements(profile: str) -> str:
    """Return the exact versions of everything in an image, in pip's requirements format."""
    wanted = _profile(profile)
    text = (HERE / wanted.packages).read_text(encoding="utf-8")
    if not (wanted.instead or wanted.without):
        return text
    other = (HERE / wanted.instead).read_text(encoding="utf-8") if wanted.instead else ""
    gone = {name for line in other.splitlines() if (name := _name_in(line))} | wanted.without
    kept = [line for line in text.splitlines() if _name_in(line) and _name_in(line) not in gone]
    return "\n".join([*kept, other])


def cuda_of(profile: str) -> str:
    """Return the CUDA that the torch of a profile was built for, such as `13.0`; empty for none."""
    found = re.search(r"^cuda-toolkit==(\d+\.\d+)", requirements(profile), re.MULTILINE)
    return found[1] if found else ""


def _name_in(line: str) -> str:
    """Return the package that a line asks for; empty for comments and blank lines."""
    return re.sub(r"[-_.]+", "-", re.split(r"[=<>!~\s#]", line, maxsplit=1)[0]).lower()


def base_digest() -> str:
    """Return the SHA-256, in hex, of the base's description; which of two ways it was made does not count."""
    return _digest(BASE, RELEASE)


def worker_files() -> dict[str, bytes]:
    """Return the files of the harness that enter an image, by their path under `FOLDER` there."""
    files = [HARNESS / "__init__.py", HARNESS / "wire.py", *sorted((HARNESS / "inside").glob("*.py"))]
    return {file.relative_to(HARNESS.parent).as_posix(): file.read_bytes() for file in files}


def image_tag(profile: str) -> str:
    """Return the name that the current image of a profile goes by."""
    return _tag(profile, image_digest(profile))


def find_image(client: DockerClient, profile: str) -> str | None:
    """Return the id of the current image, or None; one question to the engine, a few milliseconds."""
    digest = image_digest(profile)
    image = _get(client, _tag(profile, digest))
    return image.id if image and image.labels.get(DIGEST_LABEL) == digest else None


def status(client: DockerClient, profile: str) -> Literal["current", "stale", "missing"]:
    """Say whether an image is there and made from its inputs as they are now."""
    if find_image(client, profile):
        return "current"
    return "stale" if client.api.images(f"roadmark/{profile}") else "missing"


def require_image(client: DockerClient, profile: str) -> str:
    """Return the id of the current image; raises `ImageMissing` if there is none."""
    image = find_image(client, profile)
    if image:
        return image
    raise ImageMissing(
        f"the sandbox image {profile!r} is {status(client, profile)}",
        hint=f"roadmark image build --profile {profile}",
    )


def build(client: DockerClient, profile: str, report: Callable[[str], None]) -> str:
    """Make whatever is missing of the three layers and return the image's id.

    `report` gets a line per step. A current image is left alone. Raises `SandboxError` with
    what to do next.
    """
    from harness.sandbox import image_layers

    _profile(profile)
    with image_layers.building(client):
        image = find_image(client, profile) or _build(client, profile, report)
        for tag in _tags(profile):
            image_layers.forget_others(client, tag)
    size = client.images.get(image).attrs["Size"]
    report(f"{image_tag(profile)}, {size / 1e9:.2f} GB")
    return image


def _build(client: DockerClient, profile: str, report: Callable[[str], None]) -> str:
    from harness.sandbox import image_layers

    wanted = _profile(profile)
    digest = image_digest(profile)
    base, packages, final = _tags(profile)
    if not _get(client, base):
        image_layers.make_base(client, BASE, RELEASE, base, report)
    if not _get(client, packages):
        report("packages: fetching their wheels with this machine's pip")
        with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
            file.write(requirements(profile))
            file.flush()
            asked = ["--requirement", file.name, PIP]
            folder = packages.rpartition("/")[2].replace(":", "-")
            wheels = image_layers.fetch_wheels(client, asked, folder)
        report("packages: installing them without a network (a minute or two)")
        script = _install_script(wanted)
        image_layers.install_wheels(client, base, packages, wheels, script)
    report("worker: copying it")
    changes = [
        f"USER {USER}",
        f"ENV PATH={PATH}",
        f"CMD {json.dumps(ENTRY)}",
        f"LABEL {DIGEST_LABEL}={digest} {PROFILE_LABEL}={profile}",
    ]
    files = {f"{FOLDER}/{name}": content for name, content in worker_files().items()}
    return image_layers.add_files(client, files, FINISH, parent=packages, tag=final, changes=changes)


def _install_script(wanted: Profile) -> str:
    """Return the script that installs a profile's wheels and proves that they work."""
    script = INSTALL.replace("MODULES", ", ".join(wanted.imports))
    return f"{script}python3 -IBc {shlex.quote(wanted.proof)}\n" if wanted.proof else script


def _tags(profile: str) -> list[str]:
    """Return the names of the three layers, from the lowest up."""
    return [
        _tag("debian", base_digest()),
        _tag(f"{profile}-packages", packages_digest(profile)),
        image_tag(profile),
    ]


def _tag(repository: str, digest: str) -> str:
    return f"roadmark/{repository}:{digest[:12]}"


def _profile(name: str) -> Profile:
    if name in PROFILES:
        return PROFILES[name]
    near = get_close_matches(name, PROFILES, n=1, cutoff=0)
    raise SpecError(f"there is no sandbox profile {name!r}", hint=f"did you mean {near[0]!r}?")


def _get(client: DockerClient, tag: str) -> Image | None:
    from docker.errors import ImageNotFound

    try:
        return client.images.get(tag)
    except ImageNotFound:
        return None


def _digest(*parts: str | bytes) -> str:
    """Return a SHA-256 that no two different sequences of parts share."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(b"%d:" % len(data) + data)
    return total.hexdigest()
