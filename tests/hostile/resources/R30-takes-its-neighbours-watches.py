import ctypes
import errno

LIBC = ctypes.CDLL(None, use_errno=True)
KEPT = []


def leave():
    while (watch := LIBC.inotify_init1(0)) >= 0:
        KEPT.append(watch)
    return len(KEPT)


def square(x):
    if LIBC.inotify_init1(0) < 0 and ctypes.get_errno() == errno.EMFILE:
        return x * x
    raise OSError("watches of its own")


def one():
    return 1
