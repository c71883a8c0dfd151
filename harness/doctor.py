"""Prove that this machine can grade: engine, image, room, and each control of the sandbox from inside.

The probe is handed in like a submission and answers through the wall, so what is proved is
what submissions get. A control that cannot be verified is a finding, never a guess.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import NoEngine, RoadmarkError
from harness.failures import LearnerFailure
from harness.proxy import SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.session import Session

if TYPE_CHECKING:
    from docker import DockerClient

PROBE: Final = Path(__file__).with_name("sandbox") / "probe.py"
LIMITS: Final = Limits(
    memory_mb=256, cpus=1, pids=64, disk_mb=32, call_seconds=5, import_seconds=20, restarts=1
)
ENVIRONMENT: Final = frozenset(
    {"HOME", "HOSTNAME", "LANG", "LC_CTYPE", "MPLBACKEND", "OMP_NUM_THREADS", "PATH", "PWD", "TZ", "USER"}
    | {"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
)
ROOM_GB: Final = 2.0
KILL_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    good: bool
    detail: str
    fix: str = ""
    """What to do about it; empty where it is good."""


def examine(profile: str = "cpu") -> Iterator[Finding]:
    """Yield a finding for each thing that grading in Docker relies on."""
    yield _room()
    try:
        from harness.sandbox.engine import connect

        client = connect()
    except NoEngine as error:
        yield Finding(subject="engine", good=False, detail=str(error), fix=error.hint)
        return
    yield from _engine(client)
    image = _image(client, profile)
    yield image
    if image.good:
        yield from probe(client, profile)


def _room() -> Finding:
    free = shutil.disk_usage("/var/tmp").free / 1e9  # noqa: S108 - only measured
    fix = "" if free >= ROOM_GB else "roadmark clean, or make room on the disk"
    return Finding(subject="disk", good=not fix, detail=f"{free:.1f} GB free", fix=fix)


def _engine(client: DockerClient) -> Iterator[Finding]:
    info, version = client.info(), client.version()
    cgroup, runtime = info.get("CgroupVersion", "1"), info.get("DefaultRuntime", "?")
    detail = (
        f"{version.get('Version', '?')}, kernel {info.get('KernelVersion', '?')}, cgroup {cgroup}, {runtime}"
    )
    yield Finding(subject="engine", good=True, detail=detail)
    for key, what in (("MemoryLimit", "memory"), ("SwapLimit", "swap"), ("PidsLimit", "process")):
        good = bool(info.get(key))
        fix = "" if good else f"start the kernel or the engine with {what} accounting"
        yield Finding(
            subject=f"{what} limit", good=good, detail="supported" if good else "not supported", fix=fix
        )
    good = any("seccomp" in option for option in info.get("SecurityOptions") or ())
    fix = "" if good else "use an engine and a kernel with seccomp"
    yield Finding(subject="seccomp", good=good, detail="supported" if good else "not supported", fix=fix)


def _image(client: DockerClient, profile: str) -> Finding:
    from harness.sandbox import images

    state = images.status(client, profile)
    fix = "" if state == "current" else f"roadmark image build --profile {profile}"
    return Finding(subject="image", good=not fix, detail=f"{images.image_tag(profile)} is {state}", fix=fix)


# ---- the probe -------------------------------------------------------------------------------


def probe(client: DockerClient, profile: str = "cpu") -> Iterator[Finding]:
    """Yield a finding for each control, as a submission meets it."""
    from harness.sandbox.docker import DockerSandbox

    exercise = Exercise(
        id="doctor/probe", title="probe", summary="", entry="probe.py", profile=profile, limits=LIMITS
    )
    data = PROBE.read_bytes()
    files = (SourceFile(path="probe.py", data=data),)
    submission = Submission(files=files, entry="probe.py", digest=hashlib.sha256(data).hexdigest())
    session = Session(DockerSandbox(client), exercise, submission, b"doctor")
    proxy = SubmissionProxy(session)
    try:
        for subject, question in CONTROLS:
            yield _asked(subject, question, proxy)
        yield _killed(proxy)
    finally:
        session.close()


def _asked(subject: str, question: Callable[[Any], str], proxy: SubmissionProxy) -> Finding:
    try:
        trouble = question(proxy)
    except (LearnerFailure, RoadmarkError, KeyError, TypeError, ValueError) as error:
        trouble = f"could not be verified: {error!r:.200}"
    fix = "do not grade on this engine before this holds; see SECURITY.md" if trouble else ""
    return Finding(subject=subject, good=not trouble, detail=trouble or "holds", fix=fix)


def _capabilities(probe: Any) -> str:
    held = {key: value for key, value in probe.status().items() if key.startswith("Cap") and int(value, 16)}
    return f"capabilities are held: {held}" if held else ""


def _privileges(probe: Any) -> str:
    found = probe.status()
    return "" if (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2") else f"the kernel says {found}"


def _user(probe: Any) -> str:
    return "it runs as root" if probe.status()["Uid"] == "0" else ""


def _read_only(probe: Any) -> str:
    return ", ".join(probe.writable())


def _scratch(probe: Any) -> str:
    cap = LIMITS.disk_mb << 20
    wrong = {name: size for name, (size, inodes) in probe.scratch().items() if size > cap or not inodes}
    return f"folders without a limit: {wrong}" if wrong else ""


def _limits(probe: Any) -> str:
    found = probe.limits()
    memory, pids = int(found["memory"]), int(found["pids"])
    if memory != LIMITS.memory_mb << 20 or pids != LIMITS.pids:
        return f"memory {memory} or processes {pids} are not limited as asked"
    return "" if int(found["swap"]) in (0, memory) else f"swap is allowed: {found['swap']}"


def _network(probe: Any) -> str:
    others = [name for name in probe.interfaces() if name != "lo"]
    return f"interfaces {others}" if others else "it reaches out" if probe.reaches_out() else ""


def _system_calls(probe: Any) -> str:
    return ", ".join(probe.system_calls())


def _families(probe: Any) -> str:
    return ", ".join(probe.socket_families())


def _environment(probe: Any) -> str:
    return ", ".join(sorted(set(probe.environment()) - ENVIRONMENT))


def _processes(probe: Any) -> str:
    seen = probe.neighbours()
    return f"{seen} processes can be seen" if seen > 4 else ""


CONTROLS: Final[tuple[tuple[str, Callable[[Any], str]], ...]] = (
    ("no capabilities", _capabilities),
    ("no new privileges, system calls filtered", _privileges),
    ("not root", _user),
    ("system is read-only", _read_only),
    ("scratch folders are limited", _scratch),
    ("memory, swap and processes are limited", _limits),
    ("no network", _network),
    ("dangerous system calls are refused", _system_calls),
    ("odd socket families are refused", _families),
    ("environment is ours", _environment),
    ("own process space", _processes),
)


def _killed(proxy: SubmissionProxy) -> Finding:
    """Let the probe spin and see that the deadline ends it, soon."""
    subject = f"a hang ends within {KILL_SECONDS:g} s of its deadline"
    began = time.monotonic()
    try:
        proxy.within(seconds=0.5).spin()
        trouble = "it was not ended"
    except LearnerFailure as failure:
        late = time.monotonic() - began - 0.5
        trouble = (
            "" if failure.reason == "timeout" and late < KILL_SECONDS else f"{failure} after {late:.1f} s"
        )
    except RoadmarkError as error:
        trouble = str(error)
    return Finding(
        subject=subject,
        good=not trouble,
        detail=trouble or "holds",
        fix="restart the engine" if trouble else "",
    )
