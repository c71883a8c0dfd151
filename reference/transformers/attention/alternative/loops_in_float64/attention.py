"""Attention as one would explain it: a loop over heads, and float64 inside for peace of mind."""

import math

import torch


def attention(query, key, value, mask=None):
    dtype = query.dtype
    query, key, value = query.double(), key.double(), value.double()
    scores = torch.matmul(query, key.mT) / math.sqrt(key.size(-1))
    if mask is None:
        return torch.matmul(torch.softmax(scores, -1), value).to(dtype)
    mask = mask.expand(scores.shape)
    sees_something = mask.any(dim=-1, keepdim=True)
    # A query that sees nothing is let look everywhere, so that its softmax is a number, and silenced afterwards.
    scores = scores.masked_fill(~(mask | ~sees_something), float("-inf"))
    return (torch.matmul(torch.softmax(scores, -1), value) * sees_something).to(dtype)


def causal_mask(tokens):
    return ~torch.triu(torch.ones(tokens, tokens), diagonal=1).bool()


class MultiHeadAttention(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.size = width // heads
        for name in ("query", "key", "value", "output"):
            self.add_module(name, torch.nn.Linear(width, width))

    def forward(self, query, key, value, mask=None):
        q, k, v = self.query(query), self.key(key), self.value(value)
        heads = []
        for start in range(0, q.shape[-1], self.size):
            part = slice(start, start + self.size)
            heads.append(attention(q[..., part], k[..., part], v[..., part], mask))
        return self.output(torch.cat(heads, dim=-1))


def layer_norm(x, gain, bias, eps=1e-5):
    wide = x.double()
    deviation = torch.sqrt(wide.var(dim=-1, unbiased=False, keepdim=True) + eps)
    return ((wide - wide.mean(-1, keepdim=True)) / deviation * gain + bias).to(x.dtype)


def sinusoidal_positions(tokens, width):
    rows = []
    for position in range(tokens):
        row = []
        for pair in range(width // 2):
            angle = position / 10000 ** (2 * pair / width)
            row += [math.sin(angle), math.cos(angle)]
        rows.append(row)
    return torch.tensor(rows)
