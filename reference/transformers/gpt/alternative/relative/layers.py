"""The blocks of a GPT that knows distances instead of places: each head learns a bias for every distance."""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Causal attention with a learned bias per head and distance, (batch, time, width) to the same."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(width, 3 * width, bias=False)
        self.outward = nn.Linear(width, width, bias=False)
        self.bias = nn.Parameter(torch.linspace(1, -1, context).repeat(heads, 1))
        place = torch.arange(context)
        distance = place[:, None] - place
        self.register_buffer("distance", distance.clamp(min=0), persistent=False)
        self.register_buffer("seen", distance >= 0, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[1]
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.inward(x).chunk(3, dim=-1)
        )
        scores = torch.matmul(query, key.mT) * query.shape[-1] ** -0.5
        scores = scores + self.bias[:, self.distance[:time, :time]]
        weights = torch.softmax(torch.where(self.seen[:time, :time], scores, -1e9), dim=-1)
        return self.outward(torch.matmul(weights, value).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a network with SiLU, side by side on the same normalised stream."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, context)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.norm(x)
        return x + self.attention(normal) + self.down(nn.functional.silu(self.up(normal)))
