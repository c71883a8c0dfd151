"""Hidden checks: learners see their titles, outcomes and hints."""

from dataclasses import replace

import numpy as np

from harness.grading import Measurement, assert_close, check, expect_array, expect_number, metric, wrong
from harness.metrics.compression import flip_rate
from harness.metrics.intervals import measurement, t_interval

# ---- integers and their scales ---------------------------------------------------------------


@check(
    points=3,
    needs=("a_scale_for_each_channel", "zero_has_a_code"),
    hint="a largest magnitude of 0 gives a scale of 0: divide by 1 there",
)
def test_nothing_needs_no_scale(own_code, parted, rng):
    """Where all values are 0 the scale is 1, and nothing is divided by 0"""
    values = rng.normal(size=(5, 7)).astype(np.float32)
    row = int(rng.integers(5))
    values[row] = 0
    codes, scale = parted(own_code.symmetric(values, 8, 0), ("codes", "scale"), "symmetric(values, 8, 0)")
    truth = np.abs(values).max(axis=1, keepdims=True) / 127
    truth[row] = 1
    assert_close(scale, truth, what="scales where a row is 0")
    if expect_array(codes, shape=(5, 7), what="the codes")[row].any():
        wrong("symmetric(values, 8, 0): a row of zeros has other codes than 0.")
    answer = own_code.asymmetric(np.zeros((3, 4), np.float32), 4)
    codes, scale, zero = parted(answer, ("codes", "scale", "zero"), "asymmetric(zeros, 4)")
    assert_close([expect_number(scale), expect_number(zero)], [1, 0], what="asymmetric of zeros")
    assert_close(codes, np.zeros((3, 4)), what="the codes of zeros")


@check(
    points=4,
    needs="one_scale_for_all",
    hint="try many limits, evenly in their logarithm, from a hundredth of the largest magnitude up",
)
def test_limit_trades_range_for_precision(own_code, rng):
    """The limit clips rare large values where that makes all others finer"""
    for bits, tail in ((4, 2.5), (3, 4.0), (8, 3.0), (6, 1e9)):
        samples = rng.uniform(0.1, 20) * (
            rng.standard_t(tail, size=4000) if tail < 99 else rng.normal(size=4000)
        )
        answer = expect_number(own_code.clip_limit(samples, bits), what="clip_limit(samples, bits)")
        if answer <= 0:
            wrong("clip_limit(samples, bits): a limit is above 0.")
        tried = np.abs(samples).max() * np.geomspace(0.003, 1, 400)
        least = min(_clipped_error(samples, bits, limit) for limit in tried)
        if not _clipped_error(samples, bits, answer) <= 1.02 * least:
            wrong(f"clip_limit(samples, {bits}): another limit has a smaller mean squared error.")


def _clipped_error(samples, bits, limit):
    top = 2 ** (bits - 1) - 1
    restored = np.clip(np.rint(samples * (top / limit)), -top, top) * (limit / top)
    return float(((restored - samples) ** 2).mean())


# ---- blocks of a file ------------------------------------------------------------------------


@check(
    points=4,
    needs="blocks_of_eight_bits",
    hint="scale = the value of largest magnitude / -8; code = round(value / scale) + 8, at most 15; "
    "codes 0 to 15 are the low halves of the bytes, 16 to 31 the high ones",
)
def test_blocks_of_four_bits(own_code, decode, plain, rng):
    """Q4_0: 16 levels around 0, two codes in a byte"""
    _require_rounded(own_code, decode, plain, rng.normal(size=(40, 64)), "Q4_0")


@check(
    points=4,
    needs="blocks_of_eight_bits",
    hint="scale = (largest - least) / 15 and the least value, both float16, then codes from 0",
)
def test_blocks_with_a_least_value(own_code, decode, plain, rng):
    """Q4_1: 16 levels from the least value to the largest"""
    _require_rounded(own_code, decode, plain, rng.normal(size=(40, 64)) + 2, "Q4_1")


def _require_rounded(own_code, decode, plain, drawn, kind):
    values = (np.exp(np.linspace(-2, 2, len(drawn)))[:, None] * drawn).astype(np.float32)
    values[7, 32:] = 0.75 if kind == "Q4_1" else 0  # a block without a range
    found = decode(own_code.encode(values, kind), kind, values.shape, f"encode(values, '{kind}')")
    errors, usual = (
        (((one - values) / np.abs(values).max(axis=1, keepdims=True)) ** 2).sum()
        for one in (found, plain(values, kind))
    )
    if errors > 1.1 * usual:
        wrong(f"encode(values, '{kind}'): the values that a reader finds are not the nearest that it can.")


# ---- the file --------------------------------------------------------------------------------


@check(
    points=4,
    hint="each entry: key, type number, value; a text is its length in bytes as uint64, then UTF-8; "
    "True is an int in Python, too",
)
def test_metadata_come_back(own_code, read, rng):
    """Texts, switches, numbers and lists are read back, each as its type"""
    given = {
        "general.architecture": "mlp",
        "general.name": "größer — " + "x" * int(rng.integers(5)),
        "mlp.empty": "",
        "mlp.trained": bool(rng.integers(2)),
        "mlp.steps": int(rng.integers(-(2**40), 2**40)),
        "mlp.loss": float(rng.normal()),
        "mlp.widths": [int(width) for width in rng.integers(1, 999, size=3)],
        "mlp.words": ["a", "über", "", "word"],
        "mlp.scales": [float(one) for one in rng.normal(size=4)],
        "mlp.used": [True, False, True],
    }
    named = {str: "STRING", bool: "BOOL", int: "INT64", float: "FLOAT64"}
    file = read(own_code.write_gguf(given, {}), "write_gguf(metadata, {})")
    if list(file.metadata) != list(given):
        wrong("write_gguf: the keys that come back are not those given, in their order.")
    for key, value in given.items():
        single = named[type(value[0] if isinstance(value, list) else value)]
        types = ("ARRAY", single) if isinstance(value, list) else (single,)
        if file.types[key] != types:
            wrong(f"write_gguf: {key} comes back as {' of '.join(file.types[key])}.")
        if file.metadata[key] != value:
            wrong(f"write_gguf: {key} comes back with another value.")


@check(
    points=5,
    hint="each tensor: name, number of axes as uint32, sizes as uint64, the last axis first; kind, offset",
)
def test_tensors_come_back(own_code, read, plain, packed, rng):
    """Tensors of every kind are read back with their names, shapes, kinds and values"""
    given = {
        f"block{number}.{kind.lower()}": (kind, rng.normal(size=shape).astype(np.float32))
        for number, (kind, shape) in enumerate(
            [("F32", (4, 24)), ("Q8_0", (3, 2, 64)), ("F16", (16, 6)), ("Q4_0", (5, 32)), ("Q4_1", (2, 96))]
        )
    }
    tensors = {name: (kind, v.shape, packed(v, kind)) for name, (kind, v) in given.items()}
    file = read(own_code.write_gguf({"general.architecture": "test"}, tensors), "write_gguf(…)")
    _require_tensors(file, {name: (kind, plain(v, kind)) for name, (kind, v) in given.items()})


@check(
    points=4,
    needs=("tensors_come_back", "metadata_come_back"),
    hint="after the head and after each tensor, zeros up to the next multiple of 32; offsets count them",
)
def test_tensors_begin_at_multiples_of_32(own_code, read, plain, packed, rng):
    """Heads and tensors of awkward lengths are padded, so that each tensor begins at a multiple of 32"""
    for extra in range(4):
        shapes = [(3,), (1,), (5, 7), (11,), (2, 3, 5)]
        given = {
            f"größe{n}": ("F32", rng.normal(size=shape).astype(np.float32)) for n, shape in enumerate(shapes)
        }
        tensors = {name: (kind, v.shape, packed(v, kind)) for name, (kind, v) in given.items()}
        file = read(own_code.write_gguf({"k" * (1 + 9 * extra): "v"}, tensors), "write_gguf(…)")
        _require_tensors(file, {name: (kind, plain(v, kind)) for name, (kind, v) in given.items()})
        if any(tensor.offset % 32 for tensor in file.tensors.values()):
            wrong("write_gguf: a tensor does not begin at a multiple of 32.")


def _require_tensors(file, given):
    if list(file.tensors) != list(given):
        wrong("write_gguf: the tensors that come back have other names or another order.")
    for name, (kind, values) in given.items():
        found = file.tensors[name]
        if found.kind != kind:
            wrong(f"write_gguf: {kind} comes back as {found.kind}.")
        assert_close(found.values, values, rtol=1e-6, what=f"a tensor of {kind} in the file")


# ---- a network -------------------------------------------------------------------------------


@check(points=3, hint="x @ weight.T + bias for each layer, and np.maximum(…, 0) between layers")
def test_network_predicts(own_code, network):
    """The network is three layers with ReLU between them"""
    inputs = network.asked[:40]
    truth = network.logits(network.weights, inputs)
    assert_close(own_code.predict(network.weights, inputs), truth, rtol=1e-3, atol=1e-3, what="predict(…)")


@check(
    points=4,
    needs="blocks_of_four_bits",
    hint="matrices in Q4_0 and biases in F32 fit; then see what the bytes that are left can buy",
)
def test_file_holds_the_network(compressed, show):
    """The file fits its budget, holds every tensor, and predicts mostly as the network does"""
    first = compressed[0]
    show.text(
        "What the file stores",
        "\n".join(f"{name}: {one.kind} {one.values.shape}" for name, one in first.file.tensors.items()),
        caption=f"{first.file.size:,} bytes of {first.network.budget:,}; {first.network.whole:,} before",
    )
    flips = [
        flip_rate(one.network.truth, one.network.logits(one.weights, one.network.asked)) for one in compressed
    ]
    if max(flips) > 0.5:
        wrong(f"{max(flips):.0%} of the predictions are others than the network's.")


@metric(
    points=12,
    better="lower",
    unit="loss per byte saved, as a share of plain rounding's",
    scale="log",
    pass_share=0.7,
    needs="file_holds_the_network",
    hint="weigh errors by the inputs they meet; let codes mend each other's errors; spend what is left",
)
def test_loses_little_for_each_byte(compressed, show) -> Measurement:
    """Little is lost for each byte that is saved, on inputs that nobody has seen"""
    lost = [max(one.network.lost(one.weights), 1e-9) for one in compressed]
    shares = []
    for one, mine in zip(compressed, lost, strict=True):
        plain, size = one.network.rounded
        usual = one.network.lost(plain) / (one.network.whole - size)
        shares.append(np.log(mine / (one.network.whole - one.file.size) / usual))
    told = ", ".join(f"{1000 * value:.1f}" for value in lost)
    show.text("Nats lost per thousand inputs, by network", told)
    interval = t_interval(shares)
    ends = replace(interval, low=float(np.exp(interval.low)), high=float(np.exp(interval.high)))
    return measurement(float(np.exp(np.mean(shares))), ends, len(shares))
