import ctypes


def square(x):
    ctypes.string_at(0)


def one():
    return 1
