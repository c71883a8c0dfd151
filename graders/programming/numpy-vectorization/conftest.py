"""What both graders share: inputs, the loops that are raced against, and the policy on the syntax tree."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from harness.grading import Rng, wrong
from harness.policy import foreign_code

ENTRY: Final = "vectorization.py"
IMPORTS: Final = ("numpy", "__future__", "typing", "collections.abc", "math")
LOOPS: Final = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LOOPING_BUILTINS: Final = frozenset({"map", "filter", "sum", "iter", "next", "object"})
LOOPING_NUMPY: Final = frozenset(
    {
        "vectorize",
        "frompyfunc",
        "apply_along_axis",
        "apply_over_axes",
        "nditer",
        "nested_iters",
        "ndenumerate",
        "ndindex",
        "fromiter",
        "piecewise",
        "tolist",
    }
)


# ---- what was handed in --------------------------------------------------------------------


@pytest.fixture(scope="session")
def tools(submission: Any, source: Mapping[str, str]) -> Any:
    """The module that was handed in, once nothing but NumPy is found behind it."""
    submission["distances"]  # imports it first: code that does not import is told so by the import
    places = foreign_code(source, ENTRY, ["numpy"])
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")
    return submission


@pytest.fixture(scope="session")
def loops(source: Mapping[str, str], tools: Any) -> list[str]:
    """The places, `file, line n: what`, where the entry file has loops or could hide them."""
    del tools  # it has found that the file can be read
    text = next((text for path, text in source.items() if path.rpartition("/")[2] == ENTRY), "")
    nodes = list(ast.walk(ast.parse(text.removeprefix("\ufeff"))))
    found = {(getattr(node, "lineno", 0), looping(node)) for node in nodes if looping(node)}
    found |= set(_recursions(nodes))
    return [f"{ENTRY}, line {line}: {said}" for line, said in sorted(found)]


def looping(node: ast.AST) -> str:
    """Return which loop a node is; empty if it is none."""
    for name in _imports(node):
        if not f"{name}.".startswith(tuple(f"{known}." for known in IMPORTS)):
            return f"{name} could hide a loop: only NumPy and what annotations need may be imported"
    if isinstance(node, LOOPS):
        return f"a {type(node).__name__} is a loop"
    match node:
        case ast.Name(id=name) if name in LOOPING_BUILTINS:
            return f"{name} goes through the elements one by one"
        case ast.keyword(arg="key"):
            return "a key function is called for the elements one by one"
        case ast.Attribute(attr=name) if name in LOOPING_NUMPY:
            return f"{name} is a Python loop inside"
        case ast.ImportFrom(names=names) if any(alias.name in LOOPING_NUMPY for alias in names):
            return "what is imported is a Python loop inside"
    return ""


def _recursions(nodes: Sequence[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the line of each function that comes to call itself, directly or through others."""
    functions = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    mentions = {
        name: {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & functions.keys()
        for name, node in functions.items()
    }
    for name, node in functions.items():
        reached: set[str] = set()
        waiting = set(mentions[name])
        while waiting:
            reached |= waiting
            waiting = set().union(*(mentions[other] for other in waiting)) - reached
        if name in reached:
            yield node.lineno, f"{name} comes to call itself, which is a loop"


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


# ---- inputs --------------------------------------------------------------------------------


@pytest.fixture
def sizes(rng: Rng) -> Callable[[int], list[int]]:
    """A function that draws different sizes from 3 to 9, so that no axis can be mistaken for another."""
    return lambda count: [int(size) for size in rng.permutation(np.arange(3, 10))[:count]]


# ---- races against loops -------------------------------------------------------------------


@dataclass(frozen=True)
class Race:
    """A task in which the work is far more than the data: a loop visits each element of the work."""

    name: str
    draw: Callable[[Rng], tuple[Any, ...]]
    truth: Callable[..., Any]
    loop: Callable[..., object]
    part: Callable[..., tuple[Any, ...]]
    """A small share of the inputs, for the loop."""
    shares: int
    """How many times the loop's share all of the work is."""

    def loop_seconds(self, inputs: tuple[Any, ...]) -> float:
        """Return the processor time of a loop over all of the work; the least of three, on a share of it."""
        part = self.part(*inputs)
        return min(self._seconds_for(part) for _ in range(3)) * self.shares

    def _seconds_for(self, part: tuple[Any, ...]) -> float:
        began = time.process_time()
        self.loop(*part)
        return time.process_time() - began


def _distances_by_loop(a: Any, b: Any) -> list[list[float]]:
    rows = []
    for p in a:
        row = []
        for q in b:
            total = 0.0
            for i in range(len(p)):
                total += (p[i] - q[i]) ** 2
            row.append(total**0.5)
        rows.append(row)
    return rows


def _ranges_by_loop(values: Any, width: int) -> list[float]:
    ranges = []
    for start in range(len(values) - width + 1):
        low = high = values[start]
        for i in range(start, start + width):
            value = values[i]
            if value < low:
                low = value
            if value > high:
                high = value
        ranges.append(high - low)
    return ranges


def _scores_by_loop(queries: Any, form: Any, keys: Any) -> list[list[float]]:
    table = []
    for q in queries:
        row = []
        for k in keys:
            total = 0.0
            for i in range(len(q)):
                for j in range(len(k)):
                    total += q[i] * form[i][j] * k[j]
            row.append(total)
        table.append(row)
    return table


def ranges(values: Any, width: int) -> Any:
    """Return the truth of window_ranges, one window after the other."""
    windows = (values[start : start + width] for start in range(len(values) - width + 1))
    return np.array([window.max() - window.min() for window in windows])


RACES: Final = (
    Race(
        name="distances",
        draw=lambda rng: (rng.normal(size=(200, 32)), rng.normal(size=(150, 32))),
        truth=cdist,
        loop=_distances_by_loop,
        part=lambda a, b: (a[:10].tolist(), b.tolist()),
        shares=20,
    ),
    Race(
        name="window_ranges",
        draw=lambda rng: (rng.normal(size=16_000), int(rng.integers(250, 260))),
        truth=ranges,
        loop=_ranges_by_loop,
        part=lambda values, width: (values[: 300 + width - 1].tolist(), width),
        shares=52,
    ),
    Race(
        name="scores",
        draw=lambda rng: (
            rng.normal(size=(4, 32, 12)),
            rng.normal(size=(4, 12, 10)),
            rng.normal(size=(4, 30, 10)),
        ),
        truth=lambda queries, forms, keys: queries[:, None] @ forms[None] @ keys[:, None].swapaxes(-1, -2),
        loop=_scores_by_loop,
        part=lambda queries, forms, keys: (queries[0].tolist(), forms[0].tolist(), keys[0].tolist()),
        shares=16,
    ),
)


@pytest.fixture(scope="session")
def races() -> tuple[Race, ...]:
    """The races, each a task with its loop."""
    return RACES
