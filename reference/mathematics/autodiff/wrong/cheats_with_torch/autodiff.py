import numpy as np
from engine import Value, Tensor


def numerical_gradient(f, x, step=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        there, back = x.copy(), x.copy()
        there[place] += step
        back[place] -= step
        gradient[place] = (f(there) - f(back)) / (2 * step)
    return gradient
