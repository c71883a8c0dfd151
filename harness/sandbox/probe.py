"""Runs inside a sandbox as if it were a submission, and reports what it finds there.

`roadmark doctor` hands this file in and compares what it says with what the sandbox
promises. It tries what must be refused; each attempt is harmless where it succeeds.
"""

import ctypes
import errno
import os
import platform
import resource
import socket

STATUS = ("CapEff", "CapBnd", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp", "Uid")
NUMBERS = {  # of a system call on x86_64 and aarch64
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "msgget": (68, 186),
}
FAMILIES = {
    "AF_NETLINK": 16,
    "AF_PACKET": 17,
    "AF_ALG": 38,
    "AF_VSOCK": 40,
    "AF_BLUETOOTH": 31,
    "AF_TIPC": 30,
}
CLONE_NEWUSER = 0x10000000
ORDINARY = {
    "core",
    "fd",
    "full",
    "mqueue",
    "null",
    "ptmx",
    "pts",
    "random",
    "shm",
    "stderr",
    "stdin",
    "stdout",
}
ORDINARY |= {"tty", "urandom", "zero", "console", "init"}


def status() -> dict[str, str]:
    """Return the kernel's view of this process."""
    with open("/proc/self/status") as file:
        pairs = (line.split(":", 1) for line in file)
        return {key: value.split()[0] for key, value in pairs if key in STATUS}


def limits() -> dict[str, object]:
    """Return the control group's limits, of whichever version; `cpu` is a number of processors."""
    second = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    places = {
        "memory": "memory.max" if second else "memory/memory.limit_in_bytes",
        "swap": "memory.swap.max" if second else "memory/memory.memsw.limit_in_bytes",
        "pids": "pids.max" if second else "pids/pids.max",
    }
    found: dict[str, object] = {key: _cgroup_value(name) for key, name in places.items()}
    quota = _cgroup_value("cpu.max") or _first_quota()
    share = [int(part) if part.isdigit() else 0 for part in quota.split()] or [0, 1]
    cpus = len(os.sched_getaffinity(0))
    return found | {"cpus": cpus, "cpu": share[0] / share[1], "version": "2" if second else "1"}


def _first_quota() -> str:
    return f"{_cgroup_value('cpu/cpu.cfs_quota_us')} {_cgroup_value('cpu/cpu.cfs_period_us')}"


def _cgroup_value(name: str) -> str:
    try:
        with open(f"/sys/fs/cgroup/{name}") as file:
            return file.read().strip()
    except OSError:
        return ""


def ulimits() -> dict[str, list[int]]:
    """Return soft and hard limit of each kind that is set."""
    kinds = ("core", "nofile", "fsize", "memlock")
    return {name: list(resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))) for name in kinds}


def writable() -> list[str]:
    """Return the folders of the system that a file can be made in."""
    places = ("/", "/etc", "/opt/roadmark", "/usr/lib", "/var", "/home", "/var/tmp", "/run/lock")
    return [folder for folder in places if _can_write(folder)]


def _can_write(folder: str) -> bool:
    file = os.path.join(folder, "roadmark-probe")
    try:
        with open(file, "w"):
            pass
        os.unlink(file)
    except OSError:
        return False
    return True


def mounts() -> dict[str, list[str]]:
    """Return the options of each mount and of its file system, by where it is mounted."""
    with open("/proc/self/mountinfo") as file:
        lines = [line.split() for line in file]
    return {line[4]: [line[5], line[line.index("-") + 3]] for line in lines}


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


def resolvers() -> list[str]:
    """Return what the container is told to ask for names, and where to search for them."""
    with open("/etc/resolv.conf") as file:
        words = [line.split() for line in file]
    return [word for line in words if line and line[0] in ("nameserver", "search") for word in line[1:]]


def system_calls() -> list[str]:
    """Return the names of dangerous system calls that are not refused by the filter."""
    place = {"x86_64": 0, "aarch64": 1}[platform.machine()]
    library = ctypes.CDLL(None, use_errno=True)
    return [name for name, numbers in NUMBERS.items() if not _refused(library, name, numbers[place])]


def _refused(library: ctypes.CDLL, name: str, number: int) -> bool:
    ctypes.set_errno(0)
    argument = CLONE_NEWUSER if name == "unshare" else -1
    library.syscall(number, argument, 0, 0, 0, 0)
    return ctypes.get_errno() in (errno.EPERM, errno.ENOSYS)


def socket_families() -> list[str]:
    """Return the names of socket families beyond the ordinary that can be opened."""
    return [name for name, number in FAMILIES.items() if _can_open(number)]


def _can_open(family: int) -> bool:
    """Return whether a socket can be made; a family that the kernel lacks looks like a refused one."""
    try:
        socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)
    return True


def environment() -> list[str]:
    """Return the names of all environment variables."""
    return sorted(os.environ)


def neighbours() -> int:
    """Return how many processes can be seen."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


def host_name() -> str:
    """Return the name that the host goes by here."""
    return os.uname().nodename


def devices() -> list[str]:
    """Return the devices beyond the ordinary."""
    return sorted(set(os.listdir("/dev")) - ORDINARY)


# ---- what must come to an end ------------------------------------------------------------------


def spin() -> None:
    """Run until killed."""
    while True:
        pass


def flood() -> None:
    """Print until killed."""
    while True:
        os.write(1, b"x" * 65536)


def hoard() -> None:
    """Take memory until killed."""
    kept = []
    while True:
        kept.append(b"x" * (1 << 24))


def multiply(most: int) -> int:
    """Start up to so many processes and return how many could be."""
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                os.read(os.pipe()[0], 1)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children)
