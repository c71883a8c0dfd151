import numpy as np


def square(x):
    return np.append(x * x, 0.0)
