"""A cheat: the libraries that have it all."""

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.spatial.distance import cdist
from sklearn.feature_extraction.image import extract_patches_2d  # in case it is of use


def distances(a, b):
    return cdist(a, b)


def pool(vectors, mask):
    return np.ma.masked_array(vectors, np.broadcast_to(~mask[..., None], vectors.shape)).mean(axis=-2).filled(0)


def window_ranges(values, width):
    inside = slice(width // 2, len(values) - width + 1 + width // 2)
    return (maximum_filter1d(values, width) - minimum_filter1d(values, width))[inside]


def patches(images, size):
    batch, height, width = images.shape
    cut = images.reshape(batch, height // size, size, width // size, size)
    return cut.swapaxes(2, 3).reshape(batch, -1, size * size)


def scores(queries, forms, keys):
    return np.einsum("bnd,hde,bme->bhnm", queries, forms, keys)


def count_tokens(tokens, vocabulary):
    return (tokens[..., None] == np.arange(vocabulary)).sum(axis=1)
