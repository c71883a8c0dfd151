import numpy as np


def square(x):
    return x * np.inf


def one():
    return complex(1, float("nan"))
