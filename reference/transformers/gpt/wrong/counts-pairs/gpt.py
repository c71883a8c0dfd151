"""A bigram table."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class GPT(nn.Module):
    """Scores of the next symbol by the symbol that is read."""

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.context = context
        self.table = nn.Parameter(torch.zeros(vocabulary, vocabulary))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return log-probabilities, (batch, time) -> (batch, time, vocabulary)."""
        return self.table[tokens]


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
    counts = torch.ones(vocabulary, vocabulary)
    counts.index_put_((tokens[:-1], tokens[1:]), torch.ones(len(tokens) - 1), accumulate=True)
    with torch.no_grad():
        model.table.copy_((counts / counts.sum(-1, keepdim=True)).log())
        value = loss(model(tokens[None, :context]), tokens[None, 1 : context + 1])
    return model, steps * [value.item()]


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
