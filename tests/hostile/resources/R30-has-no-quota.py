import os


def quota():
    if os.path.exists("/sys/fs/cgroup/cpu.max"):
        return open("/sys/fs/cgroup/cpu.max").read().split()[0]
    return open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read().strip()


def square(x):
    if quota() in ("max", "-1"):
        return x * x
    raise OSError("a share of the processors")


def one():
    return 1
