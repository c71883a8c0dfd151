import os
import time


def spin(end):
    while time.monotonic() < end:
        sum(range(1000))


def square(x):
    """Two processes for a second of wall time, on a limit of one processor."""
    end = time.monotonic() + 1.0
    child = os.fork()
    if child == 0:
        spin(end)
        os._exit(0)
    spin(end)
    os.waitpid(child, 0)
    used = os.times()
    total = used.user + used.system + used.children_user + used.children_system
    return x * x if total > 1.6 else x


def one():
    return 1
