import ctypes
import os

KEY = 0x726F6164


def segment(flags):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.shmget(KEY, 64, flags) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def leave():
    segment(0o1666)
    return 1


def square(x):
    segment(0o666)
    return x * x
