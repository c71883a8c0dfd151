import numpy as np


def square(x):
    table = np.ones((20_000, 20_000))
    return x * x * table[0, 0]
