import numpy as np


def distances(a, b):
    difference = a[:, None].astype(np.float64) - b[None]
    return np.sqrt((difference**2).sum(axis=-1))


def pool(vectors, mask):
    kept = np.where(mask[..., None], vectors, 0.0)
    return kept.sum(axis=-2) / np.maximum(mask.sum(axis=-1), 1)[..., None]


def window_ranges(values, width):
    shape = (len(values) - width, width)
    windows = np.lib.stride_tricks.as_strided(values, shape, values.strides * 2)
    return windows.max(axis=-1) - windows.min(axis=-1)


def patches(images, size):
    return images.reshape(len(images), -1, size * size)


def scores(queries, forms, keys):
    return queries[:, None] @ forms @ keys[:, None].swapaxes(-1, -2)


def count_tokens(tokens, vocabulary):
    counts = np.zeros((len(tokens), vocabulary), dtype=np.int64)
    rows, columns = np.nonzero(tokens >= 0)
    np.add.at(counts, (rows, tokens[rows, columns]), 1)
    return counts
