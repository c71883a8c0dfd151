"""Each control of the sandbox as a question: the probe's answers and the engine's view in, a trouble out.

Pure functions, so that every broken setup can be tested without one. An answer that is
absent or of another shape raises, and whoever asks takes that for "could not be verified".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.records import Limits

Answers = Mapping[str, Any]
LIMITS: Final = Limits(
    memory_mb=256, cpus=1, pids=64, disk_mb=32, log_kb=64, call_seconds=10, import_seconds=60, restarts=4
)
INODES: Final = 16 << 10
ENVIRONMENT: Final = frozenset(
    {"HOME", "HOSTNAME", "LANG", "LC_CTYPE", "MPLBACKEND", "OMP_NUM_THREADS", "PATH", "PWD", "TZ", "USER"}
    | {"PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
)
GPU_ENVIRONMENT: Final = frozenset(
    {"CUBLAS_WORKSPACE_CONFIG", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"}
)
"""What is set besides where a GPU is lent, by us and by the engine."""
GPU_DEVICES: Final = frozenset(
    {"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps"}
)
"""The driver's own, which every GPU needs."""
ULIMITS: Final = {
    "core": 0,
    "nofile": 1024,
    "fsize": LIMITS.disk_mb << 20,
    "memlock": 65536,
}
FEW: Final = 4
"""Processes of a container: its init, the worker, and what those start for a moment."""


def _capabilities(a: Answers) -> str:
    held = {key: value for key, value in a["status"].items() if key.startswith("Cap") and int(value, 16)}
    return f"capabilities are held: {held}" if held or "CapBnd" not in a["status"] else ""


def _privileges(a: Answers) -> str:
    return "" if a["status"]["NoNewPrivs"] == "1" else "programs can give rights"


def _filtered(a: Answers) -> str:
    return "" if a["status"]["Seccomp"] == "2" else "no filter is on"


def _user(a: Answers) -> str:
    inside, asked = a["status"]["Uid"], a["outside"]["Config"]["User"]
    good = asked == f"{inside}:{inside}" and inside != "0"
    return "" if good else f"it runs as {inside}, asked was {asked}"


def _read_only(a: Answers) -> str:
    written = ", ".join(a["writable"])
    return written or ("" if a["mounts"]["/"][0].startswith("ro") else "the system is mounted to be written")


def _scratch(a: Answers) -> str:
    cap = LIMITS.disk_mb << 20
    wrong = {name: one for name, one in a["scratch"].items() if one[0] > cap or not one[1]}
    free = {name: one for name, one in a["scratch"].items() if name != "/dev/shm" and one[1] > INODES}  # noqa: S108
    return f"folders without a limit: {wrong | free}" if wrong or free else ""


def _inert(a: Answers) -> str:
    wanted = {"nosuid", "nodev", "noexec"}
    wrong = {
        name: sorted(wanted - set(a["mounts"][name][0].split(",")))
        for name in ("/tmp", "/submission", "/dev/shm")  # noqa: S108
    }
    wrong = {name: lacking for name, lacking in wrong.items() if lacking}
    return f"mount options are missing: {wrong}" if wrong else ""


def _memory(a: Answers) -> str:
    memory = int(a["limits"]["memory"])
    return "" if memory == LIMITS.memory_mb << 20 else f"{memory} bytes are allowed"


def _swap(a: Answers) -> str:
    swap, memory = int(a["limits"]["swap"]), int(a["limits"]["memory"])
    return "" if swap == (0 if a["limits"]["version"] == "2" else memory) else f"swap is allowed: {swap}"


def _processes(a: Answers) -> str:
    most = a["limits"]["pids"]
    return "" if most == str(LIMITS.pids) else f"{most or 'any number'} are allowed"


def _time(a: Answers) -> str:
    share = a["limits"]["cpu"]
    return "" if share == float(LIMITS.cpus) else f"the quota is {share or 'none'} processors"


def _processors(a: Answers) -> str:
    asked = a["outside"]["HostConfig"]["CpusetCpus"]
    given, held = a["processors"], int(a["limits"]["cpus"])
    good = len(asked.split(",")) == held == given if given else not asked
    return "" if good else f"{held} processors, asked were {asked or 'any'}"


def _ulimits(a: Answers) -> str:
    wrong = {name: a["ulimits"][name] for name, most in ULIMITS.items() if a["ulimits"][name] != [most, most]}
    return f"they are {wrong}" if wrong else ""


def _network(a: Answers) -> str:
    others = [name for name in a["interfaces"] if name != "lo"]
    return f"interfaces {others}" if others else "" if a["reaches_out"] is False else "it reaches out"


def _resolver(a: Answers) -> str:
    return "" if set(a["resolvers"]) <= {"127.0.0.1"} else f"it is told {a['resolvers']}"


def _ipc(a: Answers) -> str:
    kind = a["outside"]["HostConfig"]["IpcMode"]
    return "" if kind == "private" else f"it is {kind}"


def _system_calls(a: Answers) -> str:
    return ", ".join(a["system_calls"])


def _families(a: Answers) -> str:
    return ", ".join(a["socket_families"])


def _environment(a: Answers) -> str:
    known = ENVIRONMENT | (GPU_ENVIRONMENT if a.get("lent") else set())
    return ", ".join(sorted(set(a["environment"]) - known))


def _own_processes(a: Answers) -> str:
    return f"{a['neighbours']} processes can be seen" if a["neighbours"] > FEW else ""


def _host_name(a: Answers) -> str:
    return "" if a["host_name"] == "sandbox" else f"it is {a['host_name']!r}"


def _prints(a: Answers) -> str:
    kind = a["outside"]["HostConfig"]["LogConfig"]["Type"]
    return "" if kind == "none" else f"the engine keeps them with the driver {kind!r}"


def _mounts(a: Answers) -> str:
    host = a["outside"]["HostConfig"]
    brought = [*(host.get("Binds") or ()), *(host.get("Devices") or ()), *(a["outside"].get("Mounts") or ())]
    privileged = ["all privileges"] if host["Privileged"] else []
    return f"it has {[*brought, *privileged]}" if brought or privileged else ""


def _devices(a: Answers) -> str:
    """Return the devices that should not be there: where a GPU is lent, all but that one and the driver's."""
    if not a.get("lent"):
        return ", ".join(a["devices"])
    gpus = [name for name in a["devices"] if re.fullmatch(r"nvidia\d+", name)]
    others = [name for name in a["devices"] if name not in GPU_DEVICES and name not in gpus]
    return ", ".join(others + (gpus if len(gpus) != 1 else [])) or ("" if gpus else "the GPU is not there")


def _ends_with_us(a: Answers) -> str:
    config = a["outside"]["Config"]
    return "" if config["StdinOnce"] and config["OpenStdin"] else "its stdin stays open when ours closes"


CONTROLS: Final[Mapping[str, Callable[[Answers], str]]] = {
    "no capabilities": _capabilities,
    "no new privileges": _privileges,
    "system calls are filtered": _filtered,
    "dangerous system calls are refused": _system_calls,
    "odd socket families are refused": _families,
    "the user of its place, and not root": _user,
    "system is read-only": _read_only,
    "scratch folders are limited in size and files": _scratch,
    "scratch folders run nothing": _inert,
    "memory is limited": _memory,
    "no swap": _swap,
    "processes are limited": _processes,
    "processor time is limited": _time,
    "processors are its own": _processors,
    "limits of a process": _ulimits,
    "no network": _network,
    "no resolver": _resolver,
    "own shared memory": _ipc,
    "own process space": _own_processes,
    "environment is ours": _environment,
    "host's name is hidden": _host_name,
    "prints are not kept by the engine": _prints,
    "nothing of the host is mounted": _mounts,
    "no devices": _devices,
    "ends when the harness does": _ends_with_us,
}
"""What is proved, by the words that name it: each returns what is wrong, or an empty text."""
