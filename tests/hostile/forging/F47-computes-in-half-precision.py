import numpy as np


def square(x):
    return np.float16(x) ** 2


def cube(x):
    return np.asarray(np.float16(x) ** 3, dtype="float64")
