"""What a submission may not use, read from the syntax trees of its files and never from their text.

    shortcuts = ("torch.*attention*", "torch.*.Transformer*", ".scaled_dot_product_attention")
    places = ready_made(source, "attention.py", shortcuts)   # what the exercise asks to build
    places = foreign_code(source, "autodiff.py", ["numpy"])  # any library but these
    if places:
        wrong("\n".join(places[:5]), reason="forbidden")

Where it can be said, say what is allowed: that list is short and complete, and a list of what
is forbidden is neither. Only files that the entry imports, directly or not, are read: tests
beside it may use what they like. Comments, docstrings and the submission's own functions of
the same name do not count.

A policy tells an honest learner where the line is. It does not hold a determined cheat:
checks of what only the learner's own code can do, and a person who reads the file, do.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.machinery import PathFinder
from typing import Final

PLAIN: Final = frozenset(
    (
        *("__future__", "abc", "bisect", "collections", "contextlib", "copy", "dataclasses", "enum"),
        *("fractions", "functools", "heapq", "itertools", "math", "numbers", "operator", "random"),
        *("re", "string", "textwrap", "typing", "warnings"),
    )
)
"""Parts of the standard library from which no other library can be reached."""
HIDING: Final = frozenset(
    {"eval", "exec", "compile", "globals", "get_ipython", "__import__", "__builtins__", "__loader__"}
)
"""Names by which things are found through a text."""
REACHING: Final = frozenset(
    {
        "sys",
        "os",
        "_sys",
        "_os",
        "modules",
        "importlib",
        "builtins",
        "ctypeslib",
        "f2py",
        "__globals__",
        "__subclasses__",
    }
    | HIDING - {"compile", "eval"}  # methods have these names, such as a network's
)
"""Attributes by which other libraries, and files, are reached through a library."""
FILES: Final = frozenset({"open", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "DataSource"})
"""Names and attributes that read files, such as the data that come with a library."""
FINDERS: Final = frozenset({"importlib", "builtins", "runpy", "pkgutil", "ctypes", "gc"})
"""Modules that find things other than by name."""
BACK_DOORS: Final = frozenset({"__globals__", "__subclasses__", "__builtins__", "__loader__"})
ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1", "cp1252"})
"""Those in which ASCII means ASCII, so that the tree read here is the code that runs."""
MOST_READ: Final = 1 << 20
"""Characters of all imported files together: a tree takes five hundred times as much memory."""
UNREADABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)


def foreign_code(source: Mapping[str, str], entry: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the places, `file, line n: what`, where imported files use a library beyond some.

    Args:
        source: The submission's Python files as text, by path: the fixture of that name.
        entry: The file that the harness imports, such as `autodiff.py`.
        allowed: Names of libraries, such as `numpy`, beside `PLAIN` and the submission's own files.
    """
    own = {_module(path) for path in source}
    known = PLAIN | set(allowed) | {name for name in own if not _installed(name)}
    trees, found = _imported(source, entry)
    for path, tree in trees.items():
        faults = {
            (getattr(node, "lineno", 1), said) for node in ast.walk(tree) for said in _faults(node, known)
        }
        found += _places(path, faults)
    return tuple(found)


def ready_made(source: Mapping[str, str], entry: str, forbidden: Sequence[str]) -> tuple[str, ...]:
    """Return the places, `file, line n: what`, where imported files use what they are to build.

    A pattern with a library's name is compared with what a name stands for, under any alias:
    `F.scaled_dot_product_attention` after `import torch.nn.functional as F`. One that begins
    with a dot is compared with an attribute of anything but `self`, and with texts that name
    one. What would hide the use of such a library, such as `getattr(torch, …)`, `exec` or a
    module handed around as a value, is an offence by itself.

    Args:
        source: The submission's Python files as text, by path: the fixture of that name.
        entry: The file that the harness imports, such as `attention.py`.
        forbidden: Patterns; `*` stands for anything, and case does not matter. A pattern also
            forbids what is inside of what it names: `sklearn` all of sklearn.
    """
    trees, found = _imported(source, entry)
    own = frozenset(
        node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, _DEFINED)
    )
    for path, tree in trees.items():
        found += _places(path, _Reader(tree, _Forbidden.of(forbidden, own)).offences())
    return tuple(found)


def _places(path: str, faults: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{path}, line {line}: {said}" for line, said in sorted(faults)]


# ---- which files ---------------------------------------------------------------------------

_DEFINED: Final = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _imported(source: Mapping[str, str], entry: str) -> tuple[dict[str, ast.Module], list[str]]:
    """Return the trees of the entry and of what it imports, directly or not; and what cannot be read."""
    waiting = [path for path in source if path.rpartition("/")[2] == entry.rpartition("/")[2]]
    seen, trees, faults, left = set(waiting), {}, [], MOST_READ
    while waiting:
        path = waiting.pop()
        left -= len(source[path])
        try:
            trees[path] = tree = _parsed(source[path], left)
        except UNREADABLE as error:
            line = getattr(error, "lineno", None) or 1
            faults.append(f"{path}, line {line}: cannot be read as Python in UTF-8: {error!s:.100}")
            continue
        parts = {part for node in ast.walk(tree) for name in _names(node) for part in name.split(".")}
        more = [other for other in source if other not in seen and _module(other) in parts]
        seen.update(more)
        waiting += more
    return trees, faults


def _parsed(text: str, left: int) -> ast.Module:
    if left < 0:
        raise ValueError(f"what is imported is longer than {MOST_READ:,} characters")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8", "replace")).readline)
    if encoding not in ENCODINGS:
        raise ValueError(encoding)
    return ast.parse(text.removeprefix("\ufeff"))


def _module(path: str) -> str:
    """Return the last part of the name by which a file is imported."""
    folder, _, file = path.removesuffix(".py").rpartition("/")
    return folder.rpartition("/")[2] if file == "__init__" else file


def _installed(name: str) -> bool:
    """Whether a name means a library: those come before a submission's own files."""
    folders = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    return name in sys.stdlib_module_names or PathFinder.find_spec(name, folders) is not None


def _names(node: ast.AST) -> list[str]:
    """Return the full names that an import brings in; empty for any other node."""
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module or ''}.{alias.name}".lstrip(".") for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


# ---- libraries that are not allowed --------------------------------------------------------


def _faults(node: ast.AST, known: frozenset[str]) -> Iterator[str]:
    for name in _names(node):
        relative = isinstance(node, ast.ImportFrom) and node.level > 0
        top, *rest = name.split(".")
        if not relative and top not in known:
            yield f"import of {top}, which may not be used here"
        yield from (f"{name} reaches beyond it" for part in rest if part in REACHING | FILES)
    yield from _reached(node)


def _reached(node: ast.AST) -> Iterator[str]:
    """Yield how a node reaches beyond the libraries that it may use."""
    match node:
        case ast.Name(id=name) if name in HIDING:
            yield f"{name} hides what is used"
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in FILES:
            yield f"{name} reads a file"
        case ast.Attribute(attr=name) if name in REACHING:
            yield f".{name} reaches beyond a library"
        case ast.Constant(value=str(text)) if "." in text and re.fullmatch(r"[\w.]+", text):
            if REACHING & set(text.split(".")):  # as operator.attrgetter takes it
                yield f"'{text}' reaches beyond a library"
        case ast.Call(args=[ast.Name(id="self"), *_]):
            return
        case ast.Call(args=[_, ast.Constant(value=str(name)), *_]) if _looks_up(node) == "getattr":
            if name in REACHING or name.startswith("__"):
                yield f"getattr(…, '{name}') reaches beyond a library"
        case ast.Call() if _looks_up(node):
            yield f"{_looks_up(node)}(…) hides what is used: use it by its name"


# ---- what is ready-made --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Forbidden:
    """Patterns, sorted by how they are compared."""

    full: tuple[str, ...]
    """For names with a library's in front."""
    parts: tuple[str, ...]
    """For attributes of anything."""
    libraries: frozenset[str]
    own: frozenset[str]
    """Names that the submission defines itself."""

    @classmethod
    def of(cls, patterns: Sequence[str], own: frozenset[str]) -> _Forbidden:
        full = tuple(one for one in patterns if not one.startswith("."))
        parts = tuple(one[1:].lower() for one in patterns if one.startswith("."))
        libraries = frozenset(one.partition(".")[0] for one in full)
        return cls(tuple(one.lower() for one in full), parts, libraries, own)

    def of_library(self, name: str) -> bool:
        """Whether a full name is that of a library, or of something in it, that is watched."""
        return name.partition(".")[0] in self.libraries

    def names(self, name: str) -> bool:
        """Whether a full name, or what it is inside of, is forbidden."""
        steps = name.lower().split(".")
        whole = (".".join(steps[: count + 1]) for count in range(len(steps)))
        return any(fnmatchcase(one, pattern) for one in whole for pattern in self.full)

    def attribute(self, name: str) -> bool:
        """Whether an attribute is forbidden, whatever it is one of."""
        return name not in self.own and any(fnmatchcase(name.lower(), part) for part in self.parts)


@dataclass(slots=True)
class _Reader:
    """Reads one file."""

    tree: ast.Module
    forbidden: _Forbidden
    known: dict[str, str] = field(default_factory=dict)
    """The full name behind each name for something of a library's, such as torch.nn.functional for F."""

    def offences(self) -> set[tuple[int, str]]:
        """Return lines and what is wrong there."""
        nodes = list(ast.walk(self.tree))
        self._learn_names(nodes)
        looked_at = self._looked_at(nodes)
        return {
            (getattr(node, "lineno", 1), said)
            for node in nodes
            for said in (*self._used(node), *self._hidden(node), *self._handed_around(node, looked_at))
        }

    def _learn_names(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            aliases = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ()
            for alias, name in zip(aliases, _names(node), strict=True):
                if self.forbidden.of_library(name):
                    whole = alias.asname or isinstance(node, ast.ImportFrom)
                    bound = alias.asname or alias.name.partition(".")[0]
                    self.known[bound] = name if whole else name.partition(".")[0]
        for _ in range(3):  # a name may stand for a name that stands for a name
            self.known |= {
                target.id: name
                for node in nodes
                for target in _targets(node)
                if isinstance(target, ast.Name) and (name := self._name(getattr(node, "value", None)))
            }

    def _name(self, node: object) -> str:
        """Return the full name of something of a library's, or an empty text."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        start = self.known.get(node.id, "") if isinstance(node, ast.Name) else ""
        return ".".join([start, *reversed(parts)]) if start else ""

    def _used(self, node: ast.AST) -> Iterator[str]:
        """Yield what a node uses of what is forbidden."""
        for name in (*_names(node), self._name(node)):
            if self.forbidden.of_library(name) and self.forbidden.names(name):
                yield f"{name} is ready-made, and building it is the exercise"
        match node:
            case ast.Attribute(value=ast.Name(id="self")):
                return
            case ast.Attribute(attr=name) if not self._name(node) and self.forbidden.attribute(name):
                yield f".{name} is ready-made, and building it is the exercise"
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.]+", text):
                if self.forbidden.attribute(text.rpartition(".")[2]):
                    yield f"'{text}' names what is ready-made, and building it is the exercise"

    def _hidden(self, node: ast.AST) -> Iterator[str]:
        """Yield how a node finds something other than by its name."""
        found = ""
        match node:
            case ast.Import() | ast.ImportFrom():
                names = _names(node)
                finders = [name for name in names if name.partition(".")[0] in FINDERS]
                stars = [name for name in names if name.endswith(".*") and self.forbidden.of_library(name)]
                found = next(iter(finders + stars), "")
            case ast.Name(id=name) if name in HIDING:
                found = name
            case ast.Call(args=[first, *_]) if _looks_up(node) and self._name(first):
                found = f"{_looks_up(node)}({self._name(first)}, …)"
            case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
                found = "sys.modules"
            case ast.Attribute(attr="__dict__", value=owner) if self._name(owner):
                found = f"{self._name(owner)}.__dict__"
            case ast.Attribute(attr=name) if name in BACK_DOORS:
                found = f".{name}"
        if found:
            yield f"{found} hides what is called: use it by its name"

    def _handed_around(self, node: ast.AST, looked_at: set[int]) -> Iterator[str]:
        """Yield a module that is used as a value, where no later use of it can be seen."""
        name = self._name(node)
        if name and id(node) not in looked_at and _is_module(name):
            yield f"{name} as a value hides what is called: use it by its name"

    def _looked_at(self, nodes: Sequence[ast.AST]) -> set[int]:
        """Return the nodes that may be modules: of which an attribute is taken, or that get another name."""
        longer = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        asked = {id(node.args[0]) for node in nodes if isinstance(node, ast.Call) and _looks_up(node)}
        in_classes = {id(line) for node in nodes if isinstance(node, ast.ClassDef) for line in node.body}
        aliases = {
            id(node.value)
            for node in nodes
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and id(node) not in in_classes
            if all(isinstance(target, ast.Name) for target in _targets(node))
        }
        return longer | asked | aliases | {id(target) for node in nodes for target in _targets(node)}


def _targets(node: ast.AST) -> list[ast.expr]:
    """Return what an assignment of any kind gives a value to."""
    match node:
        case ast.Assign(targets=targets):
            return targets
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
            return [target]
    return []


def _looks_up(node: ast.AST) -> str:
    """Return the function by which a call asks for attributes, or an empty text."""
    match node:
        case ast.Call(func=ast.Name(id="getattr" | "vars" | "dir" as name), args=[_, *_]):
            return str(name)
    return ""


def _is_module(name: str) -> bool:
    """Whether a full name is a module's; of those that the grader has not imported, the top one."""
    return "." not in name or name in sys.modules
