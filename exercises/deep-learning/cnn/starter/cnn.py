"""Convolution and pooling by hand, and a small network of them that reads digits wherever they stand.

Shapes are written at the end of lines: n counts pictures, c channels going in, o channels
coming out; h and w are height and width, before and after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad


def conv2d(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    """Slide each kernel over the picture and return the dot product at every place.

    Args:
        x: (n, c, h, w), float32 or float64.
        weight: (o, c, kh, kw): a kernel for each channel that comes out. It is not flipped.
        bias: (o,), added to each channel.
        stride: Steps from one place to the next, down and across; at least 1.
        padding: Rows and columns of zeros put around the picture, on every side; at least 0.

    Returns:
        (n, o, (h + 2 padding - kh) // stride + 1, (w + 2 padding - kw) // stride + 1), of the dtype of x.
    """
    raise NotImplementedError("pad, cut out the window at every place, multiply by each kernel and add up")


def max_pool2d(x: Tensor, size: int, stride: int) -> Tensor:
    """Return the largest value in each window.

    Args:
        x: (n, c, h, w), float32 or float64.
        size: Height and width of a window, at most h and w.
        stride: Steps from one window to the next; windows overlap where it is less than size. What is
            left at the lower and right edge, too small for a window, is dropped.

    Returns:
        (n, c, (h - size) // stride + 1, (w - size) // stride + 1), of the dtype of x.
    """
    raise NotImplementedError("cut out the windows, take the largest of each")


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Return how many rows of the input one place of the output looks at.

    Args:
        layers: (size, stride) of each convolution or pooling, from input to output; may be empty.

    Returns:
        The count, at least 1, edges and padding aside.
    """
    raise NotImplementedError("a step in a later layer is as long as all strides before it together")


class CNN(nn.Module):
    """Reads digits on a canvas of 12 × 12."""

    def __init__(self) -> None:
        super().__init__()
        raise NotImplementedError("kernels, biases and what comes after: at most 30,000 numbers")

    def forward(self, images: Tensor) -> Tensor:
        """Return a score for each digit, the largest for the likeliest.

        Args:
            images: (n, 12, 12), float32 in [0, 1].

        Returns:
            (n, 10).
        """
        raise NotImplementedError("convolve, cut off below zero, pool; again; then score")


def train(images: Tensor, labels: Tensor, seed: int) -> CNN:
    """Return a network that has learned from labelled digits.

    Args:
        images: (n, 12, 12), float32 in [0, 1].
        labels: (n,), int64 from 0 to 9.
        seed: Whatever is random follows it: the same seed, the same network.
    """
    raise NotImplementedError("shuffle, cut into batches, move each a little, step downhill; all from the seed")
