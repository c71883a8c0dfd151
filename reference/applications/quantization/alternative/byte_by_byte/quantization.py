"""Block by block and value by value, with lists and struct; NumPy for what has to be fast."""

import math
import struct

import numpy as np

NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8}


def symmetric(values, bits, axis=None):
    top = (1 << (bits - 1)) - 1
    if axis is None:
        reach = float(np.max(np.abs(values))) or float(top)
        return np.round(values / (reach / top)).astype("int8"), np.array(reach / top, dtype="float32")
    turned = np.moveaxis(values.astype("float64"), axis, 0)
    scales = [(float(np.abs(part).max()) / top) or 1.0 for part in turned]
    codes = np.stack([np.round(part / scale) for part, scale in zip(turned, scales, strict=True)])
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.moveaxis(codes, 0, axis).astype("int8"), np.array(scales, dtype="float32").reshape(shape)


def asymmetric(values, bits):
    top = (1 << bits) - 1
    numbers = values.astype("float64")
    low, high = np.minimum(numbers.min(), 0), np.maximum(numbers.max(), 0)
    if low == high:
        return np.zeros(values.shape, "uint8"), 1.0, 0
    scale = (high - low) / top
    zero = math.floor(-low / scale + 0.5)
    codes = np.floor(numbers / scale + 0.5) + zero
    return np.minimum(np.maximum(codes, 0), top).astype("uint8"), float(scale), int(zero)


def restore(codes, scale, zero=0):
    return (scale * (codes.astype("int32") - zero)).astype("float32")


def clip_limit(samples, bits):
    """Golden-section steps are lost among the steps of rounding; a fine ladder is not."""
    top = (1 << (bits - 1)) - 1
    limit, best, least = float(np.abs(samples).max()), 0.0, math.inf
    smallest = limit / 100
    while limit >= smallest:
        codes = np.minimum(np.maximum(np.round(samples * top / limit), -top), top)
        error = float(np.square(codes * (limit / top) - samples).sum())
        if error < least:
            best, least = limit, error
        limit *= 0.985
    return best


def half(number):
    return struct.unpack("<e", struct.pack("<e", number))[0]


def one_block(block, kind, scale=None):
    """Return the bytes of 32 floats."""
    if kind == "Q8_0":
        scale = half(max(map(abs, block)) / 127) or 1.0
        return struct.pack("<e32b", scale, *(max(-127, min(127, round(v / scale))) for v in block))
    if kind == "Q4_0":
        scale = half(max(block, key=abs) / -8 if scale is None else scale) or 1.0
        codes = [max(0, min(15, round(v / scale) + 8)) for v in block]
        head = struct.pack("<e", scale)
    else:
        least = half(min(block))
        scale = half((max(block) - min(block)) / 15) or 1.0
        codes = [max(0, min(15, round((v - least) / scale))) for v in block]
        head = struct.pack("<ee", scale, least)
    return head + bytes(low + 16 * high for low, high in zip(codes[:16], codes[16:], strict=True))


def encode(values, kind):
    if kind == "F32":
        return values.astype("<f4").tobytes()
    if kind == "F16":
        return values.astype("<f2").tobytes()
    return b"".join(one_block(block, kind) for block in values.reshape(-1, 32).tolist())


def text(words):
    data = words.encode("utf-8")
    return struct.pack("<Q%ds" % len(data), len(data), data)


def typed(value):
    match value:
        case bool():
            return 7, bytes([value])
        case int():
            return 11, struct.pack("<q", value)
        case float():
            return 12, struct.pack("<d", value)
        case str():
            return 8, text(value)
    pairs = [typed(each) for each in value]
    return 9, struct.pack("<IQ", pairs[0][0], len(pairs)) + b"".join(data for _, data in pairs)


def write_gguf(metadata, tensors):
    file, data, offset = bytearray(b"GGUF"), bytearray(), 0
    file += struct.pack("<I", 3) + struct.pack("<Q", len(tensors)) + struct.pack("<Q", len(metadata))
    for key in metadata:
        number, value = typed(metadata[key])
        file += text(key) + struct.pack("<I", number) + value
    for name in tensors:
        kind, shape, stored = tensors[name]
        file += text(name) + struct.pack("<I", len(shape))
        for size in list(shape)[::-1]:
            file += struct.pack("<Q", size)
        file += struct.pack("<IQ", NUMBERS[kind], offset)
        data += stored
        while len(data) % 32:
            data.append(0)
        offset = len(data)
    while len(file) % 32:
        file.append(0)
    return bytes(file + data)


def layer_of(weights, number, x):
    return x @ weights[f"layer{number}.weight"].T + weights[f"layer{number}.bias"]


def predict(weights, inputs):
    first = np.maximum(layer_of(weights, 0, inputs), 0)
    return layer_of(weights, 2, np.maximum(layer_of(weights, 1, first), 0))


def steps_of(matrix, importance):
    """Return a step for each weight, (out, in): the better of some for each block of 32."""
    blocks = matrix.reshape(len(matrix), -1, 32)
    weight = importance.reshape(-1, 32)
    place = np.abs(blocks).argmax(axis=2)[..., None]
    usual = np.take_along_axis(blocks, place, axis=2) / -8
    best, least = usual, np.full(usual.shape, np.inf)
    for factor in np.arange(0.68, 1.13, 0.04):
        step = (usual * factor).astype("float16").astype("float64")
        near = np.clip(np.round(blocks / step), -8, 7) * step
        error = (weight * (near - blocks) ** 2).sum(axis=2, keepdims=True)
        best, least = np.where(error < least, step, best), np.minimum(error, least)
    return np.broadcast_to(best, blocks.shape).reshape(matrix.shape)


def four_bits(matrix, x):
    """Return codes times steps such that x @ values.T is near, row blocks changed in a random order."""
    moments = x.T @ x / len(x)
    moments = moments + 0.01 * np.diag(moments).mean() * np.eye(len(moments))
    steps = steps_of(matrix, np.diag(moments))
    values = np.clip(np.round(matrix / steps), -8, 7) * steps
    pull = (matrix - values) @ moments  # (out, in): half the slope of the loss, downhill
    order = np.random.default_rng(0)
    for _ in range(4):
        for column in order.permutation(matrix.shape[1]):
            wish = values[:, column] + pull[:, column] / moments[column, column]
            step = steps[:, column]
            moved = np.clip(np.round(wish / step), -8, 7) * step - values[:, column]
            values[:, column] += moved
            pull -= moved[:, None] * moments[column]
    return steps, values


def compress(weights, inputs, budget):
    tensors, x = {}, inputs.astype("float64")
    for number in range(3):
        matrix, bias = weights[f"layer{number}.weight"], weights[f"layer{number}.bias"]
        if number < 2:
            steps, values = four_bits(matrix.astype("float64"), x)
            rows = zip(values.reshape(-1, 32).tolist(), steps.reshape(-1, 32)[:, 0].tolist(), strict=True)
            stored = "Q4_0", b"".join(one_block(block, "Q4_0", step) for block, step in rows)
        else:
            values, stored = matrix, ("Q8_0", encode(matrix, "Q8_0"))
        tensors[f"layer{number}.weight"] = (stored[0], matrix.shape, stored[1])
        tensors[f"layer{number}.bias"] = ("F32", bias.shape, encode(bias, "F32"))
        x = np.maximum(x @ matrix.T + bias, 0)
    return write_gguf({"general.architecture": "mlp"}, tensors)
