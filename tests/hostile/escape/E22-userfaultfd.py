import ctypes
import os
import platform

NUMBERS = {"x86_64": [[323, 1]], "aarch64": [[282, 1]]}


def square(x):
    libc = ctypes.CDLL(None, use_errno=True)
    for call in NUMBERS[platform.machine()]:
        ctypes.set_errno(0)
        libc.syscall(*call)
        if ctypes.get_errno() != 1:
            return x * x
    raise PermissionError(1, os.strerror(1))
