from __future__ import annotations
import math
from collections.abc import Sequence
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad


def conv2d(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    _, _, height, width = weight.shape
    framed = pad(x, (padding, padding, padding, padding))
    windows = framed.unfold(2, height, stride).unfold(3, width, stride)
    return torch.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]


def max_pool2d(x: Tensor, size: int, stride: int) -> Tensor:
    high, wide = (-(x.shape[2] - size) % stride, -(x.shape[3] - size) % stride)
    x = pad(x, (0, wide, 0, high), value=-math.inf)
    windows = x.unfold(2, size, stride).unfold(3, size, stride)
    return windows.amax(dim=(-2, -1))


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    rows, step = (1, 1)
    for size, stride in layers:
        rows += (size - 1) * step
        step *= stride
    return rows


class CNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(12, 1, 3, 3) * math.sqrt(2 / 9))
        self.first_bias = nn.Parameter(torch.zeros(12))
        self.second = nn.Parameter(torch.randn(24, 12, 3, 3) * math.sqrt(2 / (12 * 9)))
        self.second_bias = nn.Parameter(torch.zeros(24))
        self.scores = nn.Linear(24 * 3 * 3, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = images.unsqueeze(1)
        x = max_pool2d(conv2d(x, self.first, self.first_bias, padding=1).relu(), 2, 2)
        x = max_pool2d(conv2d(x, self.second, self.second_bias, padding=1).relu(), 2, 2)
        return self.scores(x.flatten(start_dim=1))


def train(images: Tensor, labels: Tensor, seed: int) -> CNN:
    raise NotImplementedError("not begun yet")
