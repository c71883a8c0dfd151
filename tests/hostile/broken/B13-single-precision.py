import numpy as np


def square(x):
    return (x * x).astype(np.float32)
