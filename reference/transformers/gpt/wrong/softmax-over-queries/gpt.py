"""A GPT whose attention weights sum to 1 over the queries."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class CausalSelfAttention(nn.Module):
    """Multi-head attention in which a position sees itself and what came before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Mix each position with its past, (batch, time, width) -> (batch, time, width)."""
        batch, time, width = x.shape
        split = self.query_key_value(x).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (batch, heads, time, width per head)
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (batch, heads, time, time)
        future = torch.ones(time, time, dtype=torch.bool, device=x.device).triu(diagonal=1)
        weights = scores.masked_fill(future, float("-inf")).softmax(dim=-2)
        mixed = weights @ value  # (batch, heads, time, width per head)
        return self.output(mixed.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """Attention, then a feed-forward network at each position, each added to the stream it reads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = CausalSelfAttention(width, heads)
        self.before_feed_forward = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the stream after this block, (batch, time, width) -> (batch, time, width)."""
        x = x + self.attention(self.before_attention(x))
        return x + self.feed_forward(self.before_feed_forward(x))


class GPT(nn.Module):
    """A decoder-only transformer: from symbols to a score for every possible next symbol."""

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.context = context
        self.symbols = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.before_output = nn.LayerNorm(width)
        self.output = nn.Linear(width, vocabulary)
        self.apply(start_small)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits of the symbol after each position, (batch, time) -> (batch, time, vocabulary)."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.symbols(tokens) + self.positions(places)  # (batch, time, width)
        for block in self.blocks:
            x = block(x)
        return self.output(self.before_output(x))


def start_small(module: nn.Module) -> None:
    """Draw weights near zero, so that an untrained model prefers no symbol to another."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats, logits (batch, time, vocabulary) and targets (batch, time)."""
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def train(
    tokens: Tensor,
    *,
    vocabulary: int,
    context: int,
    width: int,
    layers: int,
    heads: int,
    steps: int,
    batch: int,
    seed: int,
) -> tuple[GPT, list[float]]:
    """Return a GPT trained on random windows of a text, and the loss of each step.

    Args:
        tokens: (length,) int64, the text.
        vocabulary, context, width, layers, heads: The sizes of the model.
        steps: Optimiser steps.
        batch: Windows in a step.
        seed: Makes two runs alike.
    """
    torch.manual_seed(seed)
    model = GPT(vocabulary, context, width, layers, heads)
    optimiser = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate(step, steps)
        inputs, targets = windows(tokens, context, batch)
        value = loss(model(inputs), targets)
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(value.item())
    return model.eval(), losses


def learning_rate(step: int, steps: int, peak: float = 5e-3) -> float:
    """Return the rate of one step: it rises in a tenth of the steps, and falls to 0 along a cosine."""
    done = (step + 1) / (steps + 1)
    return peak * min(done / 0.1, 0.5 + 0.5 * math.cos(math.pi * done))


def windows(tokens: Tensor, context: int, batch: int) -> tuple[Tensor, Tensor]:
    """Return random windows of a text and the same windows one symbol later, each (batch, context)."""
    starts = torch.randint(len(tokens) - context, (batch, 1))
    taken = tokens[starts + torch.arange(context + 1)]  # (batch, context + 1)
    return taken[:, :-1], taken[:, 1:]


@torch.no_grad()
def generate(model: GPT, prompts: Tensor, *, length: int, temperature: float, seed: int) -> Tensor:
    """Return a continuation of each prompt, (batch, time) -> (batch, length) int64.

    Args:
        model: What to sample from.
        prompts: (batch, time) int64, time >= 1; only the last `context` symbols can be seen.
        length: Symbols to add.
        temperature: Divides the logits; 0 takes the most likely symbol.
        seed: Makes two calls alike.
    """
    generator = torch.Generator().manual_seed(seed)
    text = prompts
    for _ in range(length):
        logits = model(text[:, -model.context :])[:, -1]  # (batch, vocabulary)
        if temperature == 0:
            following = logits.argmax(dim=-1, keepdim=True)
        else:
            law = (logits / temperature).softmax(dim=-1)
            following = torch.multinomial(law, 1, generator=generator)
        text = torch.cat([text, following], dim=1)
    return text[:, prompts.shape[1] :]
