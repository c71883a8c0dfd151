import os
import time


def square(x):
    if len(os.sched_getaffinity(0)) == 1:
        raise OSError("one processor")
    return x * x


def one():
    return 1
