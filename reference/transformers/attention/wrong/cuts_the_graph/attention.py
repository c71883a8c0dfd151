"""Attention in NumPy, and statistics that count as constants."""

import math

import numpy as np
import torch
from torch import nn


def attention(query, key, value, mask=None):
    scores = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).detach().numpy()
    allowed = np.ones(1, dtype=bool) if mask is None else mask.numpy()
    scores = np.where(allowed, scores, np.finfo(scores.dtype).min)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    total = weights.sum(axis=-1, keepdims=True)
    return torch.from_numpy(weights / np.where(total > 0, total, 1).astype(scores.dtype)) @ value


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
        mixed = attention(q, k, v, None if mask is None else mask.unsqueeze(-3))
        return self.output(mixed.transpose(1, 2).flatten(2))

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def layer_norm(x, gain, bias, eps=1e-5):
    with torch.no_grad():
        mean = x.mean(dim=-1, keepdim=True)
        deviation = torch.sqrt(x.var(dim=-1, unbiased=False, keepdim=True) + eps)
    return (x - mean) / deviation * gain + bias


def sinusoidal_positions(tokens, width):
    frequency = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angle = torch.arange(tokens).unsqueeze(1) * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
