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
    ### BEGIN SOLUTION divide by the largest magnitude over all other axes
    others = None if axis is None else tuple(set(range(values.ndim)) - {axis % values.ndim})
    largest = np.abs(values).max(axis=others, keepdims=axis is not None)
    top = 2 ** (bits - 1) - 1
    scale = np.where(largest > 0, largest / top, 1)
    return np.rint(values / scale).astype(np.int8), scale.astype(np.float32)
    ### END SOLUTION


def asymmetric(values: np.ndarray, bits: int) -> tuple[np.ndarray, float, int]:
    """Quantise to integers from 0 on, of which one stands for 0 exactly.

    Args:
        values: Floats of any shape.
        bits: 2 to 8. Codes are from 0 to 2^bits - 1.

    Returns:
        Codes, uint8 like values; the scale; and the code of 0. The range from the least to the
        largest value, extended to hold 0, is 2^bits - 1 scales wide; where it is empty the scale is 1.
    """
    ### BEGIN SOLUTION the range with 0 in it, then where 0 lies in it
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    top = 2**bits - 1
    scale = (high - low) / top if high > low else 1.0
    zero = round(-low / scale)
    codes = np.clip(np.rint(values / scale) + zero, 0, top)
    return codes.astype(np.uint8), scale, zero
    ### END SOLUTION


def restore(codes: np.ndarray, scale: np.ndarray | float, zero: int = 0) -> np.ndarray:
    """Return the numbers that codes stand for, float32, of the codes' shape."""
    ### BEGIN SOLUTION to floats first: unsigned integers have no negative numbers
    return ((codes.astype(np.float32) - zero) * scale).astype(np.float32)
    ### END SOLUTION


def clip_limit(samples: np.ndarray, bits: int) -> float:
    """Return the limit, > 0, with the least mean squared error when samples are quantised within it.

    Values beyond -limit and limit are clipped there; the scale is limit / (2^(bits-1) - 1).

    Args:
        samples: (n,) floats, n >= 1000, not all 0.
        bits: 2 to 8.
    """
    ### BEGIN SOLUTION try limits up to the largest magnitude, each 2 % above the one before
    top, largest = 2 ** (bits - 1) - 1, float(np.abs(samples).max())

    def error(limit: float) -> float:
        scale = limit / top
        return float(((np.clip(np.rint(samples / scale), -top, top) * scale - samples) ** 2).mean())

    return float(min(largest * np.geomspace(0.01, 1, 234), key=error))
    ### END SOLUTION


# ---- blocks of a file --------------------------------------------------------------------------


def encode(values: np.ndarray, kind: str) -> bytes:
    """Return a tensor's bytes in one of the kinds, rounding each value to the nearest.

    Args:
        values: float32 of any shape; for the quantised kinds the last axis is a multiple of 32.
        kind: F32, F16, Q8_0, Q4_0 or Q4_1.
    """
    ### BEGIN SOLUTION floats as they are; otherwise blocks, their scales in half precision, their codes
    if kind in ("F32", "F16"):
        return values.astype("<f4" if kind == "F32" else "<f2").tobytes()
    blocks = values.reshape(-1, BLOCK).astype(np.float32)
    if kind == "Q8_0":
        return _q8_0(blocks, np.abs(blocks).max(axis=1) / 127)
    if kind == "Q4_0":
        return _q4_0(blocks, _widest(blocks) / -8)
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    scale, least = ((high - low) / 15).astype("<f2"), low.astype("<f2")
    codes = np.clip(np.rint((blocks - least[:, None]) / _divisor(scale)), 0, 15)
    return np.hstack([_bytes(scale), _bytes(least), _nibbles(codes)]).tobytes()
    ### END SOLUTION


### BEGIN SOLUTION add functions of your own here if they help
def _widest(blocks: np.ndarray) -> np.ndarray:
    """Return the value of largest magnitude of each block, with its sign, (blocks,)."""
    place = np.abs(blocks).argmax(axis=1)
    return blocks[np.arange(len(blocks)), place]


def _q8_0(blocks: np.ndarray, scale: np.ndarray) -> bytes:
    """Return blocks (n, 32) in bytes: each a scale (n,) and 32 signed codes."""
    scale = scale.astype("<f2")
    codes = np.clip(np.rint(blocks / _divisor(scale)), -127, 127).astype(np.int8)
    return np.hstack([_bytes(scale), codes.view(np.uint8)]).tobytes()


def _q4_0(blocks: np.ndarray, scale: np.ndarray) -> bytes:
    """Return blocks (n, 32) in bytes: each a scale (n,) and 32 codes from 0 to 15, of which 8 is 0."""
    scale = scale.astype("<f2")
    codes = np.clip(np.rint(blocks / _divisor(scale)), -8, 7) + 8
    return np.hstack([_bytes(scale), _nibbles(codes)]).tobytes()


def _divisor(scale: np.ndarray) -> np.ndarray:
    """Return half-precision scales as float32 to divide by, (n, 1); a block of zeros is divided by 1."""
    return np.where(scale == 0, 1, scale).astype(np.float32)[:, None]


def _bytes(scale: np.ndarray) -> np.ndarray:
    """Return half-precision numbers (n,) as (n, 2) bytes."""
    return scale.view(np.uint8).reshape(-1, 2)


def _nibbles(codes: np.ndarray) -> np.ndarray:
    """Return codes (n, 32) from 0 to 15 as (n, 16) bytes: the first half low, the second half high."""
    small = codes.astype(np.uint8)
    return small[:, : BLOCK // 2] | small[:, BLOCK // 2 :] << 4


### END SOLUTION


# ---- the file ----------------------------------------------------------------------------------


def write_gguf(metadata: Mapping[str, Meta], tensors: Mapping[str, Stored]) -> bytes:
    """Return a GGUF file, version 3, little-endian.

    Args:
        metadata: Texts, booleans, integers (int64), floats (float64), or non-empty lists of one of these.
        tensors: For each name its kind, its shape (last axis varies fastest) and its bytes.
    """
    ### BEGIN SOLUTION the counts, the metadata, where each tensor lies, and then the tensors
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        number, data = _value(value)
        head += [_text(key), struct.pack("<I", number), data]
    body = b""
    for name, (kind, shape, data) in tensors.items():
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head += [_text(name), sizes, struct.pack("<IQ", KINDS[kind], len(body))]
        body += _padded(data)
    return _padded(b"".join(head)) + body
    ### END SOLUTION


### BEGIN SOLUTION add functions of your own here if they help
def _value(value: Meta) -> tuple[int, bytes]:
    """Return the number of a value's type and its bytes."""
    if isinstance(value, str):
        return 8, _text(value)
    if isinstance(value, bool):  # before integers: True is one of those, too
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 11, struct.pack("<q", value)
    if isinstance(value, float):
        return 12, struct.pack("<d", value)
    items = [_value(item) for item in value]
    return 9, struct.pack("<IQ", items[0][0], len(items)) + b"".join(data for _, data in items)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)


### END SOLUTION


# ---- a network ---------------------------------------------------------------------------------


def predict(weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Return the logits of a network with three layers, and ReLU between them.

    Args:
        weights: `layer0.weight` (outputs, inputs), `layer0.bias` (outputs,), and so on to `layer2`.
        inputs: (n, 64).

    Returns:
        (n, 32).
    """
    ### BEGIN SOLUTION a matrix and a bias for each layer, and no ReLU after the last
    x = inputs
    for layer in range(LAYERS):
        x = x @ weights[f"layer{layer}.weight"].T + weights[f"layer{layer}.bias"]
        x = np.maximum(x, 0) if layer < LAYERS - 1 else x
    return x
    ### END SOLUTION


def compress(weights: Mapping[str, np.ndarray], inputs: np.ndarray, budget: int) -> bytes:
    """Return the network as a GGUF file that predicts much as the network does.

    Args:
        weights: As for `predict`, float32; the file holds a tensor of the same shape under each name.
        inputs: (1024, 64), drawn as those that the network will be asked about.
        budget: Bytes that the file may take. Every matrix fits in Q4_0 and every bias in F32.
    """
    ### BEGIN SOLUTION the kinds that lose least and fit, with codes that make up for each other's errors
    biases = {name: ("F32", w.shape, encode(w, "F32")) for name, w in weights.items() if w.ndim == 1}
    forms, x = [], inputs
    for layer in range(LAYERS):
        matrix, bias = weights[f"layer{layer}.weight"], weights[f"layer{layer}.bias"]
        forms.append((_in_four_bits(matrix, x), (("Q8_0", matrix.shape, encode(matrix, "Q8_0")), matrix)))
        x = np.maximum(x @ matrix.T + bias, 0)
    wanted = predict(weights, inputs)
    best, least = b"", np.inf
    for chosen in itertools.product(*forms):
        named = {f"layer{layer}.weight": form for layer, form in enumerate(chosen)}
        file = write_gguf({}, {name: stored for name, (stored, _) in named.items()} | biases)
        told = dict(weights) | {name: values for name, (_, values) in named.items()}
        if len(file) <= budget and (lost := _lost(wanted, predict(told, inputs))) < least:
            best, least = file, lost
    return best
    ### END SOLUTION


### BEGIN SOLUTION add functions of your own here if they help
def _in_four_bits(matrix: np.ndarray, x: np.ndarray) -> tuple[Stored, np.ndarray]:
    """Return a matrix (out, in) for inputs x (n, in) as Q4_0 stores it, and the values that a reader finds."""
    scale, values = _rounded(matrix.astype(np.float64), x)
    return ("Q4_0", matrix.shape, _q4_0(values.reshape(-1, BLOCK), scale)), values


def _rounded(matrix: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scales (blocks,) and values (out, in) on their 16 levels, so that x @ values.T stays near.

    The error of a layer's outputs is E H E^T with E the error of its weights and H = x^T x: errors
    of inputs that move together can cancel. So one column after the other takes the levels
    that are best given all others, three times.
    """
    moments = x.T @ x / len(x)  # (in, in)
    moments += 0.01 * np.trace(moments) / len(moments) * np.eye(len(moments))
    scale = _scales(matrix, np.diag(moments))  # (out * in / 32,)
    steps = np.repeat(scale.reshape(len(matrix), -1), BLOCK, axis=1).astype(np.float64)  # (out, in)
    values = np.clip(np.rint(matrix / steps), -8, 7) * steps
    for _ in range(3):
        for column in range(matrix.shape[1]):
            error = matrix - values
            error[:, column] = 0
            target = matrix[:, column] + error @ moments[:, column] / moments[column, column]
            step = steps[:, column]
            values[:, column] = np.clip(np.rint(target / step), -8, 7) * step
    return scale, values


def _scales(matrix: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Return the scale of each block (blocks,) with the least error, weighed by the inputs' size (in,)."""
    blocks = matrix.reshape(-1, BLOCK)
    weight = np.broadcast_to(importance, matrix.shape).reshape(-1, BLOCK)
    usual = np.where(_widest(blocks) == 0, 1, _widest(blocks) / -8)
    tried = [(usual * factor).astype(np.float16) for factor in np.linspace(0.7, 1.1, 9)]
    errors = []
    for scale in tried:
        step = scale.astype(np.float64)[:, None]
        rounded = np.clip(np.rint(blocks / step), -8, 7) * step
        errors.append((weight * (rounded - blocks) ** 2).sum(axis=1))
    best = np.argmin(errors, axis=0)  # (blocks,)
    return np.stack(tried)[best, np.arange(len(blocks))]


def _lost(wanted: np.ndarray, told: np.ndarray) -> float:
    """Return the mean divergence of the predictions from those wanted, both logits, in nats."""
    logs = [z - np.logaddexp.reduce(z, axis=1, keepdims=True) for z in (wanted, told)]
    return float((np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1).mean())


### END SOLUTION
