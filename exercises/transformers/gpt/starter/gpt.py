"""A small GPT over symbols: causal self-attention, the loss, training, and generation."""

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
        raise NotImplementedError("split into heads, score, mask the future, softmax, mix, merge the heads")


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
        raise NotImplementedError("normalise, attend, add; normalise, feed forward, add")


class GPT(nn.Module):
    """A decoder-only transformer: from symbols to a score for every possible next symbol."""

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.context = context
        raise NotImplementedError("make the embeddings, the blocks and the output layer, and start them small")

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits of the symbol after each position, (batch, time) -> (batch, time, vocabulary)."""
        raise NotImplementedError("embed symbols and positions, apply the blocks, normalise, score")


def start_small(module: nn.Module) -> None:
    """Draw weights near zero, so that an untrained model prefers no symbol to another."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats, logits (batch, time, vocabulary) and targets (batch, time)."""
    raise NotImplementedError("one row of logits and one target for each position")


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
    raise NotImplementedError("seed, build, then for each step: windows, loss, backward, optimiser")


def learning_rate(step: int, steps: int, peak: float = 5e-3) -> float:
    """Return the rate of one step: it rises in a tenth of the steps, and falls to 0 along a cosine."""
    raise NotImplementedError("a ramp to the peak, then half a cosine")


def windows(tokens: Tensor, context: int, batch: int) -> tuple[Tensor, Tensor]:
    """Return random windows of a text and the same windows one symbol later, each (batch, context)."""
    raise NotImplementedError("draw starts, take context + 1 symbols from each")


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
    raise NotImplementedError("crop, predict, divide by the temperature, draw, append; repeat")
