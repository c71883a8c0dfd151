"""What both graders share: the functions that were handed in, torch's twins of them, and the policy.

The policy says what may not be called, because it is what the exercise asks to build. It
reads the syntax tree of the files that attention.py imports, never the text.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.grading import Rng, expect_tensor, kind_of, wrong

ENTRY: Final = "attention.py"
NORMS: Final = ("layernorm", "groupnorm", "batchnorm", "instancenorm", "rmsnorm")
LOOKUPS: Final = frozenset({"eval", "exec", "__import__"})
ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1", "cp1252"})
"""Those in which ASCII means ASCII, so that the tree read here is the code that runs."""
PARTS: Final = ("query", "key", "value", "output")
KINDS: Final = ("weight", "bias")


def is_attention(name: str) -> bool:
    """Whether a name of torch's is ready-made attention."""
    return "attention" in name.lower() or name.startswith("Transformer")


def is_norm(name: str) -> bool:
    """Whether a name of torch's is ready-made normalisation."""
    plain = name.lower().replace("_", "")
    return any(norm in plain for norm in NORMS)


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def attention(submission: Any, source: dict[str, str]) -> Any:
    """The function `attention`, once no ready-made attention was found in the files."""
    return _handed_in(submission, source, "attention", is_attention)


@pytest.fixture(scope="session")
def causal_mask(submission: Any, source: dict[str, str]) -> Any:
    """The function `causal_mask`."""
    return _handed_in(submission, source, "causal_mask", is_attention)


@pytest.fixture(scope="session")
def layer_norm(submission: Any, source: dict[str, str]) -> Any:
    """The function `layer_norm`, once no ready-made normalisation was found in the files."""
    return _handed_in(submission, source, "layer_norm", is_norm)


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
        weights, last_weight, biases, last_bias = torch.autograd.grad(output, leaves, cotangent.double())
        by_part = zip(PARTS, (*weights.chunk(3), last_weight), (*biases.chunk(3), last_bias), strict=True)
        return {
            f"{part}.{kind}": each for part, *pair in by_part for kind, each in zip(KINDS, pair, strict=True)
        }


@pytest.fixture(scope="session")
def multi_head(submission: Any, source: dict[str, str], run_rng: Rng) -> Twins:
    """The module `MultiHeadAttention` and its twin, both with weights that the grader drew."""
    build = _handed_in(submission, source, "MultiHeadAttention", is_attention)
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


def _handed_in(
    submission: Any, source: Mapping[str, str], name: str, forbidden: Callable[[str], bool]
) -> Any:
    function = submission[name]  # imports it first: code that does not import is told so by the import
    places = ready_made(source, forbidden)
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


# ---- the policy ----------------------------------------------------------------------------


def ready_made(source: Mapping[str, str], forbidden: Callable[[str], bool]) -> list[str]:
    """Return the places, `file, line n: what`, where imported files use what is forbidden of torch's.

    Args:
        source: The submission's Python files by path.
        forbidden: Whether one part of a dotted name, such as `layer_norm`, may not be used.
    """
    found = []
    for path, tree in _imported(source).items():
        nodes = list(ast.walk(tree))
        known = _names_of_torch(nodes)
        places = {(node.lineno, text) for node in nodes for text in _offences(node, known, forbidden)}
        found += [f"{path}, line {line}: {text}" for line, text in sorted(places)]
    return found


def _imported(source: Mapping[str, str]) -> dict[str, ast.Module]:
    """Return the trees of the entry and of what it imports, directly or not; tests beside it are not read."""
    waiting = [path for path in source if path.rpartition("/")[2] == ENTRY]
    trees: dict[str, ast.Module] = {}
    while waiting:
        path = waiting.pop()
        trees[path] = _parsed(path, source[path])
        names = {
            part for node in ast.walk(trees[path]) for name in _imports(node) for part in name.split(".")
        }
        waiting += [other for other in source.keys() - trees.keys() - set(waiting) if _module(other) in names]
    return trees


def _parsed(path: str, text: str) -> ast.Module:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8", "replace")).readline)
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        wrong(f"{path} cannot be read as Python: {type(error).__name__} {error!s:.200}", reason="forbidden")
    if encoding not in ENCODINGS:
        wrong(f"{path} is written in {encoding}; save it as UTF-8.", reason="forbidden")
    return tree


def _module(path: str) -> str:
    """Return the last part of the name by which a file is imported."""
    folder, _, file = path.removesuffix(".py").rpartition("/")
    return folder.rpartition("/")[2] if file == "__init__" else file


def _imports(node: ast.AST) -> list[str]:
    """Return the full names that an import brings in; empty for any other node."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _names_of_torch(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """Return the full name behind each name for something of torch's, such as torch.nn.functional for F."""
    known: dict[str, str] = {}
    for node in nodes:
        aliases = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ()
        for alias, name in zip(aliases, _imports(node), strict=True):
            if _is_torch(name):
                binds_all = alias.asname or isinstance(node, ast.ImportFrom)
                known[alias.asname or alias.name.partition(".")[0]] = name if binds_all else "torch"
    for _ in range(3):  # a name may stand for a name that stands for a name
        known |= {
            target.id: dotted
            for node in nodes
            for target in (*getattr(node, "targets", ()), getattr(node, "target", None))
            if isinstance(target, ast.Name) and (dotted := _dotted(getattr(node, "value", None), known))
        }
    return known


def _is_torch(name: str) -> bool:
    return name.partition(".")[0] == "torch"


def _dotted(node: object, known: Mapping[str, str]) -> str:
    """Return the full name of something of torch's, or an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    start = known.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join([start, *reversed(parts)]) if start else ""


def _offences(node: ast.AST, known: Mapping[str, str], forbidden: Callable[[str], bool]) -> Iterator[str]:
    for name in (*_imports(node), _dotted(node, known)):
        if _is_torch(name) and any(map(forbidden, name.split("."))):
            yield f"{name} is ready-made, and building it is the exercise"
    looked_up = _looked_up(node, known)
    if looked_up:
        yield f"{looked_up} hides what is called: use it by its name"


def _looked_up(node: ast.AST, known: Mapping[str, str]) -> str:
    """Return how a node finds something other than by its name, or an empty text."""
    match node:
        case ast.Import() | ast.ImportFrom():
            hiding = [name for name in _imports(node) if name.split(".")[0] == "importlib"]
            stars = [name for name in _imports(node) if _is_torch(name) and name.endswith(".*")]
            return next(iter(hiding + stars), "")
        case ast.Name(id=name) if name in LOOKUPS:
            return name
        case ast.Call(func=ast.Name(id="getattr" | "vars" as name), args=[first, *_]) if _dotted(
            first, known
        ):
            return f"{name}({_dotted(first, known)}, …)"
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return "sys.modules"
        case ast.Attribute(attr="__dict__", value=owner) if _dotted(owner, known):
            return f"{_dotted(owner, known)}.__dict__"
    return ""
