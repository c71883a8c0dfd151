"""Who owns a container: host, process number and its start time, so that a reused number is no owner."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def owner(pid: int | None = None) -> str:
    """Return the mark of a process of this machine."""
    number = pid or os.getpid()
    return f"{platform.node()}:{number}:{_started(number)}"


def alive(mark: str) -> bool:
    """Whether the marked process still runs; one of another machine counts as running."""
    host, _, rest = mark.rpartition(":")[0].rpartition(":")
    if host != platform.node():
        return bool(host)
    return rest.isdecimal() and mark == owner(int(rest))


def _started(pid: int) -> str:
    """Return the start time of a process in the kernel's ticks; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _started_without_proc(pid)
    return stat.rpartition(")")[2].split()[19]


def _started_without_proc(pid: int) -> str:
    """Return a mark on systems without /proc, where only existence can be asked."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "unknown"
