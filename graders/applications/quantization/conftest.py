"""What both graders share: an independent reader of files, and networks that were made small."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pytest
from gguf.constants import GGMLQuantizationType
from gguf.gguf_reader import GGUFReader
from gguf.quants import dequantize, quantize

from harness.grading import Rng, kind_of, wrong
from harness.metrics.compression import logit_divergence
from harness.policy import foreign_code

Floats = npt.NDArray[np.float64]
Weights = dict[str, npt.NDArray[np.float32]]

KINDS: Final = ("F32", "F16", "Q8_0", "Q4_0", "Q4_1")
LARGEST_FILE: Final = 1 << 16
"""Bytes; ours need a third. The work of the reader grows with them."""
MOST_TENSORS: Final = 64
WIDTHS: Final = (64, 128, 128, 32)
NETWORKS: Final = 6
SHOWN: Final = 1024
"""Inputs that `compress` is given."""
ASKED: Final = 2000
"""Inputs that nobody has seen."""
BLOCK: Final = 32
VERSION: Final = b"\x03\x00\x00\x00"


@pytest.fixture(scope="session")
def own_code(submission: Any, source: Mapping[str, str]) -> Any:
    """The module, once its files use nothing but NumPy and `struct`."""
    submission["encode"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, "quantization.py", ["numpy", "struct"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


@pytest.fixture(scope="session")
def parted() -> Callable[[object, Sequence[str], str], Sequence[Any]]:
    """Requires an answer to have so many parts, and returns them."""

    def parts_of(answer: object, names: Sequence[str], what: str) -> Sequence[Any]:
        if not isinstance(answer, (tuple, list)) or len(answer) != len(names):
            wrong(f"{what}: expected ({', '.join(names)}), got {kind_of(answer)}.", reason="wrong-type")
        return answer

    return parts_of


# ---- an independent reader -------------------------------------------------------------------


class StrictReader(GGUFReader):
    """The reader of the `gguf` package, which ends where the file ends: without that a count may lie."""

    def _get(self, offset: Any, dtype: Any, count: Any = 1, override_order: Any = None) -> Any:
        size = np.dtype(dtype).itemsize * int(count)
        if int(count) < 0 or int(offset) < 0 or int(offset) + size > len(self.data):
            raise ValueError("the file ends before what it announces")
        return super()._get(int(offset), dtype, int(count), override_order)


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file."""

    kind: str
    offset: int
    """Of its first byte, from the beginning of the file."""
    values: Floats


@dataclass(frozen=True)
class File:
    """What the reader finds in a file."""

    size: int
    metadata: dict[str, Any]
    types: dict[str, tuple[str, ...]]
    """The names of each value's types: of a list that it is one, and of its items."""
    tensors: dict[str, Tensor]


@pytest.fixture(scope="session")
def read() -> Callable[[object, str], File]:
    """Reads bytes as a GGUF file; whatever goes wrong with them is the learner's mistake."""

    def reading(answer: object, what: str) -> File:
        if not isinstance(answer, bytes):
            wrong(f"{what}: expected bytes, got {kind_of(answer)}.", reason="wrong-type")
        if len(answer) > LARGEST_FILE:
            wrong(f"{what}: {len(answer):,} bytes are far more than is needed.")
        try:
            return _read(answer)
        except Exception as error:  # noqa: BLE001 - nothing but these bytes can be the cause
            wrong(f"{what}: the reader gives up: {type(error).__name__}: {str(error)[:120]!r}")

    return reading


def _read(data: bytes) -> File:
    if data[4:8] != VERSION:
        raise ValueError("this is not version 3, little-endian")
    with tempfile.NamedTemporaryFile(suffix=".gguf") as place, warnings.catch_warnings(action="ignore"):
        place.write(data)
        place.flush()
        reader = StrictReader(place.name)
        if len(reader.tensors) > MOST_TENSORS:
            raise ValueError(f"{len(reader.tensors)} tensors")
        own = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
        tensors = {
            str(one.name): Tensor(one.tensor_type.name, int(one.data_offset), _values(one))
            for one in reader.tensors
        }
        metadata = {name: field.contents() for name, field in own.items()}
        types = {name: tuple(kind.name for kind in field.types) for name, field in own.items()}
    return File(len(data), metadata, types, tensors)


def _values(tensor: Any) -> Floats:
    """Return a tensor's values, in a copy of their own."""
    if tensor.tensor_type.name not in KINDS:
        raise ValueError(f"a tensor of kind {tensor.tensor_type.name}, which is none of {', '.join(KINDS)}")
    values = np.array(dequantize(np.array(tensor.data), tensor.tensor_type), dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a tensor holds NaN or infinity")
    return values


@pytest.fixture(scope="session")
def decode() -> Callable[[object, str, tuple[int, ...], str], Floats]:
    """Returns the values that a tensor's bytes stand for."""

    def decoded(answer: object, kind: str, shape: tuple[int, ...], what: str) -> Floats:
        if not isinstance(answer, bytes):
            wrong(f"{what}: expected bytes, got {kind_of(answer)}.", reason="wrong-type")
        needed = len(_stored(np.zeros(shape, np.float32), kind))
        if len(answer) != needed:
            wrong(f"{what}: {len(answer):,} bytes, where {shape} values take {needed:,}.")
        if kind in ("F32", "F16"):
            flat = np.frombuffer(answer, "<f4" if kind == "F32" else "<f2").astype(np.float64)
        else:
            flat = dequantize(np.frombuffer(answer, np.uint8), GGMLQuantizationType[kind]).astype(np.float64)
        if not np.isfinite(flat).all():
            wrong(f"{what}: what it stores is NaN or infinite.", reason="not-finite")
        return np.asarray(flat.reshape(shape))

    return decoded


def _stored(values: npt.NDArray[np.float32], kind: str) -> bytes:
    return quantize(values, GGMLQuantizationType[kind]).tobytes()


@pytest.fixture(scope="session")
def packed() -> Callable[[npt.NDArray[np.float32], str], bytes]:
    """Returns the bytes of values in a kind, by the `gguf` package."""
    return _stored


@pytest.fixture(scope="session")
def plain() -> Callable[[npt.NDArray[np.float32], str], Floats]:
    """Returns values after plain rounding to a kind, by the `gguf` package."""

    def rounded(values: npt.NDArray[np.float32], kind: str) -> Floats:
        return np.asarray(_plain(values, kind), np.float64)

    return rounded


def _plain(values: npt.NDArray[np.float32], kind: str) -> Floats:
    number = GGMLQuantizationType[kind]
    with np.errstate(all="ignore"):
        return np.asarray(dequantize(quantize(values, number), number), np.float64)


# ---- networks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Network:
    """A network drawn for this run, with inputs of its world."""

    weights: Weights
    shown: npt.NDArray[np.float32]
    asked: npt.NDArray[np.float32]
    budget: int
    """Bytes: everything in 4 bits, and some 2,500 for what needs them most."""

    def logits(self, weights: Mapping[str, Any], inputs: Any) -> Floats:
        """Return what the network says with some weights, (n, 32) in float64."""
        x = np.asarray(inputs, np.float64)
        for layer in range(3):
            matrix, bias = (
                np.asarray(weights[f"layer{layer}.{part}"], np.float64) for part in ("weight", "bias")
            )
            x = x @ matrix.T + bias
            x = np.maximum(x, 0) if layer < 2 else x
        return np.asarray(x)

    def lost(self, weights: Mapping[str, Any]) -> float:
        """Return what other weights lose on inputs not seen: nats per input.

        Labels drawn from the network's own predictions cost whoever predicts otherwise just
        the divergence more than they cost the network.
        """
        told = np.clip(self.logits(weights, self.asked), -1e6, 1e6)
        return logit_divergence(self.truth, told)

    @cached_property
    def truth(self) -> Floats:
        """Logits of the network itself, (ASKED, 32)."""
        return self.logits(self.weights, self.asked)

    @property
    def whole(self) -> int:
        """Bytes of all weights as float32."""
        return 4 * sum(one.size for one in self.weights.values())

    @cached_property
    def rounded(self) -> tuple[Mapping[str, Any], int]:
        """Matrices plainly rounded to Q4_0, biases in F32; and how many bytes both take."""
        small = {name: w if w.ndim == 1 else _plain(w, "Q4_0") for name, w in self.weights.items()}
        sizes = (4 * w.size if w.ndim == 1 else w.size * 18 // BLOCK for w in self.weights.values())
        return small, sum(sizes)


def draw_network(rng: Rng) -> Network:
    """Draw a network whose rows, inputs and weights differ in size, as those of trained ones do."""
    weights: Weights = {}
    for layer, (width, outputs, gain) in enumerate(zip(WIDTHS, WIDTHS[1:], (0.9, 0.9, 1.8), strict=False)):
        matrix = rng.standard_t(4, size=(outputs, width)) * np.exp(0.3 * rng.normal(size=(outputs, 1)))
        weights[f"layer{layer}.weight"] = (gain * matrix / np.sqrt(width)).astype(np.float32)
        weights[f"layer{layer}.bias"] = (0.1 * rng.normal(size=outputs)).astype(np.float32)
    size = np.exp(1.2 * rng.normal(size=WIDTHS[0]))
    mixing = 0.7 * np.eye(WIDTHS[0]) + 0.7 * rng.normal(size=(WIDTHS[0],) * 2) / np.sqrt(WIDTHS[0])
    mixing = mixing * size / np.sqrt((size**2).mean())
    shown, asked = ((rng.normal(size=(n, WIDTHS[0])) @ mixing).astype(np.float32) for n in (SHOWN, ASKED))
    network = Network(weights, shown, asked, 0)
    return replace(network, budget=network.rounded[1] + 1024 + int(rng.integers(2300, 2700)))


@dataclass(frozen=True)
class Compressed:
    """A network and the file that it became."""

    network: Network
    file: File

    @property
    def weights(self) -> Mapping[str, Floats]:
        """What the file stores, as the reader finds it."""
        return {name: tensor.values for name, tensor in self.file.tensors.items()}


@pytest.fixture(scope="session")
def compressed(own_code: Any, run_rng: Rng, read: Callable[[object, str], File]) -> list[Compressed]:
    """Several networks, each compressed once."""
    made = []
    for _ in range(NETWORKS):
        network = draw_network(run_rng)
        answer = own_code.compress(network.weights, network.shown, network.budget)
        file = read(answer, "compress(weights, inputs, budget)")
        _require_all(network, file)
        made.append(Compressed(network, file))
    return made


def _require_all(network: Network, file: File) -> None:
    """Require the file to fit, and each tensor of the network in it."""
    what = "compress(weights, inputs, budget)"
    if file.size > network.budget:
        wrong(f"{what}: {file.size:,} bytes, where the budget is {network.budget:,}.")
    if file.tensors.keys() != network.weights.keys():
        missing = sorted(network.weights.keys() - file.tensors.keys())
        wrong(f"{what}: the file lacks {missing or 'nothing'} and has {len(file.tensors)} tensors.")
    for name, tensor in file.tensors.items():
        if tensor.values.shape != network.weights[name].shape:
            wrong(f"{what}: {name} has shape {tensor.values.shape} in the file.", reason="wrong-shape")


@pytest.fixture
def network(rng: Rng) -> Network:
    """A network for one question."""
    return draw_network(rng)
