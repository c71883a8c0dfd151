"""Resets the state before it is multiplied by the weights, as another kind of gated unit does."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def alphabet_of(text: str) -> str:
    """Return the distinct characters of a text, in the order of their code points."""
    return "".join(sorted(set(text)))


def encode(text: str, alphabet: str) -> Tensor:
    """Return the place of each character in the alphabet, (length,) int64."""
    place = {character: number for number, character in enumerate(alphabet)}
    return torch.tensor([place[character] for character in text], dtype=torch.int64)


def decode(codes: Tensor, alphabet: str) -> str:
    """Return the text whose codes (length,) these are."""
    return "".join(alphabet[code] for code in codes.tolist())


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
        x_reset, x_update, x_new = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=-1)
        h_reset, h_update, _ = (state @ self.weight_hh.T + self.bias_hh).chunk(3, dim=-1)
        reset = torch.sigmoid(x_reset + h_reset)  # (batch, width)
        update = torch.sigmoid(x_update + h_update)  # (batch, width)
        w, b = self.weight_hh.chunk(3)[2], self.bias_hh.chunk(3)[2]
        proposal = torch.tanh(x_new + (reset * state) @ w.T + b)  # (batch, width)
        return (1 - update) * proposal + update * state


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
        if state is None:
            state = torch.zeros(len(codes), self.width)
        states = []
        for x in self.embedding(codes).unbind(dim=1):  # time times (batch, width)
            state = self.cell(x, state)
            states.append(state)
        return self.output(torch.stack(states, dim=1)), state

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits (batch, time, symbols) for texts read from their beginning, (batch, time)."""
        logits, _ = self.read(codes, None)
        return logits


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats, logits (batch, time, symbols) and targets (batch, time)."""
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def clip(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """Return the gradients, scaled down together so that their common length is at most `limit`.

    Args:
        gradients: Tensors of any shapes; they are left as they are.
        limit: > 0. The length is the root of the sum of all squares of all tensors.
    """
    length = torch.sqrt(sum(gradient.square().sum() for gradient in gradients))
    factor = torch.clamp(limit / (length + 1e-12), max=1)
    return [gradient * factor for gradient in gradients]


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
    torch.manual_seed(seed)
    alphabet = alphabet_of(text)
    codes = encode(text, alphabet)
    model = CharRNN(len(alphabet), width)
    weights = list(model.parameters())
    optimiser = torch.optim.Adam(weights)
    losses = []
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate(step, steps)
        inputs, targets = windows(codes, batch, length)
        value = loss(model(inputs), targets)
        slopes = torch.autograd.grad(value, weights)
        for weight, slope in zip(weights, clip(list(slopes), 1.0), strict=True):
            weight.grad = slope
        optimiser.step()
        losses.append(value.item())
    return model, losses


def learning_rate(step: int, steps: int, peak: float = 0.01) -> float:
    """Return the rate of one step: it rises in a tenth of the steps, and falls to 0 along a cosine."""
    done = (step + 1) / (steps + 1)
    return peak * min(done / 0.1, 0.5 + 0.5 * math.cos(math.pi * done))


def windows(codes: Tensor, batch: int, length: int) -> tuple[Tensor, Tensor]:
    """Return random windows of a text and the same windows one character later, each (batch, length)."""
    starts = torch.randint(len(codes) - length, (batch, 1))
    taken = codes[starts + torch.arange(length + 1)]  # (batch, length + 1)
    return taken[:, :-1], taken[:, 1:]


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
    generator = torch.Generator().manual_seed(seed)
    logits, state = model.read(prompts, None)
    written = []
    for _ in range(length):
        scores = logits[:, -1]  # (batch, symbols)
        if temperature == 0:
            following = scores.argmax(dim=-1, keepdim=True)
        else:
            law = (scores / temperature).softmax(dim=-1)
            following = torch.multinomial(law, 1, generator=generator)
        written.append(following)
        logits, state = model.read(following, state)
    return torch.cat(written, dim=1)
