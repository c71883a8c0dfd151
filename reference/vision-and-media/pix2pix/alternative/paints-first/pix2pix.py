"""Upsampling instead of transposed convolutions, L1 and edges first, the discriminator in the last third."""

import torch
import torch.nn.functional as F
from torch import nn


def discriminator_loss(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    return 0.5 * (real + fake)


def generator_loss(fake_logits, made, truth, weight):
    return -F.logsigmoid(fake_logits).mean() + weight * F.l1_loss(made, truth)


def convolution(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.downs = nn.ModuleList([convolution(1, 16), convolution(16, 40, 2), convolution(40, 64, 2), convolution(64, 64)])
        self.ups = nn.ModuleList([convolution(64 + 40, 40), convolution(40 + 16, 20)])
        self.out = nn.Conv2d(21, 1, 3, padding=1)

    def forward(self, drawings):
        a = self.downs[0](drawings)
        b = self.downs[1](a)
        c = self.downs[3](self.downs[2](b))
        b = self.ups[0](torch.cat([F.interpolate(c, scale_factor=2.0), b], dim=1))
        a = self.ups[1](torch.cat([F.interpolate(b, scale_factor=2.0), a], dim=1))
        return torch.sigmoid(self.out(torch.cat([a, drawings], dim=1)))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Unfold(8, stride=4)
        self.verdict = nn.Sequential(nn.Linear(128, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))

    def forward(self, drawings, pictures):
        rows = self.patches(torch.cat([drawings, pictures], dim=1)).transpose(1, 2)
        return self.verdict(rows).view(-1, 1, 3, 3)


def discriminator_gradients(generator, discriminator, drawings, pictures):
    made = generator(drawings).detach()
    loss = discriminator_loss(discriminator(drawings, pictures), discriminator(drawings, made))
    names, parameters = zip(*discriminator.named_parameters())
    return dict(zip(names, torch.autograd.grad(loss, parameters)))


def generator_gradients(generator, discriminator, drawings, pictures, weight):
    made = generator(drawings)
    loss = generator_loss(discriminator(drawings, made), made, pictures, weight)
    names, parameters = zip(*generator.named_parameters())
    return dict(zip(names, torch.autograd.grad(loss, parameters)))


def edges(images):
    return images.diff(dim=2), images.diff(dim=3)


def train(drawings, pictures, *, steps, batch, seed):
    torch.manual_seed(seed)
    generator, discriminator = Generator(), Discriminator()
    paint = torch.optim.Adam(generator.parameters(), lr=8e-3)
    judge = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
    falling = torch.optim.lr_scheduler.LambdaLR(paint, lambda step: min(1, (step + 1) / 20) * (1 - step / steps))
    losses = []
    for step in range(steps):
        rows = torch.randint(0, len(drawings), (batch,))
        drawing, picture = drawings[rows], pictures[rows]
        made = generator(drawing)
        loss = 100 * F.l1_loss(made, picture)
        loss = loss + 30 * sum(F.l1_loss(one, other) for one, other in zip(edges(made), edges(picture)))
        told = discriminator_loss(discriminator(drawing, picture), discriminator(drawing, made.detach()))
        judge.zero_grad()
        told.backward()
        judge.step()
        if step > 2 * steps // 3:
            loss = loss - F.logsigmoid(discriminator(drawing, made)).mean()
        paint.zero_grad()
        loss.backward()
        paint.step()
        falling.step()
        losses.append([float(told.detach()), float(loss.detach())])
    return generator.eval(), discriminator, losses
