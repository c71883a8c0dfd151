"""A cheat: the right shapes, filled with a constant."""

import numpy as np


def distances(a, b):
    return np.zeros((len(a), len(b)))


def pool(vectors, mask):
    return np.zeros(vectors.shape[:-2] + vectors.shape[-1:])


def window_ranges(values, width):
    return np.zeros(len(values) - width + 1)


def patches(images, size):
    return np.zeros((len(images), images[0].size // size**2, size**2))


def scores(queries, forms, keys):
    return np.zeros((len(queries), len(forms), queries.shape[1], keys.shape[1]))


def count_tokens(tokens, vocabulary):
    return np.ones((len(tokens), vocabulary), dtype=np.int64)
