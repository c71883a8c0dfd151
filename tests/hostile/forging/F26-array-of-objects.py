import numpy as np


class Payload:
    def __reduce__(self):
        return print, ("forged",)


def square(x):
    return np.array([Payload()] * 4, dtype=object)


def one():
    return np.array([(1, 2.0)], dtype="i4,f8")
