"""Precisions that add up, numpy for the tables, a network whose weights are averaged over the training."""

import copy

import numpy as np
import torch
from torch import nn


def level_table(betas):
    """Return beta, alpha-bar and alpha-bar before, each a list of floats."""
    beta = np.asarray(betas.detach(), dtype=np.float64)
    bar = np.cumprod(1 - beta)
    return beta, bar, np.concatenate([[1.0], bar[:-1]])


def column(values, x):
    return torch.as_tensor(values, dtype=x.dtype).reshape(len(x), *([1] * (x.dim() - 1)))


def diffuse(start, t, noise, betas):
    bar = level_table(betas)[1][t.numpy()]
    return column(np.sqrt(bar), start) * start + column(np.sqrt(1 - bar), start) * noise


def predict_start(x, t, noise, betas):
    bar = level_table(betas)[1][t.numpy()]
    return (x - column(np.sqrt(1 - bar), x) * noise) / column(np.sqrt(bar), x)


def posterior(start, x, t, betas):
    beta, _, before = (table[t.numpy()] for table in level_table(betas))
    first = t.numpy() == 0
    safe = np.where(first, 0.5, before)
    variance = 1 / (1 / (1 - safe) + (1 - beta) / beta)
    mean = column(variance * np.sqrt(safe) / (1 - safe), x) * start + column(variance * np.sqrt(1 - beta) / beta, x) * x
    mean = torch.where(column(first, x) > 0, start, mean)
    return mean, torch.as_tensor(np.where(first, 0.0, variance))


def noise_loss(predict, start, t, noise, betas):
    told = predict(diffuse(start, t, noise, betas), t)
    return torch.mean(torch.square(told - noise))


def ancestral_sample(predict, start, noises, betas):
    with torch.no_grad():
        x = start.clone()
        for level in range(len(betas))[::-1]:
            t = torch.tensor([level] * len(x))
            mean, variance = posterior(predict_start(x, t, predict(x, t), betas), x, t, betas)
            x = mean + column(variance.sqrt(), x) * noises[level]
        return x


class Denoiser(nn.Module):
    """A clean picture by a sigmoid; the level scales and shifts each layer."""

    def __init__(self, betas, width=192):
        super().__init__()
        self.bar = nn.Parameter(torch.as_tensor(level_table(betas)[1]).float(), requires_grad=False)
        self.enter, self.leave = nn.Linear(144, width), nn.Linear(width, 144)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.scales = nn.ModuleList(nn.Embedding(len(betas), 2 * width) for _ in range(3))
        for table in self.scales:
            nn.init.normal_(table.weight, std=0.3)

    def forward(self, x, t):
        bar = self.bar[t].view(-1, 1, 1)
        h = self.enter(x.flatten(1))
        for number, table in enumerate(self.scales):
            scale, shift = table(t).chunk(2, dim=1)
            h = torch.relu(h * (1 + scale) + shift)
            if number < 2:
                h = self.layers[number](h)
        clean = torch.sigmoid(self.leave(h)).view(-1, 12, 12) * 2 - 1
        return (x - bar.sqrt() * clean) / (1 - bar).sqrt()


def train(images, betas, steps, batch, seed):
    torch.manual_seed(seed)
    model = Denoiser(betas)
    mean = copy.deepcopy(model)
    learning = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learning, lr=3e-3, betas=(0.9, 0.99))
    losses = []
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 3e-3 * min(1.0, 1.5 * (1 - step / steps), (step + 1) / 50)
        start = 2 * images[torch.randperm(len(images))[:batch]] - 1
        t, noise = torch.randint(0, len(betas), (batch,)), torch.randn(start.shape)
        x = diffuse(start, t, noise, betas)
        told = model(x, t)
        bar = model.bar[t].view(-1, 1, 1)
        weight = ((1 - bar) / bar).clamp(max=1)
        loss = (weight * (told - noise) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(((told - noise) ** 2).mean().detach()))
        share = min(0.99, (step + 1) / (step + 10))
        with torch.no_grad():
            for slow, fast in zip(mean.parameters(), model.parameters()):
                slow.lerp_(fast, 1 - share)
    return mean, losses
