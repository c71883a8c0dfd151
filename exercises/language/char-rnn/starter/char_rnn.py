"""A character language model: a gated recurrent unit reads a text and foretells each next character.

Shapes are written at the end of lines. A text is a string; its characters are numbered by
their place in an alphabet, and these numbers are called codes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def alphabet_of(text: str) -> str:
    """Return the distinct characters of a text, in the order of their code points."""
    raise NotImplementedError("collect the characters, and sort them")


def encode(text: str, alphabet: str) -> Tensor:
    """Return the place of each character in the alphabet, (length,) int64."""
    raise NotImplementedError("number the characters of the alphabet, then look up those of the text")


def decode(codes: Tensor, alphabet: str) -> str:
    """Return the text whose codes (length,) these are."""
    raise NotImplementedError("look up each code in the alphabet")


class GRUCell(nn.Module):
    """A gated recurrent unit: one step from a state and an input to the next state.

    The rows of its weights belong to the reset gate, the update gate and the proposal, in this
    order, `width` rows each.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight_ih = nn.Parameter(torch.empty(3 * width, inputs).uniform_(-bound, bound))
        self.weight_hh = nn.Parameter(torch.empty(3 * width, width).uniform_(-bound, bound))
        self.bias_ih = nn.Parameter(torch.empty(3 * width).uniform_(-bound, bound))
        self.bias_hh = nn.Parameter(torch.empty(3 * width).uniform_(-bound, bound))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """Return the next state, from x (batch, inputs) and state (batch, width) to (batch, width)."""
        raise NotImplementedError("two gates and a proposal, then a mean of the old state and the proposal")


class CharRNN(nn.Module):
    """A language model that carries all it knows of the past in one state."""

    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(symbols, width)
        self.cell = GRUCell(width, width)
        self.output = nn.Linear(width, symbols)

    def read(self, codes: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Read on from a state.

        Args:
            codes: (batch, time) int64.
            state: (batch, size) as a former call returned it; None before the first character.

        Returns:
            Logits (batch, time, symbols) of the character after each, and the state (batch, size).
        """
        raise NotImplementedError("begin with zeros, step through the characters, score after each")

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, time, symbols) for texts read from their beginning, (batch, time)."""
        logits, _ = self.read(codes, None)
        return logits


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats, logits (batch, time, symbols) and targets (batch, time)."""
    raise NotImplementedError("the mean of -log softmax at the targets, without a softmax that underflows")


def clip(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Return the gradients, scaled down together so that their common length is at most `limit`.

    Args:
        gradients: Tensors of any shapes; they are left as they are.
        limit: > 0. The length is the root of the sum of all squares of all tensors.
    """
    raise NotImplementedError("one length for all of them, and one factor, never above 1")


def train(
    text: str, *, width: int, steps: int, batch: int, length: int, seed: int
) -> tuple[CharRNN, list[float]]:
    """Return a model trained on random windows of a text, and the loss of each step in nats.

    Args:
        text: More than `length` characters; the model's codes are places in its sorted alphabet.
        width: Of the state.
        steps: Optimiser steps.
        batch: Windows in a step.
        length: Characters that are foretold in a window.
        seed: Makes two trainings alike.
    """
    raise NotImplementedError("seed; then windows, loss, gradients, clipping and a step, over and over")


def learning_rate(step: int, steps: int, peak: float = 0.01) -> float:
    """Return the rate of one step: it rises in a tenth of the steps, and falls to 0 along a cosine."""
    done = (step + 1) / (steps + 1)
    return peak * min(done / 0.1, 0.5 + 0.5 * math.cos(math.pi * done))


def windows(codes: Tensor, batch: int, length: int) -> tuple[Tensor, Tensor]:
    """Return random windows of a text and the same windows one character later, each (batch, length)."""
    raise NotImplementedError("draw where they begin")


@torch.no_grad()
def generate(model: CharRNN, prompts: Tensor, *, length: int, temperature: float, seed: int) -> Tensor:
    """Return a continuation of each prompt, (batch, time) -> (batch, length) int64.

    Args:
        model: What to sample from.
        prompts: (batch, time) int64, time >= 1.
        length: Characters to add.
        temperature: Divides the logits; 0 takes the most likely character.
        seed: Makes two calls alike.
    """
    raise NotImplementedError("read the prompts once; then draw, and read what was drawn, in turns")
