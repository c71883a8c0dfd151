"""What has to be beaten: right loops, one element at a time."""

import numpy as np


def distances(a, b):
    table = np.zeros((len(a), len(b)))
    for i, p in enumerate(a.astype(float).tolist()):
        for j, q in enumerate(b.astype(float).tolist()):
            total = 0.0
            for k in range(len(p)):
                total += (p[k] - q[k]) ** 2
            table[i, j] = total**0.5
    return table


def pool(vectors, mask):
    means = np.zeros(vectors.shape[:-2] + vectors.shape[-1:])
    for place in np.ndindex(mask.shape[:-1]):
        count = 0
        for time, counts in enumerate(mask[place]):
            if counts:
                means[place] += vectors[place][time]
                count += 1
        if count:
            means[place] /= count
    return means


def window_ranges(values, width):
    values = values.tolist()
    ranges = []
    for start in range(len(values) - width + 1):
        low = high = values[start]
        for i in range(start, start + width):
            value = values[i]
            if value < low:
                low = value
            if value > high:
                high = value
        ranges.append(high - low)
    return np.array(ranges)


def patches(images, size):
    batch, height, width = images.shape
    return np.array([
        [
            [image[top + i, left + j] for i in range(size) for j in range(size)]
            for top in range(0, height, size)
            for left in range(0, width, size)
        ]
        for image in images
    ])


def scores(queries, forms, keys):
    answer = np.zeros((len(queries), len(forms), queries.shape[1], keys.shape[1]))
    for b, (text, others) in enumerate(zip(queries.tolist(), keys.tolist())):
        for h, form in enumerate(forms.tolist()):
            for n, q in enumerate(text):
                for m, k in enumerate(others):
                    total = 0.0
                    for i in range(len(q)):
                        for j in range(len(k)):
                            total += q[i] * form[i][j] * k[j]
                    answer[b, h, n, m] = total
    return answer


def count_tokens(tokens, vocabulary):
    counts = np.zeros((len(tokens), vocabulary), dtype=np.int64)
    for row, text in zip(counts, tokens):
        for token in text:
            if token >= 0:
                row[token] += 1
    return counts
