"""A GPT as they are built today: rotary positions, RMS normalisation, gated feed-forward, hardly a bias."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, nll_loss, silu


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        size = width // heads
        self.queries, self.keys, self.values = (
            nn.Parameter(torch.randn(heads, width, size) * width**-0.5) for _ in range(3)
        )
        self.merge = nn.Parameter(torch.randn(heads, size, width) * width**-0.5 * 0.3)
        turns = torch.arange(context)[:, None] * 100 ** -torch.linspace(
            0, 1, size // 2
        )  # (context, size / 2)
        self.register_buffer("cos", turns.cos(), persistent=False)
        self.register_buffer("sin", turns.sin(), persistent=False)
        self.register_buffer("hidden", torch.full((context, context), -torch.inf).triu(1), persistent=False)

    def turn(self, x: Tensor) -> Tensor:
        """Rotate pairs of channels by an angle that grows with the position, (batch, heads, time, size)."""
        cos, sin = self.cos[: x.shape[2]], self.sin[: x.shape[2]]
        left, right = x.chunk(2, dim=-1)
        return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[1]
        query, key, value = (
            torch.einsum("btw,hws->bhts", x, m) for m in (self.queries, self.keys, self.values)
        )
        scores = torch.einsum("bhis,bhjs->bhij", self.turn(query), self.turn(key)) * query.shape[-1] ** -0.5
        weights = (scores + self.hidden[:time, :time]).softmax(-1)
        return torch.einsum("bhij,bhjs,hsw->biw", weights, value, self.merge)


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x * x.square().mean(-1, keepdim=True).add(1e-5).rsqrt()


class Gated(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = 8 * width // 3
        self.gate, self.up = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(silu(self.gate(x)) * self.up(x))


class GPT(nn.Module):
    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.parts = nn.ModuleList(
            part
            for _ in range(layers)
            for part in (
                nn.Sequential(RMSNorm(width), Attention(width, heads, context), nn.Dropout(0.0)),
                nn.Sequential(RMSNorm(width), Gated(width)),
            )
        )
        self.head = nn.Sequential(RMSNorm(width), nn.Linear(width, vocabulary, bias=False))
        nn.init.zeros_(self.head[1].weight)  # it starts with no preference at all

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        for part in self.parts:
            x = x + part(x)
        return self.head(x)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    return nll_loss(log_softmax(logits, dim=-1).transpose(1, 2), targets)


def train(tokens: Tensor, steps: int, batch: int, seed: int, **sizes: int) -> tuple[GPT, list[float]]:
    torch.manual_seed(seed)
    model = GPT(**sizes)
    cut = tokens.unfold(0, sizes["context"] + 1, 1)  # every window, (length - context, context + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0, betas=(0.9, 0.95), fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    history = torch.zeros(steps)
    for step in range(steps):
        window = cut[torch.randint(len(cut), (batch,))]
        value = loss(model(window[:, :-1]), window[:, 1:])
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        optimiser.step()
        schedule.step()
        history[step] = value.detach()
    return model, history.tolist()


def generate(model: GPT, prompts: Tensor, length: int, temperature: float, seed: int) -> Tensor:
    """Draw by adding Gumbel noise to the scores and taking the largest: at temperature 0 there is none."""
    dice = torch.Generator()
    dice.manual_seed(seed)
    text = torch.empty(len(prompts), 0, dtype=torch.int64)
    with torch.inference_mode():
        for _ in range(length):
            seen = torch.cat([prompts, text], dim=1)[:, -model.context :]
            scores = model(seen)[:, -1].double()
            noise = -torch.rand(scores.shape, generator=dice, dtype=torch.float64).log().neg().log()
            text = torch.cat([text, (scores + temperature * noise).argmax(-1, keepdim=True)], dim=1)
    return text.clone()
