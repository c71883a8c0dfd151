"""Runs inside a sandbox as if it were a submission, and reports what it finds there.

`roadmark doctor` hands this file in and compares what it says with what the sandbox
promises. It tries what must be refused; each attempt is harmless where it succeeds.
"""

import ctypes
import errno
import os
import socket

STATUS = ("CapEff", "CapBnd", "CapPrm", "NoNewPrivs", "Seccomp", "Uid")
NUMBERS = {
    "ptrace": 101,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "bpf": 321,
    "userfaultfd": 323,
}
NUMBERS["io_uring_setup"] = 425
FAMILIES = {"AF_NETLINK": 16, "AF_PACKET": 17, "AF_ALG": 38, "AF_VSOCK": 40}
CLONE_NEWUSER = 0x10000000


def status() -> dict[str, str]:
    """Return the kernel's view of this process."""
    with open("/proc/self/status") as file:
        pairs = (line.split(":", 1) for line in file)
        return {key: value.split()[0] for key, value in pairs if key in STATUS}


def limits() -> dict[str, str]:
    """Return the control group's limits, of whichever version."""
    places = {
        "memory": ("memory/memory.limit_in_bytes", "memory.max"),
        "swap": ("memory/memory.memsw.limit_in_bytes", "memory.swap.max"),
        "pids": ("pids/pids.max", "pids.max"),
    }
    found = {key: next(filter(None, map(_cgroup_value, names)), "") for key, names in places.items()}
    return found | {"cpus": str(len(os.sched_getaffinity(0)))}


def _cgroup_value(name: str) -> str:
    try:
        with open(f"/sys/fs/cgroup/{name}") as file:
            return file.read().strip()
    except OSError:
        return ""


def writable() -> list[str]:
    """Return the folders of the system that a file can be made in."""
    return [
        folder for folder in ("/", "/etc", "/opt/roadmark", "/usr/lib", "/var", "/home") if _can_write(folder)
    ]


def _can_write(folder: str) -> bool:
    file = os.path.join(folder, "roadmark-probe")
    try:
        with open(file, "w"):
            pass
        os.unlink(file)
    except OSError:
        return False
    return True


def scratch() -> dict[str, list[int]]:
    """Return size in bytes and number of inodes of each writable folder."""
    folders = {name: os.statvfs(name) for name in ("/tmp", "/submission", "/dev/shm")}
    return {name: [stats.f_blocks * stats.f_frsize, stats.f_files] for name, stats in folders.items()}


def interfaces() -> list[str]:
    """Return the network's interfaces."""
    with open("/proc/net/dev") as file:  # asking the kernel directly takes a netlink socket, which is refused
        return [line.partition(":")[0].strip() for line in file if ":" in line]


def reaches_out() -> bool:
    """Return whether a connection to a documentation address is even tried by the kernel."""
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex(("192.0.2.1", 80)) not in (errno.ENETUNREACH, errno.EPERM, errno.EACCES)


def system_calls() -> list[str]:
    """Return the names of dangerous system calls that are not refused by the filter."""
    library = ctypes.CDLL(None, use_errno=True)
    return [name for name, number in NUMBERS.items() if not _refused(library, name, number)]


def _refused(library: ctypes.CDLL, name: str, number: int) -> bool:
    ctypes.set_errno(0)
    argument = CLONE_NEWUSER if name == "unshare" else -1
    library.syscall(number, argument, 0, 0, 0, 0)
    return ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def socket_families() -> list[str]:
    """Return the names of socket families beyond the ordinary that can be opened."""
    return [name for name, number in FAMILIES.items() if _can_open(number)]


def _can_open(family: int) -> bool:
    try:
        socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP)
    return True


def environment() -> list[str]:
    """Return the names of all environment variables."""
    return sorted(os.environ)


def neighbours() -> int:
    """Return how many processes can be seen."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


def spin() -> None:
    """Run until killed."""
    while True:
        pass
