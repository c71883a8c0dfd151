"""The Docker sandbox: one hardened container for one submission, spoken to over its stdin and stdout.

Nothing of the host is mounted, there is no network, and nothing is writable but two small
in-memory folders. `parameters` is a pure function, so that tests and reviewers can read the
wall without an engine.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from harness.errors import SandboxError
from harness.gpu import requesting
from harness.records import Exercise, Limits
from harness.sandbox.engine import connect, engine_mark
from harness.sandbox.images import ENTRY, require_image
from harness.sandbox.owners import owner
from harness.sandbox.protocol import Ending, Slot, threads
from harness.sandbox.stream import Answers, DockerFrames, Log, Stream
from harness.wire import Buffer

if TYPE_CHECKING:
    from docker import DockerClient

SECCOMP: Final = Path(__file__).with_name("seccomp.json")
FIRST_UID: Final = 20011
LABEL: Final = "org.roadmark.run"
OWNER: Final = "org.roadmark.owner"
DEADLINE: Final = "org.roadmark.deadline"
GRACE_SECONDS: Final = 120.0
SEVERAL_SECONDS: Final = 3600.0
"""What one that serves several solutions may live; it ends with the process that started it."""
EXIT_SECONDS: Final = 2.0
PEAKS: Final = (
    "/sys/fs/cgroup/memory/docker/{}/memory.max_usage_in_bytes",
    "/sys/fs/cgroup/system.slice/docker-{}.scope/memory.peak",
    "/sys/fs/cgroup/docker/{}/memory.peak",
)
"""Where control groups of version 1 and 2 keep a container's peak."""
CPU_TIMES: Final = (
    ("/sys/fs/cgroup/cpuacct/docker/{}/cpuacct.usage", 1e-9),
    ("/sys/fs/cgroup/system.slice/docker-{}.scope/cpu.stat", 1e-6),
    ("/sys/fs/cgroup/docker/{}/cpu.stat", 1e-6),
)
"""Where they keep its processor time, and what the number in the first line is counted in, in seconds."""


def parameters(
    exercise: Exercise,
    image: str,
    slot: Slot,
    run: str,
    runtime: str = "",
    info: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what the container is created with: the wall, as data.

    Args:
        exercise: Gives limits and name.
        image: Id of the image, not a tag, so that a missing one is an error and never a pull.
        slot: Gives the processors and the user id.
        run: A name for this container that no other has.
        runtime: What runs it, such as `runsc`; empty for the engine's own.
        info: What the engine tells of itself; asked for only where a GPU is lent.
    """
    limits = exercise.limits
    uid = FIRST_UID + slot.index
    return {
        "image": image,
        "name": f"roadmark-{run}",
        "command": list(ENTRY),
        "entrypoint": [],
        "working_dir": "/submission",
        "hostname": "sandbox",
        "user": f"{uid}:{uid}",
        "environment": _environment(limits, slot),
        "stdin_open": True,
        "detach": False,  # makes stdin close when we go: the container then ends by itself
        "tty": False,  # a terminal would merge the streams
        "init": True,
        "healthcheck": {"test": ["NONE"]},
        "auto_remove": False,  # we still ask how it ended
        "labels": _labels(limits, run),
        **_walls(limits, uid),
        **_resources(limits, slot),
        **_devices(slot, info),
        **({"runtime": runtime} if runtime else {}),
    }


def _walls(limits: Limits, uid: int) -> dict[str, Any]:
    tmpfs = f"rw,nosuid,nodev,noexec,size={limits.disk_mb}m,nr_inodes=16k"
    return {
        "network_mode": "none",
        "dns": ["127.0.0.1"],  # nobody answers there; left out, the host's resolvers would be told
        "dns_search": ["."],
        "ipc_mode": "private",
        "read_only": True,
        "privileged": False,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={_seccomp()}"],
        "tmpfs": {
            "/tmp": f"{tmpfs},mode=1777",  # noqa: S108 - the container's own
            "/submission": f"{tmpfs},mode=0700,uid={uid},gid={uid}",
        },
    }


def _resources(limits: Limits, slot: Slot) -> dict[str, Any]:
    from docker.types import LogConfig, Ulimit

    disk = limits.disk_mb << 20
    return {
        "mem_limit": f"{limits.memory_mb}m",
        "memswap_limit": f"{limits.memory_mb}m",  # equal: no swap; left out, it would be twice the memory
        "oom_score_adj": 500,
        "pids_limit": limits.pids,
        "nano_cpus": limits.cpus * 1_000_000_000,
        "cpuset_cpus": ",".join(map(str, slot.cpus)),
        "shm_size": f"{limits.disk_mb}m",
        "ulimits": [
            Ulimit(name=name, soft=value, hard=value)
            for name, value in (("core", 0), ("nofile", 1024), ("fsize", disk), ("memlock", 65536))
        ],
        "log_config": LogConfig(type="none"),
    }


def _devices(slot: Slot, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the one GPU that is lent to the place; nothing without."""
    if not slot.device:
        return {}
    from docker.types import DeviceRequest

    return {"device_requests": [DeviceRequest(**requesting.device_request(slot.device, info))]}


def _environment(limits: Limits, slot: Slot) -> dict[str, str]:
    return {
        "HOME": "/tmp",  # noqa: S108
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "USER": "learner",  # a uid without a passwd entry has no name, and getpass asks for one
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": str(threads(limits, slot)),
        **(requesting.environment() if slot.device else {}),
    }


def _labels(limits: Limits, run: str) -> dict[str, str]:
    deadline = time.time() + limits.total_seconds + GRACE_SECONDS
    return {LABEL: run, OWNER: owner(), DEADLINE: f"{deadline:.0f}"}


def _seccomp() -> str:
    """Return the profile as text: the engine's API takes no path."""
    return json.dumps(json.loads(SECCOMP.read_text()), separators=(",", ":"))


class DockerSandbox:
    """Runs each worker in a container of its own.

    Args:
        client: The engine; connected to if it is not given.
        slot: The place.
        runtime: What runs the container; empty for the engine's own.
        several: Whether a container serves several solutions of the course's own.
        waits: Seconds that a container may wait for its submission before the reaper takes it.
    """

    name: Literal["docker", "process"] = "docker"

    def __init__(
        self,
        client: DockerClient | None = None,
        slot: Slot | None = None,
        runtime: str = "",
        *,
        several: bool = False,
        waits: float = 0.0,
    ) -> None:
        self._several, self._waits = several, waits
        self._client = client or connect()
        self._slot = slot or Slot()
        self._runtime = runtime
        self._image = ""
        self._tier = ""

    def tier(self) -> str:
        """Say how strong this wall is."""
        if not self._tier:
            options = " ".join(self._client.info().get("SecurityOptions") or ())
            extras = [name for name in ("userns", "rootless") if name in options]
            extras += [f"runtime {self._runtime}"] if self._runtime else []
            self._tier = ", ".join(["docker: hardened container, own seccomp profile, no network", *extras])
        return self._tier

    def image(self) -> str:
        """Return the id of the image that was last run."""
        return self._image

    @contextmanager
    def launch(self, exercise: Exercise) -> Iterator[Container]:
        """Run a container for as long as the block lasts."""
        self._image = require_image(self._client, exercise.profile)
        run = uuid.uuid4().hex[:12]
        info = self._client.info() if self._slot.device else {}
        wanted = parameters(exercise, self._image, self._slot, run, self._runtime, info)
        if self._several:
            wanted["command"].append("--several")
            wanted["labels"][DEADLINE] = f"{time.time() + SEVERAL_SECONDS:.0f}"
        elif self._waits:
            wanted["labels"][DEADLINE] = f"{float(wanted['labels'][DEADLINE]) + self._waits:.0f}"
        container = Container(self._client, wanted, exercise.limits)
        try:
            container.start()
            yield container
        finally:
            container.end()


class Container:
    """A container and the stream to it."""

    def __init__(self, client: DockerClient, wanted: dict[str, Any], limits: Limits) -> None:
        self._client, self._wanted = client, wanted
        self._name: str = wanted["name"]
        self._id = ""
        self._engine = ""
        self._log_cap = limits.log_kb << 10
        self._opened: list[Any] = []
        self._stream: Stream | None = None
        self._ending: Ending | None = None

    def start(self) -> None:
        """Create, attach, start, in this order: what is printed before we attach would be lost."""
        from docker.errors import DockerException

        api = self._client.api
        self._engine = engine_mark()
        try:
            self._id = str(self._client.containers.create(**self._wanted).id)
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            stream = api.attach_socket(self._name, params=streams)
            connection: socket.socket = getattr(stream, "_sock", stream)
            self._opened = [stream, connection]  # the wrapper alone does not close the connection
            api.start(self._name)
        except (DockerException, OSError) as error:
            raise SandboxError(f"the sandbox did not start: {error}", hint="roadmark doctor") from error
        answers, log = Answers(), Log(self._log_cap)
        frames = DockerFrames(answers.add, log.add)
        number = connection.fileno()
        self._stream = Stream(number, {number: frames.add}, answers, log)

    def send(self, chunks: Sequence[Buffer], deadline: float) -> None:
        """Write a request."""
        self._open().send(chunks, deadline)

    def receive(self, size: int, deadline: float) -> bytearray:
        """Read a part of an answer."""
        return self._open().receive(size, deadline)

    def quiet(self) -> bool:
        """Whether no byte of an answer is waiting."""
        return self._open().answers.empty

    def take_log(self) -> bytes:
        """Return what was printed since the last call."""
        stream = self._open()
        if self._ending is None:
            stream.drain()
        return stream.log.take()

    def _open(self) -> Stream:
        if self._stream is None:
            raise SandboxError("the sandbox was used before it was started")
        return self._stream

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the container; None where its control group is elsewhere."""
        for pattern, unit in CPU_TIMES:
            try:
                first = Path(pattern.format(self._id)).read_text().splitlines()[0]
                return int(first.removeprefix("usage_usec")) * unit
            except (OSError, ValueError, IndexError):
                continue
        return None

    def peak_memory_mb(self) -> float | None:
        """Return the most memory that the container has used; None where its control group is elsewhere."""
        return _peak_memory_mb(self._id)

    def let_go(self) -> None:
        """Close the stream: a fork has ended the container, nothing is left for `end`."""
        self._ending, self._stream = Ending(), None
        self._close()

    def _close(self) -> None:
        """Close the stream for whoever shares it: an engine that can still write to it may hang."""
        opened, self._opened = self._opened, []
        if opened:
            with suppress(OSError):  # it has ended by itself
                opened[-1].shutdown(socket.SHUT_RDWR)
        for one in opened:
            one.close()

    def end_from_a_fork(self) -> Ending:
        """End it from a child of the process that started it, over a connection of the child's own."""
        self._client = connect()
        return self.end()

    def end(self) -> Ending:
        """Close the stream, then kill, then remove: the other order can hang the engine."""
        if self._ending is None:
            peak = self.peak_memory_mb()
            if self._stream:
                self._stream.drain()
            self._close()
            self._ending = self._remove(peak)
            if self._ending.exit_code is not None and engine_mark() != self._engine:
                raise SandboxError(  # it was not the learner's code that ended it
                    "the Docker engine stopped while a submission ran", hint="run the same command again"
                )
        return self._ending

    def _remove(self, peak: float | None) -> Ending:
        from docker.errors import APIError, NotFound

        api = self._client.api
        try:
            state = self._state()
            if state.get("Running"):
                with suppress(APIError):
                    api.kill(self._name, signal="SIGKILL")
        except NotFound:
            return Ending()
        with suppress(APIError):  # gone, or going: both are what we want
            api.remove_container(self._name, force=True, v=True)
        return Ending(
            exit_code=None if state.get("Running") else int(state.get("ExitCode") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            peak_memory_mb=peak,
        )

    def _state(self) -> dict[str, Any]:
        """Return the engine's view; where the stream has ended the exit is on its way, so wait for it."""
        patience = time.monotonic() + (EXIT_SECONDS if self._stream and self._stream.ended else 0)
        while True:
            state: dict[str, Any] = self._client.api.inspect_container(self._name)["State"]
            if not state.get("Running") or time.monotonic() >= patience:
                return state
            time.sleep(0.02)


def _peak_memory_mb(container: str) -> float | None:
    """Return the most memory a live container has used; None where its control group is elsewhere.

    Read from the file: asking the engine takes half a second.
    """
    for pattern in PEAKS:
        try:
            return int(Path(pattern.format(container)).read_text()) / (1 << 20)
        except (OSError, ValueError):
            continue
    return None


def reap(client: DockerClient) -> int:
    """Remove containers whose owner is dead or whose deadline has passed; return how many."""
    from docker.errors import APIError

    removed = 0
    for found in client.api.containers(all=True, filters={"label": [LABEL]}):
        if _abandoned(found.get("Labels") or {}):
            with suppress(APIError):
                client.api.remove_container(found["Id"], force=True, v=True)
                removed += 1
    return removed


def _abandoned(labels: dict[str, str]) -> bool:
    from harness.sandbox.owners import alive

    try:
        overdue = float(labels.get(DEADLINE, "0")) < time.time()
    except ValueError:
        overdue = True
    return overdue or not alive(labels.get(OWNER, ""))
