"""Slices that cover a range."""


def in_blocks(length, size):
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
