"""Pixels unshuffled into channels, gradients by backward(), least-squares while it trains."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def discriminator_loss(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return 0.5 * (real + fake)


def generator_loss(fake_logits, made, truth, weight):
    return -F.logsigmoid(fake_logits).mean() + weight * F.l1_loss(made, truth)


def layer(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())


class Generator(nn.Module):
    """Pixels become channels on the way down, and channels pixels on the way up."""

    def __init__(self):
        super().__init__()
        self.top, self.middle, self.bottom = layer(1, 16), layer(64, 40), layer(160, 64)
        self.back, self.out = layer(64, 160), layer(80, 64)
        self.leave = nn.Conv2d(33, 1, 3, padding=1)

    def forward(self, drawings):
        full = self.top(drawings)
        half = self.middle(F.pixel_unshuffle(full, 2))
        quarter = self.bottom(F.pixel_unshuffle(half, 2))
        half = torch.cat([F.pixel_shuffle(self.back(quarter), 2), half], dim=1)
        whole = torch.cat([F.pixel_shuffle(self.out(half), 2), full, drawings], dim=1)
        return torch.sigmoid(self.leave(whole))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.drawing, self.picture = nn.Conv2d(1, 24, 4, stride=2), nn.Conv2d(1, 24, 4, stride=2)
        self.verdict = nn.Sequential(nn.GELU(), nn.Conv2d(24, 1, 4, stride=1))

    def forward(self, drawings, pictures):
        return self.verdict(self.drawing(drawings) + self.picture(pictures))


def collected(module, loss):
    module.zero_grad()
    loss.backward()
    slopes = {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
    module.zero_grad()
    return slopes


def discriminator_gradients(generator, discriminator, drawings, pictures):
    with torch.no_grad():
        made = generator(drawings)
    return collected(discriminator, discriminator_loss(discriminator(drawings, pictures), discriminator(drawings, made)))


def generator_gradients(generator, discriminator, drawings, pictures, weight):
    made = generator(drawings)
    slopes = collected(generator, generator_loss(discriminator(drawings, made), made, pictures, weight))
    discriminator.zero_grad()
    return slopes


def train(drawings, pictures, steps, batch, seed):
    torch.manual_seed(seed)
    painter, judge = Generator(), Discriminator()
    paint = torch.optim.AdamW(painter.parameters(), lr=1e-2, weight_decay=1e-4)
    tell = torch.optim.Adam(judge.parameters(), lr=5e-4, betas=(0.5, 0.9))
    losses = torch.zeros(steps, 2)
    for step in range(steps):
        paint.param_groups[0]["lr"] = 1e-2 * min((step + 1) / 30, (1 + math.cos(math.pi * step / steps)) / 2)
        rows = torch.randperm(len(drawings))[:batch]
        drawing, picture = drawings[rows], pictures[rows]
        made = painter(drawing)
        told = ((judge(drawing, picture) - 1) ** 2).mean() + (judge(drawing, made.detach()) ** 2).mean()
        tell.zero_grad()
        told.backward()
        tell.step()
        fooled = ((judge(drawing, made) - 1) ** 2).mean() + 200 * F.l1_loss(made, picture)
        paint.zero_grad()
        fooled.backward()
        paint.step()
        losses[step] = torch.stack([told.detach(), fooled.detach()])
    return painter, judge, losses
