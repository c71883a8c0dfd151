"""Attention, by hand: the operation at the heart of every transformer, and what stands around it.

Shapes are written at the end of lines. `...` stands for any leading axes, such as batch
and heads; n counts queries, m counts keys, and width is the length of one token's vector.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return softmax(query · keyᵀ / √d) · value: for each query, a weighted mean of the values.

    Args:
        query: (..., n, d), floating point; what each position looks for.
        key: (..., m, d); what each position offers to be found by.
        value: (..., m, e); what each position hands over when it is found.
        mask: Boolean, broadcastable to (..., n, m); True where a query may look at a key.
            None lets every query look everywhere.

    Returns:
        (..., n, e), of the inputs' dtype. Zeros for a query that may look nowhere.
    """
    raise NotImplementedError("score each query against each key, mask, softmax over the keys, average the values")


def causal_mask(tokens: int) -> Tensor:
    """Return the mask under which no token sees the future.

    Args:
        tokens: Length of the sequence, at least 1.

    Returns:
        (tokens, tokens), boolean; entry [i, j] is True where token i may look at token j: where j <= i.
    """
    raise NotImplementedError("a boolean matrix that is True on and below the diagonal")


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own slice of the projected width.

    Args:
        width: Length of one token's vector, in and out.
        heads: How many attentions; divides the width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let each query token look at the key tokens, once per head.

        Args:
            query: (batch, n, width).
            key: (batch, m, width).
            value: (batch, m, width).
            mask: Boolean, (n, m) or (batch, n, m), the same for every head; True where a query may look.

        Returns:
            (batch, n, width). For self-attention, pass the same tensor three times.
        """
        raise NotImplementedError("project, split into heads, attend in each, join the heads, project")

    # add methods of your own here if they help


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Return each token's vector at mean 0 and variance 1, then stretched by gain and moved by bias.

    Args:
        x: (..., width), floating point.
        gain: (width,); what the normalised vector is multiplied by.
        bias: (width,); what is added after that.
        eps: Added to the variance, under the root; keeps a constant vector from dividing by zero.

    Returns:
        (..., width), of the dtype of x. The variance divides by width, not by width - 1.
    """
    raise NotImplementedError("centre the last axis, divide by the root of variance + eps, scale and shift")


def sinusoidal_positions(tokens: int, width: int) -> Tensor:
    """Return a vector for each position: pairs of sine and cosine, from fast to slow.

    Args:
        tokens: How many positions, counted from 0.
        width: Length of each vector; even.

    Returns:
        (tokens, width), float32, in [-1, 1]. With angle(p, i) = p / 10000^(2i / width) in
        radians, row p holds sin(angle(p, i)) in column 2i and cos(angle(p, i)) in column 2i + 1.
    """
    raise NotImplementedError("compute the angles, then put sines into the even columns and cosines into the odd ones")
