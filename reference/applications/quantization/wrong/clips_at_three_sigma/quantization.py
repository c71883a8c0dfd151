import itertools
import struct
from collections.abc import Mapping, Sequence
import numpy as np

Meta = str | bool | int | float | Sequence[str] | Sequence[int] | Sequence[float]
Stored = tuple[str, Sequence[int], bytes]
BLOCK = 32
ALIGNMENT = 32
KINDS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8}
LAYERS = 3


def symmetric(values, bits, axis=None):
    others = None if axis is None else tuple(set(range(values.ndim)) - {axis % values.ndim})
    largest = np.abs(values).max(axis=others, keepdims=axis is not None)
    top = 2 ** (bits - 1) - 1
    scale = np.where(largest > 0, largest / top, 1)
    return (np.rint(values / scale).astype(np.int8), scale.astype(np.float32))


def asymmetric(values, bits):
    low, high = (min(float(values.min()), 0.0), max(float(values.max()), 0.0))
    top = 2**bits - 1
    scale = (high - low) / top if high > low else 1.0
    zero = round(-low / scale)
    codes = np.clip(np.rint(values / scale) + zero, 0, top)
    return (codes.astype(np.uint8), scale, zero)


def restore(codes, scale, zero=0):
    return ((codes.astype(np.float32) - zero) * scale).astype(np.float32)


def clip_limit(samples, bits):
    return 3 * float(samples.std())


def encode(values, kind):
    if kind in ("F32", "F16"):
        return values.astype("<f4" if kind == "F32" else "<f2").tobytes()
    blocks = values.reshape(-1, BLOCK).astype(np.float32)
    if kind == "Q8_0":
        return _q8_0(blocks, np.abs(blocks).max(axis=1) / 127)
    if kind == "Q4_0":
        return _q4_0(blocks, _widest(blocks) / -8)
    low, high = (blocks.min(axis=1), blocks.max(axis=1))
    scale, least = (((high - low) / 15).astype("<f2"), low.astype("<f2"))
    codes = np.clip(np.rint((blocks - least[:, None]) / _divisor(scale)), 0, 15)
    return np.hstack([_bytes(scale), _bytes(least), _nibbles(codes)]).tobytes()


def _widest(blocks):
    place = np.abs(blocks).argmax(axis=1)
    return blocks[np.arange(len(blocks)), place]


def _q8_0(blocks, scale):
    scale = scale.astype("<f2")
    codes = np.clip(np.rint(blocks / _divisor(scale)), -127, 127).astype(np.int8)
    return np.hstack([_bytes(scale), codes.view(np.uint8)]).tobytes()


def _q4_0(blocks, scale):
    scale = scale.astype("<f2")
    codes = np.clip(np.rint(blocks / _divisor(scale)), -8, 7) + 8
    return np.hstack([_bytes(scale), _nibbles(codes)]).tobytes()


def _divisor(scale):
    return np.where(scale == 0, 1, scale).astype(np.float32)[:, None]


def _bytes(scale):
    return scale.view(np.uint8).reshape(-1, 2)


def _nibbles(codes):
    small = codes.astype(np.uint8)
    return small[:, : BLOCK // 2] | small[:, BLOCK // 2 :] << 4


def write_gguf(metadata, tensors):
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


def _value(value):
    if isinstance(value, str):
        return (8, _text(value))
    if isinstance(value, bool):
        return (7, struct.pack("<?", value))
    if isinstance(value, int):
        return (11, struct.pack("<q", value))
    if isinstance(value, float):
        return (12, struct.pack("<d", value))
    items = [_value(item) for item in value]
    return (9, struct.pack("<IQ", items[0][0], len(items)) + b"".join((data for _, data in items)))


def _text(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def predict(weights, inputs):
    x = inputs
    for layer in range(LAYERS):
        x = x @ weights[f"layer{layer}.weight"].T + weights[f"layer{layer}.bias"]
        x = np.maximum(x, 0) if layer < LAYERS - 1 else x
    return x


def compress(weights, inputs, budget):
    biases = {name: ("F32", w.shape, encode(w, "F32")) for name, w in weights.items() if w.ndim == 1}
    forms, x = ([], inputs)
    for layer in range(LAYERS):
        matrix, bias = (weights[f"layer{layer}.weight"], weights[f"layer{layer}.bias"])
        forms.append((_in_four_bits(matrix, x), (("Q8_0", matrix.shape, encode(matrix, "Q8_0")), matrix)))
        x = np.maximum(x @ matrix.T + bias, 0)
    wanted = predict(weights, inputs)
    best, least = (b"", np.inf)
    for chosen in itertools.product(*forms):
        named = {f"layer{layer}.weight": form for layer, form in enumerate(chosen)}
        file = write_gguf({}, {name: stored for name, (stored, _) in named.items()} | biases)
        told = dict(weights) | {name: values for name, (_, values) in named.items()}
        if len(file) <= budget and (lost := _lost(wanted, predict(told, inputs))) < least:
            best, least = (file, lost)
    return best


def _in_four_bits(matrix, x):
    scale, values = _rounded(matrix.astype(np.float64), x)
    return (("Q4_0", matrix.shape, _q4_0(values.reshape(-1, BLOCK), scale)), values)


def _rounded(matrix, x):
    moments = x.T @ x / len(x)
    moments += 0.01 * np.trace(moments) / len(moments) * np.eye(len(moments))
    scale = _scales(matrix, np.diag(moments))
    steps = np.repeat(scale.reshape(len(matrix), -1), BLOCK, axis=1).astype(np.float64)
    values = np.clip(np.rint(matrix / steps), -8, 7) * steps
    for _ in range(3):
        for column in range(matrix.shape[1]):
            error = matrix - values
            error[:, column] = 0
            target = matrix[:, column] + error @ moments[:, column] / moments[column, column]
            step = steps[:, column]
            values[:, column] = np.clip(np.rint(target / step), -8, 7) * step
    return (scale, values)


def _scales(matrix, importance):
    blocks = matrix.reshape(-1, BLOCK)
    weight = np.broadcast_to(importance, matrix.shape).reshape(-1, BLOCK)
    usual = np.where(_widest(blocks) == 0, 1, _widest(blocks) / -8)
    tried = [(usual * factor).astype(np.float16) for factor in np.linspace(0.7, 1.1, 9)]
    errors = []
    for scale in tried:
        step = scale.astype(np.float64)[:, None]
        rounded = np.clip(np.rint(blocks / step), -8, 7) * step
        errors.append((weight * (rounded - blocks) ** 2).sum(axis=1))
    best = np.argmin(errors, axis=0)
    return np.stack(tried)[best, np.arange(len(blocks))]


def _lost(wanted, told):
    logs = [z - np.logaddexp.reduce(z, axis=1, keepdims=True) for z in (wanted, told)]
    return float((np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1).mean())
