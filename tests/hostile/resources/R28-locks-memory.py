import ctypes
import mmap


def square(x):
    page = mmap.mmap(-1, 1 << 20)
    libc = ctypes.CDLL(None, use_errno=True)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(1 << 20)) != 0:
        raise OSError(ctypes.get_errno(), "Cannot allocate memory")
    return x * x


def one():
    return 1
