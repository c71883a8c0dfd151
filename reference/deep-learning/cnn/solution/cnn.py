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
    ### BEGIN SOLUTION pad, cut out the window at every place, multiply by each kernel and add up
    _, _, height, width = weight.shape
    framed = pad(x, (padding, padding, padding, padding))
    windows = framed.unfold(2, height, stride).unfold(3, width, stride)  # (n, c, h, w, kh, kw)
    return torch.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]
    ### END SOLUTION


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
    ### BEGIN SOLUTION cut out the windows, take the largest of each
    windows = x.unfold(2, size, stride).unfold(3, size, stride)  # (n, c, h, w, size, size)
    return windows.amax(dim=(-2, -1))
    ### END SOLUTION


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Return how many rows of the input one place of the output looks at.

    Args:
        layers: (size, stride) of each convolution or pooling, from input to output; may be empty.

    Returns:
        The count, at least 1, edges and padding aside.
    """
    ### BEGIN SOLUTION a step in a later layer is as long as all strides before it together
    rows, step = 1, 1
    for size, stride in layers:
        rows += (size - 1) * step
        step *= stride
    return rows
    ### END SOLUTION


class CNN(nn.Module):
    """Reads digits on a canvas of 12 × 12."""

    def __init__(self) -> None:
        super().__init__()
        ### BEGIN SOLUTION kernels, biases and what comes after: at most 30,000 numbers
        self.first = nn.Parameter(torch.randn(12, 1, 3, 3) * math.sqrt(2 / 9))
        self.first_bias = nn.Parameter(torch.zeros(12))
        self.second = nn.Parameter(torch.randn(24, 12, 3, 3) * math.sqrt(2 / (12 * 9)))
        self.second_bias = nn.Parameter(torch.zeros(24))
        self.scores = nn.Linear(24 * 3 * 3, 10)
        ### END SOLUTION

    def forward(self, images: Tensor) -> Tensor:
        """Return a score for each digit, the largest for the likeliest.

        Args:
            images: (n, 12, 12), float32 in [0, 1].

        Returns:
            (n, 10).
        """
        ### BEGIN SOLUTION convolve, cut off below zero, pool; again; then score
        x = images.unsqueeze(1)  # (n, 1, 12, 12)
        x = max_pool2d(conv2d(x, self.first, self.first_bias, padding=1).relu(), 2, 2)  # (n, 12, 6, 6)
        x = max_pool2d(conv2d(x, self.second, self.second_bias, padding=1).relu(), 2, 2)  # (n, 24, 3, 3)
        return self.scores(x.flatten(start_dim=1))
        ### END SOLUTION


def train(images: Tensor, labels: Tensor, seed: int) -> CNN:
    """Return a network that has learned from labelled digits.

    Args:
        images: (n, 12, 12), float32 in [0, 1].
        labels: (n,), int64 from 0 to 9.
        seed: Whatever is random follows it: the same seed, the same network.
    """
    ### BEGIN SOLUTION shuffle, cut into batches, move each a little, step downhill; all from the seed
    torch.manual_seed(seed)
    model, batch, epochs, fastest = CNN(), 64, 12, 0.02
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-3)
    steps = epochs * math.ceil(len(images) / batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, fastest, total_steps=steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(batch):
            down, right = torch.randint(-2, 3, (2,)).tolist()
            moved = images[rows].roll((down, right), dims=(1, 2))  # a moved digit is the same digit
            loss = cross_entropy(model(moved), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model
    ### END SOLUTION
