"""One product for each place within the kernel, added up; trained with momentum."""

import itertools
import math

import torch
from torch import nn


def steps(length, size, stride):
    return (length - size) // stride + 1


def parts(x, height, width, stride):
    """Yield, for each place within a window, what stands there in all windows."""
    down, across = steps(x.shape[2], height, stride), steps(x.shape[3], width, stride)
    for i, j in itertools.product(range(height), range(width)):
        yield i, j, x[:, :, i : i + stride * (down - 1) + 1 : stride, j : j + stride * (across - 1) + 1 : stride]


def conv2d(x, weight, bias, stride=1, padding=0):
    if padding:
        n, c, h, w = x.shape
        framed = x.new_zeros(n, c, h + 2 * padding, w + 2 * padding)
        framed[:, :, padding : padding + h, padding : padding + w] = x
        x = framed
    total = bias.reshape(1, -1, 1, 1)
    for i, j, part in parts(x, weight.shape[2], weight.shape[3], stride):
        total = total + torch.tensordot(part, weight[:, :, i, j], dims=([1], [1])).permute(0, 3, 1, 2)
    return total


def max_pool2d(x, size, stride):
    largest = None
    for _, _, part in parts(x, size, size, stride):
        largest = part if largest is None else torch.maximum(largest, part)
    return largest


def receptive_field(layers):
    rows = 1
    for size, stride in reversed(layers):
        rows = stride * (rows - 1) + size
    return rows


class Filter(nn.Module):
    def __init__(self, incoming, outgoing):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outgoing, incoming, 3, 3) / math.sqrt(4.5 * incoming))
        self.bias = nn.Parameter(torch.zeros(outgoing))

    def forward(self, x):
        return max_pool2d(torch.relu(conv2d(x, self.weight, self.bias, 1, 1)), 2, 2)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Filter(1, 14), Filter(14, 28), nn.Flatten(), nn.Linear(28 * 9, 10))

    def forward(self, images):
        return self.body(images[:, None])


def train(images, labels, seed):
    """Moves every picture by itself, and lets the step size of momentum fall to 0 in a straight line."""
    draws = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = CNN()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    epochs, batch = 14, 50
    total, done = epochs * math.ceil(len(images) / batch), 0
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=draws)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            shift = torch.randint(-2, 3, (2,), generator=draws).tolist()
            loss = nn.functional.cross_entropy(net(torch.roll(images[rows], shift, (1, 2))), labels[rows])
            for group in optimiser.param_groups:
                group["lr"] = 0.1 * min(1.0, (done + 1) / 30) * (1 - done / total)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            done += 1
    return net
