"""Attention for (batch, tokens, width) and float32 only."""

import math

import torch
from torch import nn


def attention(query, key, value, mask=None):
    scores = torch.bmm(query.float(), key.float().transpose(1, 2)) / math.sqrt(query.shape[-1])
    if mask is None:
        return torch.bmm(torch.softmax(scores, dim=2), value.float())
    mask = mask.expand(scores.shape)
    weights = torch.softmax(scores.masked_fill(~mask, torch.finfo(torch.float32).min), dim=2)
    return torch.bmm(weights.masked_fill(~mask, 0.0), value.float())


def causal_mask(tokens):
    return torch.ones(tokens, tokens, dtype=torch.bool).tril()


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, query, key, value, mask=None):
        q, k, v = self.split(self.query(query)), self.split(self.key(key)), self.split(self.value(value))
        mixed = [attention(q[:, head], k[:, head], v[:, head], mask) for head in range(self.heads)]
        return self.output(torch.cat(mixed, dim=-1))

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def layer_norm(x, gain, bias, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = (x - mean).square().mean(dim=-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + eps) * gain + bias


def sinusoidal_positions(tokens, width):
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angle = torch.arange(tokens).unsqueeze(1) * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
