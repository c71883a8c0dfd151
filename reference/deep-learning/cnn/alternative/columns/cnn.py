"""Every window becomes a column by an array of indices, and convolution one matrix product."""

import numpy as np
import torch
from torch.nn import Dropout, Linear, Module, Parameter
from torch.nn.functional import log_softmax, pad


def places(height, width, kh, kw, stride):
    """Return, for each window, the indices of its values in a flattened picture, (windows, kh kw)."""
    index = np.arange(height * width).reshape(height, width)
    windows = np.lib.stride_tricks.sliding_window_view(index, (kh, kw))[::stride, ::stride]
    return windows.shape[:2], torch.from_numpy(windows.reshape(-1, kh * kw).copy())


def columns(x, kh, kw, stride):
    (down, across), index = places(x.shape[2], x.shape[3], kh, kw, stride)
    return down, across, x.flatten(2)[:, :, index]  # (n, c, windows, kh kw)


def conv2d(x, weight, bias, stride=1, padding=0):
    out, _, kh, kw = weight.shape
    down, across, windows = columns(pad(x, [padding] * 4), kh, kw, stride)
    n, c, count, _ = windows.shape
    matrix = windows.transpose(1, 2).reshape(n * count, -1)  # (n windows, c kh kw)
    values = torch.addmm(bias, matrix, weight.reshape(out, -1).T)
    return values.reshape(n, down, across, out).movedim(-1, 1)


def max_pool2d(x, size, stride):
    down, across, windows = columns(x, size, size, stride)
    return windows.max(dim=-1).values.reshape(*x.shape[:2], down, across)


def receptive_field(layers):
    """Walk from the last place back to the first and the last row that it sees."""
    first = last = 0
    for size, stride in list(layers)[::-1]:
        first, last = first * stride, last * stride + size - 1
    return last - first + 1


class CNN(Module):
    def __init__(self):
        super().__init__()
        for number, (incoming, outgoing) in enumerate(((1, 12), (12, 24))):
            spread = (2 / (9 * incoming)) ** 0.5
            self.register_parameter(f"kernel{number}", Parameter(spread * torch.randn(outgoing, incoming, 3, 3)))
            self.register_parameter(f"bias{number}", Parameter(torch.zeros(outgoing)))
        self.drop = Dropout(0.05)
        self.last = Linear(24 * 9, 10)

    def forward(self, images):
        x = images.reshape(-1, 1, 12, 12)
        x = max_pool2d(conv2d(x, self.kernel0, self.bias0, padding=1).clamp(min=0), 2, 2)
        x = max_pool2d(conv2d(x, self.kernel1, self.bias1, padding=1).clamp(min=0), 2, 2)
        return self.last(self.drop(x.flatten(1)))


def train(images, labels, seed):
    torch.manual_seed(seed)
    model = CNN()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02, betas=(0.85, 0.99))
    epochs, batch = 13, 64
    steps = epochs * -(-len(images) // batch)
    slow_fast_slow = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / (0.3 * steps), max((steps - step) / (0.7 * steps), 0.0))
    )
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(batch):
            dx, dy = (int(step) for step in torch.randint(-2, 3, (2,)))
            guess = log_softmax(model(images[rows].roll((dy, dx), (1, 2))), dim=1)
            loss = -guess.gather(1, labels[rows, None]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            slow_fast_slow.step()
    return model.eval()
