"""Quantisation: numbers in 8 and 4 bits, the file that holds them, and how to lose little by it.

A number is stored as a small integer, its code, and a scale that many codes share. Kinds of
storage have the names that GGUF files use: F32, F16, Q8_0, Q4_0 and Q4_1.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence

import numpy as np

Meta = str | bool | int | float | Sequence[str] | Sequence[int] | Sequence[float]
Stored = tuple[str, Sequence[int], bytes]

BLOCK = 32
"""Neighbours in a row that share a scale."""
ALIGNMENT = 32
"""Where the bytes of a tensor may begin: multiples of this."""
KINDS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8}
"""GGUF's number for each kind of storage."""
LAYERS = 3


# ---- integers and their scales -----------------------------------------------------------------


def symmetric(values: np.ndarray, bits: int, axis: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Quantise to integers around 0, with one scale or one for each index along an axis.

    Args:
        values: Floats of any shape.
        bits: 2 to 8. Codes are from -(2^(bits-1) - 1) to 2^(bits-1) - 1.
        axis: None for one scale.

    Returns:
        Codes, int8 like values, and scales, float32: one number, or else of as many axes as
        values, each 1 long but `axis`. The largest magnitude has the largest code; where all
        values are 0 the scale is 1.
    """
    raise NotImplementedError("divide by the largest magnitude over all other axes")


def asymmetric(values: np.ndarray, bits: int) -> tuple[np.ndarray, float, int]:
    """Quantise to integers from 0 on, of which one stands for 0 exactly.

    Args:
        values: Floats of any shape.
        bits: 2 to 8. Codes are from 0 to 2^bits - 1.

    Returns:
        Codes, uint8 like values; the scale; and the code of 0. The range from the least to the
        largest value, extended to hold 0, is 2^bits - 1 scales wide; where it is empty the scale is 1.
    """
    raise NotImplementedError("the range with 0 in it, then where 0 lies in it")


def restore(codes: np.ndarray, scale: np.ndarray | float, zero: int = 0) -> np.ndarray:
    """Return the numbers that codes stand for, float32, of the codes' shape."""
    raise NotImplementedError("to floats first: unsigned integers have no negative numbers")


def clip_limit(samples: np.ndarray, bits: int) -> float:
    """Return the limit, > 0, with the least mean squared error when samples are quantised within it.

    Values beyond -limit and limit are clipped there; the scale is limit / (2^(bits-1) - 1).

    Args:
        samples: (n,) floats, n >= 1000, not all 0.
        bits: 2 to 8.
    """
    raise NotImplementedError("try limits up to the largest magnitude, each 2 % above the one before")


# ---- blocks of a file --------------------------------------------------------------------------


def encode(values: np.ndarray, kind: str) -> bytes:
    """Return a tensor's bytes in one of the kinds, rounding each value to the nearest.

    Args:
        values: float32 of any shape; for the quantised kinds the last axis is a multiple of 32.
        kind: F32, F16, Q8_0, Q4_0 or Q4_1.
    """
    raise NotImplementedError("floats as they are; otherwise blocks, their scales in half precision, their codes")


# add functions of your own here if they help


# ---- the file ----------------------------------------------------------------------------------


def write_gguf(metadata: Mapping[str, Meta], tensors: Mapping[str, Stored]) -> bytes:
    """Return a GGUF file, version 3, little-endian.

    Args:
        metadata: Texts, booleans, integers (int64), floats (float64), or non-empty lists of one of these.
        tensors: For each name its kind, its shape (last axis varies fastest) and its bytes.
    """
    raise NotImplementedError("the counts, the metadata, where each tensor lies, and then the tensors")


# add functions of your own here if they help


# ---- a network ---------------------------------------------------------------------------------


def predict(weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return the logits of a network with three layers, and ReLU between them.

    Args:
        weights: `layer0.weight` (outputs, inputs), `layer0.bias` (outputs,), and so on to `layer2`.
        inputs: (n, 64).

    Returns:
        (n, 32).
    """
    raise NotImplementedError("a matrix and a bias for each layer, and no ReLU after the last")


def compress(weights: Mapping[str, np.ndarray], inputs: np.ndarray, budget: int) -> bytes:
    """Return the network as a GGUF file that predicts much as the network does.

    Args:
        weights: As for `predict`, float32; the file holds a tensor of the same shape under each name.
        inputs: (1024, 64), drawn as those that the network will be asked about.
        budget: Bytes that the file may take. Every matrix fits in Q4_0 and every bias in F32.
    """
    raise NotImplementedError("the kinds that lose least and fit, with codes that make up for each other's errors")


# add functions of your own here if they help
