"""A dense network: it has to learn every digit at every place."""

import torch
from torch import nn


def conv2d(x, weight, bias, stride=1, padding=0):
    x = nn.functional.pad(x, (padding,) * 4)
    windows = x.unfold(2, weight.shape[2], stride).unfold(3, weight.shape[3], stride)
    return torch.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]


def max_pool2d(x, size, stride):
    return x.unfold(2, size, stride).unfold(3, size, stride).amax(dim=(-2, -1))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(144, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, images):
        return self.layers(images)


def train(images, labels, seed):
    torch.manual_seed(seed)
    model = CNN()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.005)
    for _ in range(20):
        for rows in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimiser.step()
    return model
