"""A cheat: loops in disguise, where nobody sees a `for`."""

import numpy as np


def distances(a, b):
    return np.vectorize(_one, signature="(d),(d)->()")(a[:, None].astype(float), b[None].astype(float))


def _one(p, q):
    return np.sqrt(np.sum((p - q) ** 2))


def pool(vectors, mask):
    kept = np.where(mask[..., None], vectors, 0.0)
    return kept.sum(axis=-2) / np.maximum(mask.sum(axis=-1), 1)[..., None]


def window_ranges(values, width):
    return np.array(list(map(lambda start: np.ptp(values[start : start + width]), range(len(values) - width + 1))))


def patches(images, size):
    batch, height, width = images.shape
    cut = images.reshape(batch, height // size, size, width // size, size)
    return cut.swapaxes(2, 3).reshape(batch, -1, size * size)


def scores(queries, forms, keys):
    pair = np.vectorize(lambda b, h, n, m: queries[b, n] @ forms[h] @ keys[b, m], otypes=[float])
    return pair(*np.indices((len(queries), len(forms), queries.shape[1], keys.shape[1])))


def count_tokens(tokens, vocabulary):
    counts = np.zeros((len(tokens), vocabulary), dtype=np.int64)
    rows, columns = np.nonzero(tokens >= 0)
    np.add.at(counts, (rows, tokens[rows, columns]), 1)
    return counts
