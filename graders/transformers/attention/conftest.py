"""What both graders share: the functions that were handed in, torch's twins of them, and the policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.grading import Rng, expect_tensor, kind_of, wrong
from harness.policy import ready_made

ENTRY: Final = "attention.py"
READY_MADE: Final = {
    "attention": (
        "torch.*attention*",
        "torch.*.Transformer*",
        ".scaled_dot_product_attention",
        ".multi_head_attention_forward",
    ),
    "norm": tuple(f"torch.*{kind}*norm*" for kind in ("layer", "group", "batch", "instance", "rms")),
}
"""What may not be called, because building it is the exercise."""
PARTS: Final = ("query", "key", "value", "output")
KINDS: Final = ("weight", "bias")


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def attention(submission: Any, source: dict[str, str]) -> Any:
    """The function `attention`, once no ready-made attention was found in the files."""
    return _handed_in(submission, source, "attention", READY_MADE["attention"])


@pytest.fixture(scope="session")
def causal_mask(submission: Any, source: dict[str, str]) -> Any:
    """The function `causal_mask`."""
    return _handed_in(submission, source, "causal_mask", READY_MADE["attention"])


@pytest.fixture(scope="session")
def layer_norm(submission: Any, source: dict[str, str]) -> Any:
    """The function `layer_norm`, once no ready-made normalisation was found in the files."""
    return _handed_in(submission, source, "layer_norm", READY_MADE["norm"])


@pytest.fixture(scope="session")
def sinusoidal_positions(submission: Any) -> Any:
    """The function `sinusoidal_positions`."""
    return _function(submission.sinusoidal_positions, "sinusoidal_positions")


@dataclass(frozen=True)
class Twins:
    """A `MultiHeadAttention` of the submission's and torch's own in float64, with the same weights."""

    model: Any
    twin: nn.MultiheadAttention
    width: int
    heads: int

    def truth(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return torch's answer, (batch, n, width) in float64; the mask is True where a query may look."""
        if mask is not None:  # torch's is the other way round, and one per head
            mask = ~mask.repeat_interleave(self.heads, dim=0) if mask.ndim == 3 else ~mask
        out, _ = self.twin(query.double(), key.double(), value.double(), attn_mask=mask, need_weights=False)
        return out

    def gradients(self, output: Tensor, cotangent: Tensor) -> dict[str, Tensor]:
        """Return torch's gradients of sum(output * cotangent), by the exercise's names of the parameters."""
        inside, last = self.twin, self.twin.out_proj
        leaves = (inside.in_proj_weight, last.weight, inside.in_proj_bias, last.bias)
        weights, last_weight, biases, last_bias = torch.autograd.grad(
            (output * cotangent.double()).sum(), leaves
        )
        by_part = zip(PARTS, (*weights.chunk(3), last_weight), (*biases.chunk(3), last_bias), strict=True)
        return {
            f"{part}.{kind}": each for part, *pair in by_part for kind, each in zip(KINDS, pair, strict=True)
        }


@pytest.fixture(scope="session")
def multi_head(submission: Any, source: dict[str, str], run_rng: Rng) -> Twins:
    """The module `MultiHeadAttention` and its twin, both with weights that the grader drew."""
    build = _handed_in(submission, source, "MultiHeadAttention", READY_MADE["attention"])
    heads = int(run_rng.integers(2, 5))
    size = int(run_rng.integers(5, 9))  # a head is wider than there are heads: the two cannot be mistaken
    width = heads * size
    weights = {}
    for part in PARTS:
        weights[f"{part}.weight"] = _normal(run_rng, width, width) / width**0.5
        weights[f"{part}.bias"] = _normal(run_rng, width) / 2
    model = _function(build(width, heads), f"MultiHeadAttention({width}, {heads})")
    _function(model.load_state_dict, "MultiHeadAttention(…).load_state_dict")(weights)
    return Twins(model, _twin(weights, width, heads), width, heads)


def _twin(weights: Mapping[str, Tensor], width: int, heads: int) -> nn.MultiheadAttention:
    twin = nn.MultiheadAttention(width, heads, batch_first=True).double()
    for kind in KINDS:
        stacked = torch.cat([weights[f"{part}.{kind}"] for part in PARTS[:3]])
        getattr(twin, f"in_proj_{kind}").data = stacked.double()
        getattr(twin.out_proj, kind).data = weights[f"output.{kind}"].double()
    return twin


def _handed_in(submission: Any, source: Mapping[str, str], name: str, forbidden: Sequence[str]) -> Any:
    function = submission[name]  # imports it first: code that does not import is told so by the import
    places = ready_made(source, ENTRY, forbidden)
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return _function(function, name)


def _function(value: object, name: str) -> Any:
    if not callable(value):
        wrong(f"{name} is {kind_of(value)}, not a function.", reason="wrong-type")
    return value


# ---- inputs and answers --------------------------------------------------------------------


@pytest.fixture
def draw(rng: Rng) -> Callable[..., Tensor]:
    """A function that draws a float32 tensor of standard normal numbers of a given shape."""
    return lambda *shape: _normal(rng, *shape)


@pytest.fixture
def sizes(rng: Rng) -> Callable[[int], list[int]]:
    """A function that draws different sizes from 3 to 9, so that no axis can be mistaken for another."""
    return lambda count: [int(size) for size in rng.permutation(np.arange(3, 10))[:count]]


@pytest.fixture(scope="session")
def truth() -> Callable[..., Tensor]:
    """Torch's own attention in float64, as a function of query, key, value and mask."""

    def answer(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is not None:  # torch wants two axes at least
            mask = mask.expand(*mask.shape[:-2], query.shape[-2], key.shape[-2])
        given = (query.double(), key.double(), value.double())
        return torch.nn.functional.scaled_dot_product_attention(*given, attn_mask=mask)

    return answer


@pytest.fixture(scope="session")
def gradients() -> Callable[..., list[Tensor]]:
    """A function that returns the gradients of a submission's function, one per named input."""

    def ask(function: Any, inputs: Mapping[str, Tensor], *more: Tensor, cotangent: Tensor) -> list[Tensor]:
        got = function.vjp(*inputs.values(), *more, cotangent=cotangent).inputs
        if any(gradient is None for gradient in got[: len(inputs)]):
            wrong("No gradient reaches an input: what cuts the graph?", reason="no-gradient")
        return [
            expect_tensor(gradient, shape=tensor.shape, what=f"the gradient for {name}")
            for gradient, (name, tensor) in zip(got, inputs.items(), strict=False)
        ]

    return ask


def _normal(rng: Rng, *shape: int) -> Tensor:
    return torch.from_numpy(rng.normal(size=shape)).float()
