"""What crosses the wall: everything in the grammar unchanged, nothing else, whatever the bytes are."""

import gc
import json
import math
import random
import resource
import struct
import time
import warnings
from collections import deque
from contextlib import suppress
from enum import IntEnum

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from harness import wire
from tests.fuzzing import FUZZ, cases

RELAXED = cases(150)


def refuse(value):
    raise wire.Unsendable(f"a {type(value).__name__}")


def encoded(value, **options):
    encoder = wire.Encoder(refuse, **options)
    return encoder.encode(value), b"".join(encoder.body)


def decoded(tree, body=b""):
    return wire.Decoder(bytearray(body), lambda handle: handle).decode(tree)


def across(value):
    """Return a value after it went through a whole frame."""
    tree, body = encoded(value)
    data = b"".join(wire.frame({"value": tree}, [body]))
    header_size, body_size = wire.lengths(data[: wire.PREFIX.size], 1 << 30)
    header = wire.parse(data[wire.PREFIX.size : wire.PREFIX.size + header_size])
    rest = data[wire.PREFIX.size + header_size :]
    assert len(rest) == body_size
    return decoded(header["value"], rest)


def same(a, b):
    """Whether two values are equal in type, dtype, shape and every bit, NaN included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, torch.Tensor):
        plain = [x.reshape(-1).clone(memory_format=torch.contiguous_format) for x in (a, b)]
        content = [x.view(torch.uint8).tolist() if x.numel() else [] for x in plain]
        return (a.dtype, a.shape, content[0]) == (b.dtype, b.shape, content[1])
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(p, q) for p, q in zip(a.items(), b.items(), strict=True))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    return repr(a) == repr(b)  # tells NaN, -0.0 and True from 1


# ---- round trips -----------------------------------------------------------------------------

ANY_CHARACTER = st.characters(exclude_categories=())  # halves of surrogate pairs too
KEYS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(60, 12_999).map(lambda bits: 5 - (1 << bits))
    | st.floats()
    | st.complex_numbers()
    | st.text(ANY_CHARACTER, max_size=300)
    | st.binary(max_size=300)
)
NESTED_KEYS = st.recursive(
    KEYS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
SHAPES = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = st.sampled_from(sorted(wire.ARRAY_DTYPES)).flatmap(lambda dtype: npst.arrays(dtype, SHAPES))
VALUES = st.recursive(
    NESTED_KEYS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(NESTED_KEYS, inner, max_size=4)
        | st.sets(NESTED_KEYS, max_size=4)
    ),
    max_leaves=12,
)


@RELAXED
@given(VALUES)
def test_every_value_comes_back_unchanged(value):
    assert same(across(value), value)


VIEWS = {
    "as-it-is": lambda array: array,
    "transposed": lambda array: array.T,
    "every-other": lambda array: array[::2] if array.ndim else array,
    "backwards": lambda array: array[..., ::-1] if array.ndim else array,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "broadcast": lambda array: np.broadcast_to(array, (3, *array.shape)),
    "subclass": np.ma.MaskedArray,
}


@RELAXED
@given(array=ARRAYS, view=st.sampled_from(sorted(VIEWS)))
def test_arrays_of_any_layout_come_back_plain(array, view):
    sent = VIEWS[view](array)
    want = np.asarray(sent).astype(array.dtype.newbyteorder("="))
    assert same(across(sent), want)


def tensor_of(dtype, shape):
    if dtype.is_complex or dtype.is_floating_point:
        return torch.randn(shape).to(dtype)
    return torch.randint(0, 2, shape).to(dtype)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("name", sorted(wire.TENSOR_DTYPES))
def test_tensors_of_every_dtype_and_layout(name, shape):
    tensor = tensor_of(getattr(torch, name), shape)
    views = [tensor, tensor.T if tensor.ndim == 2 else tensor.movedim(0, -1) if shape else tensor]
    views += [tensor.expand(3, *shape), tensor[::2] if shape else tensor]
    for view in views:
        assert same(across(view), view.contiguous())


SPECIAL_TENSORS = {
    "requires-grad": lambda: torch.ones(3, requires_grad=True) * 2,
    "parameter": lambda: torch.nn.Parameter(torch.ones(3)),
    "conjugate-view": lambda: torch.tensor([1 + 2j]).conj(),
    "negative-view": lambda: torch.tensor([1 + 2j]).conj().imag,
    "nan-and-infinity": lambda: torch.tensor([math.nan, math.inf, -0.0]),
}


@pytest.mark.parametrize("make", SPECIAL_TENSORS.values(), ids=SPECIAL_TENSORS)
def test_a_tensor_comes_back_without_what_hung_on_it(make):
    got = across(make())
    assert type(got) is torch.Tensor
    assert not got.requires_grad
    assert same(got, make().detach().resolve_conj().resolve_neg().as_subclass(torch.Tensor))


def test_only_the_bytes_that_a_view_shows_are_sent():
    _, body = encoded(torch.zeros(1 << 20)[:3])
    assert len(body) == wire.ALIGN
    _, body = encoded(np.zeros(1 << 20)[:2])
    assert len(body) == 2 * 8


class Colour(IntEnum):
    RED = 1


class Loud(str):
    __slots__ = ()

    def __str__(self):
        return "loud"

    __repr__ = __str__


class Sly(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


COERCED = {
    "numpy-int": (np.int16(-3), -3),
    "numpy-float": (np.float32(0.5), 0.5),
    "numpy-float64": (np.float64(0.5), 0.5),
    "numpy-bool": (np.bool_(True), True),
    "numpy-complex": (np.complex64(1j), 1j),
    "numpy-text": (np.str_("a"), "a"),
    "array-of-text": (np.array([["a"], ["bc"]]), [["a"], ["bc"]]),
    "enum": (Colour.RED, 1),
    "text-subclass": (Loud("quiet"), "quiet"),
    "equal-to-all": (Sly(3), 3),
    "range": (range(3), [0, 1, 2]),
    "deque": (deque([1, 2]), [1, 2]),
    "dict-views": (({1: 2}.keys(), {1: 2}.values()), ([1], [2])),
    "bytearray": (bytearray(b"ab"), b"ab"),
    "size": (torch.ones(2, 3).shape, (2, 3)),
    "long-text": ("ä" * 300, "ä" * 300),
    "halves-of-a-character": ("\ud83d\ude00" * 2, "\ud83d\ude00" * 2),
    "halves-of-a-character-long": ("\ud83d\ude00" * 200, "\ud83d\ude00" * 200),
}


@pytest.mark.parametrize(("value", "want"), COERCED.values(), ids=COERCED)
def test_near_relatives_become_plain_data(value, want):
    assert same(across(value), want)


def test_buffers_are_aligned():
    tree, body = encoded([b"x", np.ones(3, dtype=np.int8), b"yz", torch.ones(1)])
    assert [part["at"] for part in tree] == [0, 16, 32, 48]
    assert len(body) == 64


def test_objects_become_handles_and_back():
    encoder = wire.Encoder(lambda value: wire.Handle(7, type(value).__name__, callable=callable(value)))
    tree = encoder.encode([object(), len, wire.Handle(3, "mine")])
    assert decoded(tree) == [
        wire.Handle(7, "object"),
        wire.Handle(7, "builtin_function_or_method", callable=True),
        wire.Handle(3, "mine"),
    ]


# ---- refusals --------------------------------------------------------------------------------


def nested(depth, wrap=list):
    value = 0
    for _ in range(depth):
        value = wrap([value])
    return value


def endless():
    value = []
    value.append(value)
    return value


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)


def jagged():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])


UNSENDABLE = {
    "object-array": (lambda: np.array([None, {}]), "dtype object"),
    "dates": (lambda: np.array(["2020-01-01"], dtype="datetime64[D]"), "dtype datetime64"),
    "structured": (lambda: np.zeros(2, dtype="i4,f4"), "dtype"),
    "long-double": (lambda: np.longdouble(1), "use float64"),
    "long-double-array": (lambda: np.ones(2, dtype=np.longdouble), "use a numeric dtype"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "sparse coo"),
    "meta": (lambda: torch.ones(2, device="meta"), "meta"),
    "quantised": (quantised, "quantized"),
    "nested": (jagged, "nested"),
    "float8": (lambda: torch.ones(2).to(torch.float8_e5m2), "float8_e5m2"),
    "too-deep": (lambda: nested(wire.DEPTH_CAP + 1), "deep"),
    "too-deep-tuples": (lambda: nested(wire.DEPTH_CAP + 1, tuple), "deep"),
    "endless": (endless, "deep"),
    "too-many": (lambda: [0] * (wire.NODES_CAP + 1), "return an array"),
    "huge-integer": (lambda: 1 << 13_001, "13,000 bits"),
    "range-as-key": (lambda: {range(2): 1}, "use a tuple"),
    "function": (lambda: len, "builtin"),
    "inside-others": (lambda: {"a": [1, (object(),)]}, "a object"),
}


@pytest.mark.parametrize(("make", "words"), UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_cannot_cross_is_refused_in_words(make, words):
    with pytest.raises(wire.Unsendable, match=words):
        encoded(make())


def test_the_deepest_and_longest_values_still_cross():
    assert same(across(nested(wire.DEPTH_CAP)), nested(wire.DEPTH_CAP))
    assert across([0] * (wire.NODES_CAP - 1)) == [0] * (wire.NODES_CAP - 1)


def test_a_header_over_its_cap_is_refused():
    with pytest.raises(wire.Unsendable, match="structure"):
        wire.frame({"value": ["x" * 250] * (wire.HEADER_CAP // 250)})


def test_a_body_over_its_cap_is_refused_before_all_is_copied():
    with pytest.raises(wire.Unsendable, match="larger than the 1 MiB"):
        encoded([np.zeros(1 << 16), np.zeros(1 << 17)], cap=1 << 20)


# ---- hostile frames --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "body"),
    [(wire.HEADER_CAP + 1, 0), (2**32 - 1, 0), (0, (1 << 20) + 1), (0, 2**64 - 1)],
    ids=["header", "header-4-GiB", "body", "body-16-EiB"],
)
def test_lengths_over_the_caps_are_refused(header, body):
    with pytest.raises(wire.ProtocolError, match="over the limit"):
        wire.lengths(struct.pack(">IQ", header, body), 1 << 20)


NOT_HEADERS = {
    "empty": b"",
    "not-utf8": b'{"a": "\xff"}',
    "cut": b'{"value": [1, 2',
    "nan": b'{"value": NaN}',
    "infinity": b'{"value": -Infinity}',
    "array": b"[1]",
    "number": b"7",
    "two": b"{}{}",
    "deep": b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-objects": b'{"a":' * 100_000,
    "long-integer": b'{"value": ' + b"9" * 5000 + b"}",
    "trailing-comma": b'{"value": [1,]}',
}


@pytest.mark.parametrize("header", NOT_HEADERS.values(), ids=NOT_HEADERS)
def test_what_is_not_a_header_is_refused(header):
    with pytest.raises(wire.ProtocolError, match="a header is not"):
        wire.parse(header)


def array(**changes):
    return {"t": "array", "dtype": "float32", "shape": [2], "at": 0, "size": 8} | changes


MANY = (1 << 61) - 1
"""Integers that differ by a multiple of this have the same hash."""
MALFORMED = {
    "unknown-type": {"t": "object"},
    "no-type": {"v": 1},
    "type-is-a-list": {"t": ["array"]},
    "type-is-null": {"t": None},
    "empty": {},
    "deep": nested(2 * wire.DEPTH_CAP + 1),
    "no-dtype": {"t": "array", "shape": [2], "at": 0, "size": 8},
    "dtype-object": array(dtype="object"),
    "dtype-structured": array(dtype="f4,f4"),
    "dtype-of-a-list": array(dtype=["float32"]),
    "dtype-none": array(dtype=None),
    "shape-too-large": array(shape=[3]),
    "shape-too-small": array(shape=[1]),
    "shape-negative": array(shape=[-2]),
    "shape-two-negatives": array(shape=[-1, -2]),
    "shape-bool": array(shape=[True, 2]),
    "shape-float": array(shape=[2.0]),
    "shape-text": array(shape="2"),
    "shape-object": array(shape={}, size=4),
    "shape-null": array(shape=None),
    "shape-17-axes": array(shape=[1] * 16 + [2]),
    "shape-overflows": array(shape=[1 << 47, 1 << 47]),
    "shape-overflows-but-empty": array(shape=[0, 1 << 47, 1 << 47], size=0),
    "tensor-overflows-but-empty": array(t="tensor", shape=[0, 1 << 47, 1 << 47], size=0),
    "tensor-dtype": array(t="tensor", dtype="qint8"),
    "tensor-attribute": array(t="tensor", dtype="Tensor"),
    "at-negative": array(at=-8),
    "at-beyond": array(at=64),
    "at-unaligned": array(at=8),
    "at-bool": array(at=False),
    "at-float": array(at=0.0),
    "at-missing": {"t": "bytes", "size": 1},
    "size-negative": {"t": "bytes", "at": 0, "size": -1},
    "size-beyond": {"t": "bytes", "at": 0, "size": 65},
    "size-huge": {"t": "bytes", "at": 0, "size": 1 << 62},
    "buffers-overlap": [{"t": "bytes", "at": 0, "size": 64}, {"t": "str", "at": 0, "size": 1}],
    "text-not-utf8": {"t": "str", "at": 0, "size": 64},
    "list-as-key": {"t": "dict", "v": [[[1], 2]]},
    "dict-as-key": {"t": "dict", "v": [[{"t": "dict", "v": []}, 2]]},
    "array-as-key": {"t": "dict", "v": [[array(), 2]]},
    "list-in-set": {"t": "set", "v": [[1]]},
    "list-in-frozenset": {"t": "frozenset", "v": [[1]]},
    "dict-of-triples": {"t": "dict", "v": [[1, 2, 3]]},
    "dict-of-numbers": {"t": "dict", "v": [1]},
    "dict-null": {"t": "dict", "v": None},
    "set-of-text": {"t": "set", "v": "abc"},
    "keys-that-collide": {"t": "dict", "v": [[i * MANY, 0] for i in range(100)]},
    "members-that-collide": {"t": "set", "v": [i * MANY for i in range(100)]},
    "tuples-that-collide": {"t": "set", "v": [{"t": "tuple", "v": [i * MANY]} for i in range(100)]},
    "tuple-of-text": {"t": "tuple", "v": "ab"},
    "tuple-missing": {"t": "tuple"},
    "float-number": {"t": "float", "v": 1},
    "float-text": {"t": "float", "v": "1e5"},
    "complex-text": {"t": "complex", "v": ["1", "2"]},
    "complex-short": {"t": "complex", "v": [1.0]},
    "complex-of-bytes": {"t": "complex", "v": [{"t": "bytes", "at": 0, "size": 1}, 1.0]},
    "integer-number": {"t": "int", "v": 1},
    "integer-words": {"t": "int", "v": "one"},
    "integer-long": {"t": "int", "v": "9" * 4001},
    "handle-text": {"t": "handle", "id": "1", "shown": "x", "callable": False},
    "handle-huge": {"t": "handle", "id": 1 << 31, "shown": "x", "callable": False},
    "handle-bool": {"t": "handle", "id": True, "shown": "x", "callable": False},
    "handle-unnamed": {"t": "handle", "id": 1, "shown": 2, "callable": False},
    "handle-short": {"t": "handle", "id": 1, "shown": "x"},
}


@pytest.mark.parametrize("tree", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_value_is_a_protocol_error(tree):
    with pytest.raises(wire.ProtocolError):
        decoded(tree, b"\xff" * 64)


def test_bytes_of_a_boolean_are_read_as_booleans():
    """Any byte may come; one that is neither 0 nor 1 would be both true and not equal to true."""
    tree = {"dtype": "bool", "shape": [3], "at": 0, "size": 3}
    assert decoded({"t": "array", **tree}, b"\x00\x01\xff" + bytes(13)).view(np.uint8).tolist() == [0, 1, 1]
    assert decoded({"t": "tensor", **tree}, b"\x00\x01\xff" + bytes(13)).view(torch.uint8).tolist() == [
        0,
        1,
        1,
    ]


def test_a_handle_shows_little():
    handle = decoded({"t": "handle", "id": -5, "shown": "x" * 10_000, "callable": 1})
    assert handle == wire.Handle(-5, "x" * 200, callable=False)


# ---- fuzzing ---------------------------------------------------------------------------------

FRAMES = 20_000 * FUZZ
WORST_SECONDS = 0.010
ODD = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    15,
    16,
    17,
    1 << 31,
    1 << 48,
    1 << 63,
    -(1 << 63),
    10**400,
    0.5,
    1e308,
    -0.0,
]
ODD += ["", "nan", "inf", "9" * 100, "float32", "bool", "bfloat16", "\ud800", "a\x00", "x" * 300]
KINDS = [*wire._DECODERS, "object", "", "list"]
FIELDS = ["t", "v", "at", "size", "dtype", "shape", "id", "shown", "callable"]
GOOD = [
    [1, "a", None, {"t": "tuple", "v": [1.5, {"t": "float", "v": "nan"}]}],
    {"t": "dict", "v": [["k", {"t": "array", "dtype": "float32", "shape": [2, 2], "at": 0, "size": 16}]]},
    {"t": "tensor", "dtype": "int64", "shape": [1, 2], "at": 16, "size": 16},
    {"t": "complex", "v": [1.0, 2.0]},
    {"t": "set", "v": [1, {"t": "bytes", "at": 32, "size": 16}]},
    {"t": "int", "v": "123456789012345678901234567890"},
    {"t": "handle", "id": 3, "shown": "Model", "callable": True},
    {"t": "str", "at": 0, "size": 20},
]


def broken(rng, tree, depth=0):
    """Return a tree with some of it replaced by what is nearly right."""
    if depth > 6 or rng.random() < 0.08:
        return rng.choice([rng.choice(ODD), rng.choice(GOOD), [], {}])
    if isinstance(tree, list):
        items = [broken(rng, item, depth + 1) for item in tree]
        return items * rng.choice([0, 1, 1, 1, 1, 2])
    if isinstance(tree, dict):
        copy = {key: broken(rng, value, depth + 1) for key, value in tree.items()}
        if rng.random() < 0.15:
            copy[rng.choice(FIELDS)] = rng.choice([*KINDS, *ODD])
        if rng.random() < 0.05:
            copy.pop(rng.choice(list(copy)), None)
        return copy
    return rng.choice(ODD) if rng.random() < 0.1 else tree


def frames(rng, count):
    """Yield headers and bodies: broken trees, and whole ones with bytes changed, cut or doubled."""
    for index in range(count):
        tree = broken(rng, rng.choice(GOOD))
        header = bytearray(json.dumps({"value": tree}).encode())
        if index % 3 == 0:
            for _ in range(rng.randint(1, 4)):
                header[rng.randrange(len(header))] = rng.choice(b'{}[]",:0123456789.eE-tvnul\\\x00\xff')
        if index % 50 == 0:
            header = header[: rng.randrange(len(header))] * rng.choice([1, 2])
        yield bytes(header), bytearray(rng.randbytes(rng.choice([0, 16, 48, 64])))


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_no_frame_raises_anything_but_a_protocol_error():
    across([np.ones(1), torch.ones(1)])  # what is imported and set up once is no case
    rng, before, slowest, good = random.Random(20011), peak_mib(), 0.0, 0
    gc.collect()
    gc.disable()  # a collection of all that the tests hold would be counted to one case
    try:
        for header, body in frames(rng, FRAMES):
            began = time.thread_time()
            with suppress(wire.ProtocolError):
                decoded(wire.parse(header).get("value"), body)
                good += 1
            slowest = max(slowest, time.thread_time() - began)
    finally:
        gc.enable()
    assert slowest < WORST_SECONDS
    assert peak_mib() - before < 64
    assert FRAMES // 20 < good < FRAMES * 9 // 10, "the fuzzer makes only one kind of frame"


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (lambda: [0] * 4_000_000, 3),
        (lambda: [i * MANY for i in range(200_000)], 3),
        (lambda: {"t": "set", "v": [i * MANY for i in range(200_000)]}, 3),
        (lambda: {"t": "dict", "v": [[str(i), i] for i in range(200_000)]}, 5),
        (lambda: [{"t": "bytes", "at": 0, "size": 1 << 20}] * 100_000, 3),
        (lambda: [{"t": "array", "dtype": "bool", "shape": [1 << 20], "at": 0, "size": 1 << 20}] * 60_000, 3),
    ],
    ids=[
        "numbers",
        "large-numbers",
        "colliding-members",
        "many-keys",
        "the-same-bytes-again",
        "the-same-booleans-again",
    ],
)
def test_the_largest_headers_cost_little(make, seconds):
    header = json.dumps({"value": make()}, separators=(",", ":")).encode()
    assert len(header) <= wire.HEADER_CAP
    before, began = peak_mib(), time.thread_time()
    with suppress(wire.ProtocolError):
        decoded(wire.parse(header)["value"], bytes(1 << 20))
    assert time.thread_time() - began < seconds
    assert peak_mib() - before < 512
