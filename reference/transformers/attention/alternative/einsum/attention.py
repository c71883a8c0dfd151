"""Attention in Einstein's notation, with a softmax of its own."""

import torch
from torch import nn


def masked_softmax(scores, mask):
    """Softmax over the last axis among the places that the mask allows; zeros where it allows none."""
    if mask is None:
        mask = torch.ones((), dtype=torch.bool)
    highest = torch.where(mask, scores, -torch.inf).amax(dim=-1, keepdim=True)
    highest = torch.where(torch.isfinite(highest), highest, 0.0).detach()
    shifted = torch.where(mask, scores - highest, 0.0)
    parts = torch.where(mask, shifted.exp(), 0.0)
    total = parts.sum(dim=-1, keepdim=True)
    return parts / torch.where(total > 0, total, 1.0)


def attention(query, key, value, mask=None):
    scale = query.shape[-1] ** -0.5
    scores = torch.einsum("...nd,...md->...nm", query * scale, key)
    return torch.einsum("...nm,...me->...ne", masked_softmax(scores, mask), value)


def causal_mask(tokens):
    place = torch.arange(tokens)
    return place[:, None] >= place[None, :]


class Projection(nn.Module):
    """A linear layer whose weight is seen as one matrix per head."""

    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width) / width**0.5)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x, heads):
        weight = self.weight.unflatten(0, (heads, -1))  # (heads, width / heads, width)
        bias = self.bias.unflatten(0, (heads, 1, -1))  # (heads, 1, width / heads)
        return torch.einsum("btw,hdw->bhtd", x, weight) + bias


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (Projection(width) for _ in range(4))

    def forward(self, query, key, value, mask=None):
        q, k, v = self.query(query, self.heads), self.key(key, self.heads), self.value(value, self.heads)
        if mask is not None and mask.dim() == 3:
            mask = mask[:, None]
        mixed = attention(q, k, v, mask)  # (batch, heads, n, width / heads)
        weight = self.output.weight.unflatten(1, (self.heads, -1))  # (width, heads, width / heads)
        return torch.einsum("bhnd,whd->bnw", mixed, weight) + self.output.bias


def layer_norm(x, gain, bias, eps=1e-5):
    spread, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, (x - mean) * torch.rsqrt(spread + eps), gain)


def sinusoidal_positions(tokens, width):
    pairs = torch.arange(width // 2, dtype=torch.float64)
    angle = torch.outer(
        torch.arange(tokens, dtype=torch.float64), torch.exp(-2 * pairs / width * torch.tensor(1e4).log())
    )
    table = torch.empty(tokens, width)
    table[:, 0::2] = angle.sin()
    table[:, 1::2] = angle.cos()
    return table
