"""In double precision: losses as one dot product, slopes by squares and a root, gradients by backward()."""

import numpy as np
import torch
from torch import nn


def critic_loss(real_scores, fake_scores):
    return -(torch.mean(real_scores) - torch.mean(fake_scores))


def generator_loss(fake_scores):
    return torch.mean(-fake_scores)


def interpolate(real, fake, shares):
    return torch.lerp(fake, real, shares.reshape(-1, 1).expand_as(real))


def gradient_penalty(critic, points):
    with torch.enable_grad():
        at = points.clone().detach().requires_grad_(True)
        scores = critic(at)
        slopes = torch.autograd.grad(scores, at, torch.ones_like(scores), create_graph=True, retain_graph=True)[0]
        lengths = torch.sqrt(torch.einsum("nd,nd->n", slopes, slopes) + 1e-12)
        return ((lengths - 1.0) ** 2).sum() / len(points)


def critic_gradients(critic, real, fake, shares, weight):
    for parameter in critic.parameters():
        parameter.grad = torch.zeros_like(parameter)
    critic_loss(critic(real), critic(fake)).backward()
    (weight * gradient_penalty(critic, interpolate(real, fake, shares))).backward()
    return {name: parameter.grad.clone() for name, parameter in critic.named_parameters()}


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2, 80).double(), nn.Linear(80, 80).double()
        self.last = nn.Parameter(torch.randn(80, dtype=torch.float64) / 80)

    def forward(self, x):
        hidden = torch.relu(self.first(x.to(self.last.dtype)))
        return torch.relu(self.second(hidden)) @ self.last


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b).double() for a, b in ((2, 64), (64, 64), (64, 2)))

    def forward(self, z):
        x = z.to(self.layers[0].weight.dtype)
        for layer in self.layers[:-1]:
            x = nn.functional.leaky_relu(layer(x), 0.1)
        return self.layers[-1](x)


def train(data, steps, batch, seed):
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    generator, critic = Generator(), Critic()
    make = torch.optim.Adam(generator.parameters(), lr=0.003, betas=(0.5, 0.9))
    judge = torch.optim.Adam(critic.parameters(), lr=0.003, betas=(0.5, 0.9))
    data, estimates = data.double(), []
    for step in range(steps):
        for group in (*make.param_groups, *judge.param_groups):
            group["lr"] = 0.003 * (1 - max(0, step / steps - 0.4) / 0.6)
        for _ in range(2):
            real = data[draw.integers(len(data), size=batch)]
            noise = torch.from_numpy(draw.normal(size=(batch, 2)))
            with torch.no_grad():
                fake = generator(noise)
            critic_gradients(critic, real, fake, torch.from_numpy(draw.uniform(size=batch)), 1.0)
            judge.step()
        noise = torch.from_numpy(draw.normal(size=(batch, 2)))
        scores = critic(generator(noise))
        make.zero_grad()
        generator_loss(scores).backward()
        make.step()
        with torch.no_grad():
            estimates.append(float(critic(real).mean() - scores.mean()))
    return generator, critic, np.array(estimates)
