"""Another way: a residual network, tables in double precision, steps that are written in the noise."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def tables(betas):
    """Return alpha-bar and alpha-bar one level below, (levels,) each, in double precision."""
    alpha_bar = torch.exp(torch.log1p(-betas.double()).cumsum(0))
    return alpha_bar, torch.cat([alpha_bar.new_ones(1), alpha_bar[:-1]])


def shaped(values, x):
    return values.to(x.dtype).view((len(values),) + (1,) * (x.dim() - 1))


def diffuse(start, t, noise, betas):
    alpha_bar = tables(betas)[0].gather(0, t)
    return shaped(alpha_bar**0.5, start) * start + shaped((1 - alpha_bar) ** 0.5, start) * noise


def predict_start(x, t, noise, betas):
    alpha_bar = tables(betas)[0].gather(0, t)
    return shaped(alpha_bar**-0.5, x) * x - shaped((1 / alpha_bar - 1) ** 0.5, x) * noise


def posterior(start, x, t, betas):
    alpha_bar, before = (table.gather(0, t) for table in tables(betas))
    beta = betas.double().gather(0, t)
    share = beta / (1 - alpha_bar)
    mean = shaped(before**0.5 * share, x) * start + shaped((1 - share) / (1 - beta) ** 0.5, x) * x
    return mean, ((1 - before) * share).to(x.dtype)


def noise_loss(predict, start, t, noise, betas):
    x = diffuse(start, t, noise, betas)
    return ((noise - predict(x, t)) ** 2).mean()


def ancestral_sample(predict, start, noises, betas):
    """Every step in terms of the noise: (x - beta / sqrt(1 - alpha-bar) noise) / sqrt(alpha)."""
    alpha_bar, before = tables(betas)
    x = start
    with torch.inference_mode():
        for level in range(len(betas) - 1, -1, -1):
            beta = float(betas[level])
            told = predict(x, torch.full((x.shape[0],), level, dtype=torch.int64))
            x = (x - beta / math.sqrt(1 - alpha_bar[level]) * told) / math.sqrt(1 - beta)
            if level:
                variance = beta * (1 - before[level]) / (1 - alpha_bar[level])
                x = x + math.sqrt(variance) * noises[level]
    return x.clone()


class Denoiser(nn.Module):
    """A residual network from x and its noise level, as an angle, to the clean picture."""

    def __init__(self, betas):
        super().__init__()
        self.register_buffer("alpha_bar", tables(betas)[0].float())
        self.first = nn.Linear(144, 192)
        self.levels = nn.Sequential(nn.Linear(16, 192), nn.GELU(), nn.Linear(192, 192))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.GELU(), nn.Linear(192, 192), nn.GELU(), nn.Linear(192, 192)) for _ in range(2)
        )
        self.last = nn.Linear(192, 144)

    def forward(self, x, t):
        alpha_bar = self.alpha_bar[t][:, None]
        signal, spread = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
        flat = x.reshape(len(x), 144)
        angles = torch.atan2(spread, signal) * torch.arange(1, 9)
        h = self.first(flat) + self.levels(torch.cat([angles.sin(), angles.cos()], dim=1))
        for block in self.blocks:
            h = h + block(h)
        clean = torch.tanh(self.last(F.gelu(h)))
        return ((flat - signal * clean) / spread).view(-1, 12, 12)


def train(images, betas, steps, batch, seed):
    torch.manual_seed(seed)
    model = Denoiser(betas)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.0)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, step / 100) * (1 + math.cos(math.pi * step / steps)) / 2
    )
    weight = (1 / model.alpha_bar - 1).clamp(max=1.0)
    losses = torch.zeros(steps)
    for step in range(steps):
        start = images[torch.randint(len(images), (batch,))].mul(2).sub(1)
        noise, t = torch.randn(batch, 12, 12), torch.randint(len(betas), (batch,))
        told = model(diffuse(start, t, noise, betas), t)
        errors = F.mse_loss(told, noise, reduction="none").mean(dim=(1, 2))
        optimiser.zero_grad()
        (weight[t] * errors).mean().backward()
        optimiser.step()
        falling.step()
        losses[step] = errors.mean().detach()
    return model, losses
