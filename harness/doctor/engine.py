"""What the engine says of itself: versions, limits that its kernel can hold, and what weakens it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.doctor.findings import Finding, found

OLDEST_API: Final = (1, 41)
OLDEST_RUNC: Final = (1, 1, 12)
"""Older ones let a container reach the host's files through a descriptor left open (CVE-2024-21626)."""
OLDEST_TOOLKIT: Final = "1.17.8"
"""Older ones load a library that an image names, outside of the container (CVE-2025-23266)."""
ACCOUNTING: Final = (
    ("MemoryLimit", "memory"),
    ("SwapLimit", "swap"),
    ("PidsLimit", "process"),
    ("CPUSet", "processor set"),
    ("CpuCfsQuota", "processor time"),
)
PATCHED: Final = re.compile(r"deb|ubuntu|\.el\d|\.fc\d|suse|amzn|alpine", re.IGNORECASE)


def engine_findings(info: Mapping[str, Any], version: Mapping[str, Any], runtime: str) -> Iterator[Finding]:
    """Yield a finding for each thing that the engine's own answers tell.

    Args:
        info: What `docker info` is made of.
        version: What `docker version` is made of.
        runtime: The runtime that was asked for; empty for the engine's own.
    """
    yield _engine(info, version)
    yield _kind(info, version)
    yield from (_accounting(info, key, what) for key, what in ACCOUNTING)
    options = " ".join(info.get("SecurityOptions") or ())
    yield found(
        "seccomp",
        "" if "seccomp" in options else "the engine does not filter system calls",
        "use an engine and a kernel with seccomp",
        otherwise="supported",
    )
    yield _users(options)
    yield _runtime(info, runtime)
    yield _runc(version)
    yield _open_door(info)
    yield _gpu_runtime(info)


def _engine(info: Mapping[str, Any], version: Mapping[str, Any]) -> Finding:
    detail = (
        f"{version.get('Version', '?')}, kernel {info.get('KernelVersion', '?')}, "
        f"cgroup v{info.get('CgroupVersion', '1')} by {info.get('CgroupDriver', '?')}, "
        f"{info.get('Architecture', '?')}, {info.get('NCPU', '?')} processors"
    )
    known = _numbers(str(version.get("ApiVersion", "0"))) >= OLDEST_API
    trouble = "" if known else f"{detail}: its API is older than {'.'.join(map(str, OLDEST_API))}"
    return found("engine", trouble, "use Docker 20.10 or newer", otherwise=detail)


def _kind(info: Mapping[str, Any], version: Mapping[str, Any]) -> Finding:
    kind = str(info.get("OSType", "?"))
    names = {str(one.get("Name", "")) for one in version.get("Components") or ()}
    trouble = "" if kind == "linux" else f"it runs {kind} containers"
    if any("podman" in name.lower() for name in names):
        trouble = "it is Podman, with which these controls were not proved"
    return found("containers", trouble, "use a Docker engine for Linux containers", otherwise="Linux, Docker")


def _accounting(info: Mapping[str, Any], key: str, what: str) -> Finding:
    trouble = "" if info.get(key) else "not supported: submissions would run without it"
    fix = f"start the kernel or the engine with {what} accounting"
    if "rootless" in " ".join(info.get("SecurityOptions") or ()):
        fix += "; a rootless engine needs cgroup v2 and systemd for it"
    return found(f"{what} limit", trouble, fix, otherwise="supported")


def _users(options: str) -> Finding:
    kinds = [name for name in ("userns", "rootless") if name in options]
    detail = f"the engine has {' and '.join(kinds)}" if kinds else "users are those of the host"
    advice = "" if kinds else "for one wall more, start the engine with --userns-remap=default"
    return Finding(subject="user namespaces", good=True, detail=detail, fix=advice)


def _runtime(info: Mapping[str, Any], runtime: str) -> Finding:
    known = sorted(info.get("Runtimes") or {})
    detail = runtime or str(info.get("DefaultRuntime", "?"))
    if "runsc" in known and not runtime:
        detail += "; runsc is there too: --runtime runsc puts a kernel of its own before this one"
    if runtime.startswith("nvidia"):
        trouble = f"{runtime!r} gives GPUs to whatever a container's environment names"
        return found("runtime", trouble, "leave out --runtime: a GPU that is lent needs none")
    lacking = bool(runtime) and runtime not in known
    return found(
        "runtime",
        f"there is no runtime {runtime!r}; known: {', '.join(known)}" if lacking else "",
        "install it and name it in the engine's daemon.json, or leave out --runtime",
        otherwise=detail,
    )


def _runc(version: Mapping[str, Any]) -> Finding:
    texts = [
        f"{one.get('Version', '')} {(one.get('Details') or {}).get('GitCommit', '')}"
        for one in version.get("Components") or ()
        if one.get("Name") == "runc"
    ]
    if not texts:
        return Finding(subject="runc", good=True, detail="version not told", fix="keep the engine up to date")
    text = texts[0].strip()
    if _numbers(text) >= OLDEST_RUNC:
        return Finding(subject="runc", good=True, detail=text)
    if PATCHED.search(text):
        return Finding(
            subject="runc", good=True, detail=f"{text}, patched by its distribution", fix="keep it up to date"
        )
    oldest = ".".join(map(str, OLDEST_RUNC))
    return found("runc", f"{text} has known holes; {oldest} or newer does not", "update runc or the engine")


def _open_door(info: Mapping[str, Any]) -> Finding:
    told = [str(one) for one in info.get("Warnings") or () if "accessible" in str(one).lower()]
    return found(
        "engine's door",
        told[0] if told else "",
        "take the tcp address out of the engine's configuration: who reaches it is root here",
        otherwise="open to local users only",
    )


def _gpu_runtime(info: Mapping[str, Any]) -> Finding:
    ways = ["runtime"] if "nvidia" in (info.get("Runtimes") or {}) else []
    ways += ["CDI"] if info.get("CDISpecDirs") else []
    detail = f"by {' and '.join(ways)}" if ways else "none; exercises for the CPU need none"
    advice = f"keep it at {OLDEST_TOOLKIT} or newer" if ways else ""
    if info.get("DefaultRuntime") == "nvidia":
        advice = "give the engine back its default runtime runc: no submission needs this one's hooks"
    return Finding(subject="GPU toolkit", good=True, detail=detail, fix=advice)


def _numbers(text: str) -> tuple[int, ...]:
    found_numbers = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return tuple(int(part) for part in found_numbers.group().split(".")) if found_numbers else (0,)
