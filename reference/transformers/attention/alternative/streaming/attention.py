"""Attention that walks over the keys once and never holds the matrix of scores, as fast kernels do."""

import math

import torch
from torch import nn

from blocks import in_blocks


def attention(query, key, value, mask=None, block=3):
    n, m = query.shape[-2], key.shape[-2]
    if mask is None:
        mask = query.new_ones((), dtype=torch.bool)
    mask = mask.expand(*query.shape[:-2], n, m)
    query = query / math.sqrt(query.shape[-1])
    highest = query.new_full((*query.shape[:-1], 1), -math.inf)
    total = torch.zeros_like(highest)
    mixed = query.new_zeros(*query.shape[:-1], value.shape[-1])
    for part in in_blocks(m, block):
        scores = torch.matmul(query, key[..., part, :].transpose(-1, -2))
        allowed = mask[..., part]
        new = torch.maximum(highest, scores.detach().masked_fill(~allowed, -math.inf).amax(-1, keepdim=True))
        base = new.masked_fill(new == -math.inf, 0.0)
        fade = torch.exp(highest - base)  # what was gathered so far, seen from the new maximum; 0 at first
        parts = torch.exp((scores - base).masked_fill(~allowed, -math.inf))
        total = total * fade + parts.sum(-1, keepdim=True)
        mixed = mixed * fade + torch.matmul(parts, value[..., part, :])
        highest = new
    return mixed / total.masked_fill(total == 0, 1.0)


def causal_mask(tokens):
    return torch.tensor([[j <= i for j in range(tokens)] for i in range(tokens)])


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, query, key, value, mask=None):
        batch, n, width = query.shape

        def split(x):
            # Heads go into the batch: (batch * heads, tokens, width / heads).
            cut = x.reshape(batch, -1, self.heads, width // self.heads).permute(0, 2, 1, 3)
            return cut.reshape(batch * self.heads, -1, width // self.heads)

        if mask is not None and mask.ndim == 3:
            mask = mask.repeat_interleave(self.heads, dim=0)
        mixed = attention(split(self.query(query)), split(self.key(key)), split(self.value(value)), mask)
        joined = mixed.reshape(batch, self.heads, n, -1).permute(0, 2, 1, 3).reshape(batch, n, width)
        return self.output(joined)


class Normaliser(nn.Module):
    """Layer normalisation as a module; the function below is its other face."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x, gain, bias):
        width = x.shape[-1]
        centred = x - x.sum(-1, keepdim=True) / width
        length = torch.linalg.vector_norm(centred, dim=-1, keepdim=True)
        return gain * centred * (length**2 / width + self.eps) ** -0.5 + bias


def layer_norm(x, gain, bias, eps=1e-5):
    return Normaliser(eps)(x, gain, bias)


def sinusoidal_positions(tokens, width):
    column = torch.arange(width)
    angle = torch.arange(tokens)[:, None] * torch.pow(10000.0, -(column - column % 2) / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())
