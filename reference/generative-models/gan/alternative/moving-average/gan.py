"""What is sampled from is the moving average of the generator's weights; gradients by backward()."""

import torch
import torch.nn.functional as F
from torch import nn


def discriminator_loss(real_logits, fake_logits):
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


def generator_loss(fake_logits):
    return -F.logsigmoid(fake_logits).mean()


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(32, 192, bias=False), nn.Linear(192, 192, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm1d(192), nn.BatchNorm1d(192)])
        self.last = nn.Linear(192, 144)

    def forward(self, z):
        x = self.norms[0](self.first(z)).relu()
        x = self.norms[1](self.second(x)).relu()
        return ((self.last(x) / 2).tanh() / 2 + 0.5).view(-1, 12, 12)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(144, 192), nn.LeakyReLU(0.2), nn.Linear(192, 192), nn.LeakyReLU(0.2), nn.Linear(192, 1)
        )

    def forward(self, images):
        return self.body(images)[:, 0]


def discriminator_gradients(generator, discriminator, real, z):
    discriminator.zero_grad()
    loss = discriminator_loss(discriminator(real), discriminator(generator(z).detach()))
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in discriminator.named_parameters()}


def generator_gradients(generator, discriminator, z):
    generator.zero_grad()
    generator_loss(discriminator(generator(z))).backward()
    return {name: parameter.grad.clone() for name, parameter in generator.named_parameters()}


def train(images, steps, batch, seed):
    torch.manual_seed(seed)
    generator, discriminator, average = Generator(), Discriminator(), Generator()
    average.load_state_dict(generator.state_dict())
    make = torch.optim.Adam(generator.parameters(), lr=1.5e-3, betas=(0.5, 0.99))
    judge = torch.optim.Adam(discriminator.parameters(), lr=1.5e-3, betas=(0.5, 0.99))
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(each, lambda step: min(1.0, 2 - 2 * step / steps)) for each in (make, judge)
    ]
    order, losses = torch.randperm(len(images)), torch.zeros(steps, 2)
    for step in range(steps):
        rows = order[torch.arange(step * batch, (step + 1) * batch) % len(order)]
        fake = generator(torch.randn(batch, 32))
        judged = discriminator_loss(discriminator(images[rows]), discriminator(fake.detach()))
        judge.zero_grad()
        judged.backward()
        judge.step()
        fooled = generator_loss(discriminator(fake))
        make.zero_grad()
        fooled.backward()
        make.step()
        for schedule in schedules:
            schedule.step()
        losses[step] = torch.stack([judged.detach(), fooled.detach()])
        share = min(0.98, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, value in zip(average.state_dict().values(), generator.state_dict().values()):
                mean.copy_(mean * share + value * (1 - share) if mean.is_floating_point() else value)
    return average.eval(), discriminator, losses


def sample(generator, count, seed):
    dice = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        return torch.cat([generator(torch.randn(1, 32, generator=dice)) for _ in range(count)]).clone()
