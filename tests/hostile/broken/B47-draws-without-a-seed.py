import random

import numpy as np


def square(x):
    return x * x + (random.random() + np.random.rand()) * 0
