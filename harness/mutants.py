"""Automatic wrong solutions: small changes to a reference, each a mistake that a person could make.

One change per mutant, made in the text of the solution, so that a survivor can be shown as
the line it was and the line it became. Only what a learner writes is changed: the code
between the solution markers. The choice is deterministic, and spread over the kinds of
mistake.
"""

from __future__ import annotations

import ast
import hashlib
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from harness.errors import SpecError
from harness.starter import BEGIN, END

AIM: Final = 0.9
"""Share of the mutants that a grader has to catch."""

COMPARED: Final[Mapping[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
COMPUTED: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}
ALIKE: Final = (
    ("sum", "mean"),
    ("max", "min"),
    ("argmax", "argmin"),
    ("sin", "cos"),
    ("var", "std"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("tril", "triu"),
    ("any", "all"),
    ("floor", "ceil"),
    ("exp", "log"),
    ("sqrt", "square"),
    ("train", "eval"),
)
"""Functions that are easily taken one for the other."""
MISTAKEN: Final = {one: other for pair in ALIKE for one, other in (pair, pair[::-1])}
AXES: Final = ("dim", "axis")
COMMUTATIVE: Final = frozenset(
    {"max", "min", "maximum", "minimum", "hypot", "gcd", "allclose", "transpose", "swapaxes", "isinstance"}
)
SMALLEST: Final = 1e-3
"""Constants below this guard against division by zero; twice as much of it is no mistake."""
QUIET: Final = (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.JoinedStr)
"""Where a change would change only words, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A solution with one mistake in it."""

    id: str
    """Eight hexadecimal digits that stay the same while the statement does."""
    kind: str
    function: str
    """Dotted name of the function that it is in; empty at the top."""
    line: int
    before: str
    after: str
    source: str


@dataclass(frozen=True, slots=True)
class _Change:
    """A node of the tree and what stands in its place."""

    node: ast.expr | ast.stmt
    text: str
    kind: str


def mutants(source: str) -> tuple[Mutant, ...]:
    """Return every mutant of a solution, in the order of its lines.

    Raises:
        SpecError: the source is not Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise SpecError(f"line {error.lineno}: {error.msg}") from None
    lines = source.encode().splitlines(keepends=True)
    wanted = _solution_lines(lines)
    made: dict[str, Mutant] = {}
    seen = {source}
    for where, change in _changes(tree, ""):
        if change.node.lineno in wanted:
            mutated = _changed(lines, change)
            if mutated not in seen and _compiles(mutated):
                seen.add(mutated)
                mutant = _told(source, mutated, where, change, made)
                made[mutant.id] = mutant
    return tuple(sorted(made.values(), key=lambda mutant: mutant.line))


def chosen(every: Sequence[Mutant], count: int, seed: int = 0) -> tuple[Mutant, ...]:
    """Return `count` of the mutants, spread over the kinds of mistake; the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - a choice to repeat, not a secret
    kinds: dict[str, list[Mutant]] = {}
    for mutant in every:
        kinds.setdefault(mutant.kind, []).append(mutant)
    suits = list(kinds.values())
    rng.shuffle(suits)
    for suit in suits:
        rng.shuffle(suit)
    dealt = (one for one in chain.from_iterable(zip_longest(*suits)) if one is not None)
    picked = [mutant for mutant, _ in zip(dealt, range(count), strict=False)]
    return tuple(sorted(picked, key=lambda mutant: (mutant.line, mutant.id)))


# ---- text ------------------------------------------------------------------------------------


def _solution_lines(lines: Sequence[bytes]) -> frozenset[int]:
    """Return the numbers of the lines between markers; of all lines where there are no markers."""
    inside, found, marked = False, set(), False
    for number, line in enumerate(lines, 1):
        text = line.decode("utf-8", "replace").strip()
        if text.startswith(BEGIN):
            inside = marked = True
        elif text.startswith(END):
            inside = False
        elif inside:
            found.add(number)
    return frozenset(found) if marked else frozenset(range(1, len(lines) + 1))


def _changed(lines: Sequence[bytes], change: _Change) -> str:
    node = change.node
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    before = lines[first][: node.col_offset]
    after = lines[last][node.end_col_offset :]
    return b"".join([*lines[:first], before + change.text.encode() + after, *lines[last + 1 :]]).decode()


def _compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(source, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _told(source: str, mutated: str, where: str, change: _Change, made: Mapping[str, Mutant]) -> Mutant:
    node = change.node
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    shorter = len(source.splitlines()) - len(mutated.splitlines())
    before = " ".join(line.strip() for line in source.splitlines()[first:last])
    after = " ".join(line.strip() for line in mutated.splitlines()[first : last - shorter])
    for turn in range(1000):
        text = f"{where}\n{change.kind}\n{before}\n{after}\n{turn}"
        identity = hashlib.sha256(text.encode()).hexdigest()[:8]
        if identity not in made:
            break
    line = node.lineno
    return Mutant(
        id=identity,
        kind=change.kind,
        function=where,
        line=line,
        before=before,
        after=after,
        source=mutated,
    )


def _expression(node: ast.expr) -> str:
    """Return an expression as text that can stand anywhere."""
    text = ast.unparse(node)
    plain = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Dict)
    return text if isinstance(node, plain) else f"({text})"


# ---- mistakes --------------------------------------------------------------------------------


def _changes(node: ast.AST, where: str) -> Iterator[tuple[str, _Change]]:
    """Yield each change below a node, with the dotted name of the function that it is in."""
    if isinstance(node, QUIET):
        return
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        where = f"{where}.{node.name}".lstrip(".")
    if isinstance(node, ast.expr):
        yield from ((where, change) for change in _of_expression(node))
    elif isinstance(node, ast.stmt):
        yield from ((where, change) for change in _of_statement(node))
    for child in _children(node):
        yield from _changes(child, where)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts in which a change can be a mistake: no annotations, decorators, docstrings, axes."""
    skipped: set[Any] = {"annotation", "returns", "decorator_list", "bases", "type_comment"}
    for name, value in ast.iter_fields(node):
        if name in skipped:
            continue
        for child in value if isinstance(value, list) else [value]:
            axis = isinstance(child, ast.keyword) and child.arg in AXES
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not axis and not text:
                yield child


def _of_statement(node: ast.stmt) -> Iterator[_Change]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Break() | ast.Continue() | ast.Delete():
            yield _Change(node, "pass", "deleted statement")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield _Change(node, "pass", "deleted statement")
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _reads(value, name):
            yield _Change(node, "pass", "deleted statement")
        case ast.AugAssign(target=target, op=op, value=value):
            yield _Change(node, "pass", "deleted statement")
            if type(op) in COMPUTED:
                other = ast.AugAssign(target=target, op=COMPUTED[type(op)](), value=value)
                yield _Change(node, ast.unparse(other), "wrong operator")
        case ast.If(test=test) | ast.While(test=test):
            yield from _negated(test)


def _negated(test: ast.expr) -> Iterator[_Change]:
    """Yield the opposite of a condition, unless it is one that is turned round as a comparison or a `not`."""
    if not isinstance(test, (ast.Compare, ast.UnaryOp)):
        yield _Change(test, f"not {_expression(test)}", "negated condition")


def _reads(value: ast.expr, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(value))


def _of_expression(node: ast.expr) -> Iterator[_Change]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right):
            for other in COMPARED[type(op)]:
                yield _swap(node, ast.Compare(left, [other()], right), "flipped comparison")
        case ast.BoolOp(op=op, values=values):
            joined = ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield _swap(node, joined, "and for or")
        case ast.BinOp():
            yield from _of_arithmetic(node)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            yield _swap(node, operand, "negated condition")
        case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield _swap(node, operand, "lost sign")
        case ast.IfExp(test=test):
            yield from _negated(test)
        case ast.Constant(value=value):
            yield from _of_constant(node, value)
        case ast.Call():
            yield from _of_call(node)


def _of_arithmetic(node: ast.BinOp) -> Iterator[_Change]:
    left, op, right = node.left, node.op, node.right
    if type(op) in COMPUTED:
        yield _swap(node, ast.BinOp(left, COMPUTED[type(op)](), right), "wrong operator")
    if isinstance(op, ast.MatMult):
        yield _swap(node, ast.BinOp(right, op, left), "swapped operands")
    if isinstance(op, (ast.Add, ast.Sub)):
        yield _swap(node, left, "dropped term")
    if isinstance(op, (ast.Mult, ast.Div)):
        yield _swap(node, left, "missing scale")
    if isinstance(op, ast.Add):
        yield _swap(node, right, "dropped term")
    if isinstance(op, ast.Mult):
        yield _swap(node, right, "missing scale")


def _of_constant(node: ast.Constant, value: object) -> Iterator[_Change]:
    if isinstance(value, bool):
        yield _Change(node, repr(not value), "flipped switch")
    elif isinstance(value, int):
        yield _Change(node, repr(value + 1), "off by one")
        if value > 0:
            yield _Change(node, repr(value - 1), "off by one")
    elif isinstance(value, float) and abs(value) >= SMALLEST:
        yield _Change(node, repr(2 * value), "wrong constant")


def _of_call(node: ast.Call) -> Iterator[_Change]:
    name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
    if name in MISTAKEN:
        yield _swap(node, _with_name(node, MISTAKEN[name]), "wrong function")
    if len(node.args) > 1 and name not in COMMUTATIVE and not _starred(node.args[:2]):
        first, second, *rest = node.args
        yield _swap(node, ast.Call(node.func, [second, first, *rest], node.keywords), "swapped arguments")
    for keyword in node.keywords:
        if keyword.arg in AXES:
            for other in _other_axes(keyword.value):
                yield _Change(keyword.value, other, "wrong axis")
        elif keyword.arg:
            kept = [one for one in node.keywords if one is not keyword]
            yield _swap(node, ast.Call(node.func, node.args, kept), "dropped argument")


def _with_name(node: ast.Call, name: str) -> ast.Call:
    func: ast.expr = ast.Name(name)
    if isinstance(node.func, ast.Attribute):
        func = ast.Attribute(node.func.value, name)
    return ast.Call(func, node.args, node.keywords)


def _starred(values: Sequence[ast.expr]) -> bool:
    return any(isinstance(value, ast.Starred) for value in values)


def _other_axes(value: ast.expr) -> Iterator[str]:
    """Yield the axis beside the one that is named, as text."""
    try:
        axis = ast.literal_eval(value)
    except ValueError:
        return
    if type(axis) is int:
        yield repr(axis - 1 if axis < 0 else axis + 1)
    elif type(axis) is tuple and axis:
        yield repr(axis[:-1])


def _swap(node: ast.expr, other: ast.expr, kind: str) -> _Change:
    return _Change(node, _expression(other), kind)
