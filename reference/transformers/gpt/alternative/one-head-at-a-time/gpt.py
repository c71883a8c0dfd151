"""A GPT from formulas, in double precision: sines for positions, one matrix for reading and writing symbols."""

import math

import numpy as np
import torch
import torch.nn as nn


class Normalise(nn.Module):
    """Layer normalisation."""

    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width, dtype=torch.float64))
        self.shift = nn.Parameter(torch.zeros(width, dtype=torch.float64))

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return self.gain * centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-6) + self.shift


class Affine(nn.Module):
    """x @ weight + bias."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs, dtype=torch.float64) * 0.5 / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(outputs, dtype=torch.float64))

    def forward(self, x):
        return x @ self.weight + self.bias


class Layer(nn.Module):
    """Attention head by head, then a network with ReLU."""

    def __init__(self, width, heads):
        super().__init__()
        self.size = width // heads
        self.first, self.second = Normalise(width), Normalise(width)
        self.query, self.key, self.value, self.mix = (Affine(width, width) for _ in range(4))
        self.up, self.down = Affine(width, 4 * width), Affine(4 * width, width)

    def forward(self, x):
        normal = self.first(x)
        parts = (part(normal).split(self.size, dim=-1) for part in (self.query, self.key, self.value))
        heads = [self.attend(query, key, value) for query, key, value in zip(*parts)]
        x = x + self.mix(torch.cat(heads, dim=-1))
        return x + self.down(torch.relu(self.up(self.second(x))))

    def attend(self, query, key, value):
        """One head: weights are exponentials, and those of the future are 0."""
        scores = torch.bmm(query, key.transpose(1, 2)) / math.sqrt(self.size)
        weights = torch.exp(scores - scores.amax(dim=-1, keepdim=True)).tril()
        return torch.bmm(weights / weights.sum(-1, keepdim=True), value)


class GPT(nn.Module):
    """Scores of every next symbol, float64."""

    def __init__(self, vocabulary, context, width, layers, heads):
        super().__init__()
        self.context = context
        self.symbols = nn.Parameter(0.5 * torch.randn(vocabulary, width, dtype=torch.float64))
        self.register_buffer("positions", sines(context, width))
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.last = Normalise(width)

    def forward(self, tokens):
        x = self.symbols[tokens] + self.positions[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.last(x) @ self.symbols.T / math.sqrt(x.shape[-1])


def sines(context, width):
    """Sinusoids whose waves are up to some contexts long, (context, width)."""
    place = torch.arange(context, dtype=torch.float64)[:, None]
    rate = torch.exp(-math.log(50) * torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.cat([torch.sin(place * rate), torch.cos(place * rate)], dim=1)


def loss(logits, targets):
    log_mass = torch.logsumexp(logits, dim=-1)
    chosen = torch.gather(logits, -1, targets[..., None]).squeeze(-1)
    return (log_mass - chosen).mean()


def train(tokens, vocabulary, context, width, layers, heads, steps, batch, seed):
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = GPT(vocabulary, context, width, layers, heads).float()  # quicker; the answers are in double precision
    optimiser = torch.optim.Adam(model.parameters(), lr=0.008, betas=(0.9, 0.99), fused=True)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / 30, max(1 - step / steps, 0.01))
    )
    text, losses = tokens.numpy(), []
    for _ in range(steps):
        starts = draw.integers(0, len(text) - context, size=batch)
        rows = torch.from_numpy(np.stack([text[start : start + context + 1] for start in starts]))
        optimiser.zero_grad()
        value = loss(model(rows[:, :-1]), rows[:, 1:])
        value.backward()
        optimiser.step()
        falling.step()
        losses.append(value.item())
    return model.double(), losses


def generate(model, prompts, length, temperature, seed):
    """Draw by inverting the cumulative distribution."""
    draw = np.random.default_rng(seed)
    rows = [list(prompt) for prompt in prompts.tolist()]
    for _ in range(length):
        shown = torch.tensor([row[-model.context :] for row in rows])
        with torch.no_grad():
            logits = model(shown)[:, -1].numpy()
        for row, scores in zip(rows, logits):
            row.append(pick(scores, temperature, draw))
    return torch.tensor([row[prompts.shape[1] :] for row in rows])


def pick(scores, temperature, draw):
    if temperature == 0:
        return int(scores.argmax())
    weights = np.exp((scores - scores.max()) / temperature)
    return min(int(np.searchsorted(weights.cumsum(), draw.random() * weights.sum())), len(scores) - 1)
