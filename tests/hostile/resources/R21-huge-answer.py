import numpy as np


def square(x):
    return np.zeros(10_000_000)


def one():
    return 1
