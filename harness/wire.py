"""Frames and values: what may cross the wall, for both sides of it.

A frame is `u32 header length | u64 body length | header | body`, big-endian. The header is
JSON; the body holds the bytes of arrays, tensors, long texts and byte strings, each at a
multiple of 16. Lengths are checked against caps before anything is allocated.

Values are None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset,
NumPy arrays, torch tensors, and references to objects that stay inside (`handle`). Nothing
else crosses, nothing is pickled, and no name in a message is ever imported. NumPy and torch
are imported only when a value asks for them.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = struct.Struct(">IQ")
HEADER_CAP: Final = 8 << 20
BODY_CAP: Final = 1 << 30
NODES_CAP: Final = 500_000
DEPTH_CAP: Final = 32
SHORT_TEXT: Final = 256
ALIGN: Final = 16
ALIKE_CAP: Final = 64
"""How many keys may share a hash; a set of many such takes time without end."""
TENSOR_DTYPES: Final = frozenset(
    {"bool", "int8", "int16", "int32", "int64", "uint8"}
    | {"float16", "bfloat16", "float32", "float64", "complex64", "complex128"}
)
ARRAY_DTYPES: Final = (TENSOR_DTYPES - {"bfloat16"}) | {"uint16", "uint32", "uint64"}

Buffer = bytes | bytearray | memoryview
Tree = Any
"""What JSON holds: None, bool, int, float, str, list, dict."""


class ProtocolError(Exception):
    """The other side sent something that the protocol does not allow."""


class Unsendable(Exception):
    """A value cannot cross the wall; the text says what it is and where."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A reference to an object that stays inside; `shown` is text for people."""

    id: int
    shown: str
    callable: bool = False


@dataclass(frozen=True, slots=True)
class Callback:
    """A function of the grader's that the submission may call while a question is open."""

    id: int
    shown: str


# ---- frames --------------------------------------------------------------------------------


def frame(header: Mapping[str, Tree], body: Sequence[Buffer] = ()) -> list[Buffer]:
    """Return the chunks of one frame, to be written one after the other."""
    written = json.dumps(header, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    text = written.encode("utf-8", "surrogatepass")  # escapes would join two halves of a character
    if len(text) > HEADER_CAP:
        raise Unsendable(f"the value is too large: {len(text):,} bytes of structure; send an array instead")
    return [PREFIX.pack(len(text), sum(memoryview(part).nbytes for part in body)), text, *body]


def lengths(prefix: Buffer, body_cap: int) -> tuple[int, int]:
    """Return the lengths of header and body, refused if they pass the caps."""
    header, body = PREFIX.unpack(prefix)
    if header > HEADER_CAP or body > body_cap:
        raise ProtocolError(f"a message of {header:,} + {body:,} bytes is over the limit of {body_cap:,}")
    return header, body


def parse(header: Buffer) -> dict[str, Tree]:
    """Return the header as a dict; anything but a JSON object is refused."""
    try:
        text = str(header, "utf-8", "surrogatepass")
        tree = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a header is not JSON: {type(error).__name__}") from None
    if not isinstance(tree, dict):
        raise ProtocolError("a header is not an object")
    return tree


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# ---- encoding ------------------------------------------------------------------------------


class Encoder:
    """Turns values into a JSON tree and a list of buffers.

    Args:
        keep: Called with whatever has no encoding; returns the `Handle` that stands for it,
            or raises `Unsendable`.
        cap: Most bytes that all buffers together may have.
    """

    def __init__(self, keep: Callable[[object], Handle], cap: int = BODY_CAP) -> None:
        self.body: list[Buffer] = []
        self._keep = keep
        self._cap = cap
        self._size = 0
        self._nodes = 0

    def encode(self, value: object, depth: int = 0) -> Tree:
        """Return the tree for a value; its buffers are appended to `body`."""
        self._nodes += 1
        if self._nodes > NODES_CAP:
            raise Unsendable(f"the value has more than {NODES_CAP:,} elements; return an array instead")
        if depth > DEPTH_CAP:
            raise Unsendable(f"the value is nested more than {DEPTH_CAP} deep")
        if value is None or value is True or value is False:
            return value
        for kind, encode in _ENCODERS:
            if isinstance(value, kind):
                return encode(self, value, depth)
        special = _numeric_encoder(value)
        return special(self, value) if special else self._handle(self._keep(value))

    def _handle(self, handle: Handle) -> Tree:
        return {"t": "handle", "id": handle.id, "shown": handle.shown, "callable": handle.callable}

    def _callback(self, value: Callback, _depth: int) -> Tree:
        return {"t": "callback", "id": value.id, "shown": value.shown}

    def _int(self, value: int, _depth: int) -> Tree:
        value = int(value)
        if -(1 << 63) <= value < 1 << 63:
            return value
        if value.bit_length() > 13_000:
            raise Unsendable("an integer has more than 13,000 bits")
        return {"t": "int", "v": str(value)}

    def _float(self, value: float, _depth: int) -> Tree:
        value = float(value)
        return value if math.isfinite(value) else {"t": "float", "v": repr(value)}

    def _complex(self, value: complex, depth: int) -> Tree:
        return {"t": "complex", "v": [self._float(value.real, depth), self._float(value.imag, depth)]}

    def _str(self, value: str, _depth: int) -> Tree:
        text = str.__str__(value)
        if len(text) <= SHORT_TEXT:
            return text
        return {"t": "str", **self._buffer(text.encode("utf-8", "surrogatepass"))}

    def _bytes(self, value: Buffer, _depth: int) -> Tree:
        return {"t": "bytes", **self._buffer(bytes(value))}

    def _list(self, value: Sequence[object], depth: int) -> Tree:
        return [self.encode(item, depth + 1) for item in value]

    def _tuple(self, value: tuple[object, ...], depth: int) -> Tree:
        return {"t": "tuple", "v": self._list(value, depth)}

    def _set(self, value: frozenset[object] | set[object], depth: int) -> Tree:
        kind = "frozenset" if isinstance(value, frozenset) else "set"
        return {"t": kind, "v": [self._key(item, depth) for item in value]}

    def _dict(self, value: Mapping[object, object], depth: int) -> Tree:
        pairs = [[self._key(k, depth), self.encode(v, depth + 1)] for k, v in value.items()]
        return {"t": "dict", "v": pairs}

    def _key(self, value: object, depth: int) -> Tree:
        tree = self.encode(value, depth + 1)
        if isinstance(tree, list):
            raise Unsendable(f"a {type(value).__name__} as a key or in a set cannot be read; use a tuple")
        return tree

    def _scalar(self, value: Any) -> Tree:
        item = value.item()
        if type(item) is type(value):
            raise Unsendable(f"a number of dtype {value.dtype} cannot be read; use float64")
        return self.encode(item)

    def _array(self, value: Any) -> Tree:
        numpy = sys.modules["numpy"]
        array = numpy.asarray(value)  # drops subclasses; their overrides stay behind
        if array.dtype.kind in "US":
            return self.encode(array.tolist())
        if array.dtype.name not in ARRAY_DTYPES:
            raise Unsendable(f"an array of dtype {array.dtype} cannot be read; use a numeric dtype")
        array = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
        data = array.reshape(-1).view("uint8").data if array.size else b""
        return {"t": "array", "dtype": array.dtype.name, "shape": list(value.shape), **self._buffer(data)}

    def _tensor(self, value: Any) -> Tree:
        torch = sys.modules["torch"]
        plain = value.detach()
        if plain.layout != torch.strided or plain.is_quantized or plain.is_meta or plain.is_nested:
            raise Unsendable(f"a {_tensor_kind(plain)} tensor cannot be read; return a dense one")
        name = str(plain.dtype).removeprefix("torch.")
        if name not in TENSOR_DTYPES:
            raise Unsendable(f"a tensor of dtype {name} cannot be read")
        plain = plain.as_subclass(torch.Tensor)
        dense = plain.cpu().resolve_conj().resolve_neg().contiguous()
        flat = dense.as_strided((dense.numel(),), (1,))  # a single element may have any stride
        data = flat.view(torch.uint8).numpy().data if flat.numel() else b""
        return {"t": "tensor", "dtype": name, "shape": list(plain.shape), **self._buffer(data)}

    def _buffer(self, data: Buffer) -> dict[str, int]:
        size = memoryview(data).nbytes
        start = self._size
        padding = -size % ALIGN
        self.body += [data, bytes(padding)] if padding else [data]
        self._size += size + padding
        if self._size > self._cap:
            raise Unsendable(f"the value is larger than the {self._cap >> 20} MiB that are allowed")
        return {"at": start, "size": size}


_ENCODERS: Final[tuple[tuple[Any, Callable[[Encoder, Any, int], Tree]], ...]] = (
    (Handle, lambda encoder, value, _depth: encoder._handle(value)),  # noqa: SLF001
    (Callback, Encoder._callback),  # noqa: SLF001
    (int, Encoder._int),  # noqa: SLF001
    (float, Encoder._float),  # noqa: SLF001
    (str, Encoder._str),  # noqa: SLF001
    ((list, range, deque, type({}.keys()), type({}.values())), Encoder._list),  # noqa: SLF001
    (tuple, Encoder._tuple),  # noqa: SLF001
    (dict, Encoder._dict),  # noqa: SLF001
    ((set, frozenset), Encoder._set),  # noqa: SLF001
    ((bytes, bytearray, memoryview), Encoder._bytes),  # noqa: SLF001
    (complex, Encoder._complex),  # noqa: SLF001
)


def _numeric_encoder(value: object) -> Callable[[Encoder, Any], Tree] | None:
    """Return how to encode an array, a tensor or a NumPy scalar, if that is what it is."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return Encoder._array  # noqa: SLF001
    if numpy is not None and isinstance(value, numpy.generic):
        return Encoder._scalar  # noqa: SLF001
    if torch is not None and isinstance(value, torch.Tensor):
        return Encoder._tensor  # noqa: SLF001
    return None


def _tensor_kind(tensor: Any) -> str:
    for kind in ("quantized", "meta", "nested"):
        if getattr(tensor, f"is_{kind}"):
            return kind
    return str(tensor.layout).removeprefix("torch.").replace("_", " ")


# ---- decoding ------------------------------------------------------------------------------


class Decoder:
    """Turns a tree and its body back into values, trusting neither.

    Args:
        body: The frame's body; arrays and tensors are views into it, so it must be fresh.
        handle: Called with each `Handle` in the tree; returns what stands for it here.
        callback: The same for each `Callback`; without it, callbacks are not allowed.
    """

    def __init__(
        self,
        body: bytearray,
        handle: Callable[[Handle], object],
        callback: Callable[[Callback], object] | None = None,
    ) -> None:
        self._body = memoryview(body)
        self._unread = len(body)
        self._handle = handle
        self._callback = callback
        self._nodes = 0

    def decode(self, tree: Tree, depth: int = 0) -> Any:
        """Return the value; raises `ProtocolError` on anything outside the grammar."""
        self._nodes += 1
        if depth > 2 * DEPTH_CAP or self._nodes > 4 * NODES_CAP:
            raise ProtocolError("a value is nested too deep or has too many elements")
        if isinstance(tree, list):
            return [self.decode(item, depth + 1) for item in tree]
        if not isinstance(tree, dict):
            return tree
        kind = tree.get("t")
        decode = _DECODERS.get(kind) if isinstance(kind, str) else None
        if decode is None:
            raise ProtocolError("a value has an unknown type")
        try:
            return decode(self, tree, depth)
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:  # torch: RuntimeError
            raise ProtocolError(f"a value is malformed: {type(error).__name__}") from None

    def _items(self, tree: Tree, depth: int) -> list[Any]:
        items = tree["v"]
        if not isinstance(items, list):
            raise ProtocolError("a value is malformed: no list")
        return [self.decode(item, depth + 1) for item in items]

    def _dict(self, tree: Tree, depth: int) -> dict[Any, Any]:
        pairs = [(self.decode(k, depth + 1), self.decode(v, depth + 1)) for k, v in tree["v"]]
        _require_keys([key for key, _ in pairs])
        return dict(pairs)

    def _keys(self, tree: Tree, depth: int) -> list[Any]:
        return _require_keys(self._items(tree, depth))

    def _slice(self, tree: Tree) -> memoryview:
        start, size = tree["at"], tree["size"]
        whole = type(start) is int and type(size) is int and start % ALIGN == 0
        if not whole or not 0 <= start <= start + size <= len(self._body):
            raise ProtocolError("a buffer lies outside its message")
        self._unread -= size
        if self._unread < 0:  # a thousand texts from the same bytes would fill our memory
            raise ProtocolError("buffers overlap")
        return self._body[start : start + size]

    def _array(self, tree: Tree, _depth: int) -> Any:
        import numpy as np

        data, shape, dtype = self._slice(tree), _shape(tree), tree["dtype"]
        if dtype not in ARRAY_DTYPES or math.prod(shape) * np.dtype(dtype).itemsize != len(data):
            raise ProtocolError("an array does not fit its shape and dtype")
        if not data:
            return np.empty(shape, dtype)
        if dtype == "bool":  # any byte may come; only 0 and 1 are booleans
            return np.frombuffer(data, dtype=np.uint8).reshape(shape).astype(bool)
        return np.frombuffer(data, dtype=dtype).reshape(shape)

    def _tensor(self, tree: Tree, _depth: int) -> Any:
        import torch

        data, shape, name = self._slice(tree), _shape(tree), tree["dtype"]
        if name not in TENSOR_DTYPES:
            raise ProtocolError("a tensor has a dtype that is not allowed")
        dtype = getattr(torch, name)
        if math.prod(shape) * dtype.itemsize != len(data):
            raise ProtocolError("a tensor does not fit its shape and dtype")
        if not data:
            return torch.empty(shape, dtype=dtype)
        if dtype is torch.bool:
            return torch.frombuffer(data, dtype=torch.uint8).reshape(shape) != 0
        return torch.frombuffer(data, dtype=dtype).reshape(shape)

    def _reference(self, tree: Tree, _depth: int) -> object:
        shown = tree["shown"]
        if type(tree["id"]) is not int or abs(tree["id"]) >= 1 << 31 or not isinstance(shown, str):
            raise ProtocolError("a handle is malformed")
        return self._handle(Handle(tree["id"], shown[:200], callable=tree["callable"] is True))

    def _asked_back(self, tree: Tree, _depth: int) -> object:
        if self._callback is None or type(tree["id"]) is not int:
            raise ProtocolError("a callback came from where none may come")
        return self._callback(Callback(tree["id"], str(tree["shown"])[:200]))


def _shape(tree: Tree) -> list[int]:
    shape: list[int] = tree["shape"]
    if len(shape) > 16 or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise ProtocolError("a shape is not a short list of sizes")
    return shape


def _require_keys(values: list[Any]) -> list[Any]:
    """Refuse keys that are unhashable (TypeError, reported as malformed) or were chosen to collide."""
    alike = Counter(map(hash, values))
    if max(alike.values(), default=0) > ALIKE_CAP:
        raise ProtocolError(f"more than {ALIKE_CAP} keys have the same hash")
    return values


def _number(text: object) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ProtocolError("a float is malformed")
    return float(str(text))


def _complex(decoder: Decoder, tree: Tree, depth: int) -> complex:
    real, imag = decoder._items(tree, depth)  # noqa: SLF001
    if not type(real) is type(imag) is float:
        raise ProtocolError("a complex number is malformed")
    return complex(real, imag)


def _text(decoder: Decoder, tree: Tree, _depth: int) -> str:
    return str(decoder._slice(tree), "utf-8", "surrogatepass")  # noqa: SLF001


def _large_int(_decoder: Decoder, tree: Tree, _depth: int) -> int:
    text = tree["v"]
    if not isinstance(text, str) or len(text) > 4000:
        raise ProtocolError("an integer is malformed")
    return int(text)


_DECODERS: Final[Mapping[object, Callable[[Decoder, Tree, int], Any]]] = {
    "int": _large_int,
    "float": lambda _decoder, tree, _depth: _number(tree["v"]),
    "complex": _complex,
    "str": _text,
    "bytes": lambda decoder, tree, _depth: bytes(decoder._slice(tree)),  # noqa: SLF001
    "tuple": lambda decoder, tree, depth: tuple(decoder._items(tree, depth)),  # noqa: SLF001
    "set": lambda decoder, tree, depth: set(decoder._keys(tree, depth)),  # noqa: SLF001
    "frozenset": lambda decoder, tree, depth: frozenset(decoder._keys(tree, depth)),  # noqa: SLF001
    "dict": Decoder._dict,  # noqa: SLF001
    "array": Decoder._array,  # noqa: SLF001
    "tensor": Decoder._tensor,  # noqa: SLF001
    "handle": Decoder._reference,  # noqa: SLF001
    "callback": Decoder._asked_back,  # noqa: SLF001
}
