import numpy as np


def distances(a, b):
    difference = a[:, None].astype(np.float64) - b[None]
    return np.sqrt((difference**2).sum(axis=-1))


def pool(vectors, mask):
    kept = np.where(mask[..., None], vectors, 0.0)
    return kept.sum(axis=-2) / np.maximum(mask.sum(axis=-1), 1)[..., None]


def window_ranges(values, width):
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    return np.ptp(windows, axis=-1)


def patches(images, size):
    batch, height, width = images.shape
    cut = images.reshape(batch, height // size, size, width // size, size)
    return cut.swapaxes(2, 3).reshape(batch, -1, size * size)


def scores(queries, forms, keys):
    return queries[:, None] @ forms @ keys[:, None].swapaxes(-1, -2)


def count_tokens(tokens, vocabulary):
    counts = np.zeros((len(tokens), vocabulary), dtype=np.int64)
    np.add.at(counts, (np.arange(len(tokens))[:, None], tokens), 1)
    return counts
