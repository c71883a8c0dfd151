import os


def square(x):
    keep = [os.open("/dev/null", os.O_RDONLY) for _ in range(2000)]
    return x * x + 0 * len(keep)


def one():
    return 1
