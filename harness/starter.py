"""Starters: what is left of a reference solution when its solutions are taken out.

The lines between `### BEGIN SOLUTION` and `### END SOLUTION` go. Inside a function, a
`raise NotImplementedError` takes their place, with the text that follows BEGIN SOLUTION
as its message; elsewhere, where a raise would keep the starter from being imported, that
text stays as a comment. Signatures and docstrings stay, whichever side of the marker
they are on.
"""

from __future__ import annotations

import ast
import io
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.catalog import Course
from harness.errors import SpecError
from harness.records import Exercise

BEGIN: Final = "### BEGIN SOLUTION"
END: Final = "### END SOLUTION"
MESSAGE: Final = "your solution goes here"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _Marker:
    """One marker: its line, counted from 1, its indentation, and the text after it."""

    line: int
    indent: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Region:
    """The lines of one solution, the markers' own among them."""

    first: int
    last: int
    indent: str
    message: str


def starter_of(source: str) -> str:
    """Return the starter for the source of a reference solution.

    A source without markers is returned as it is.

    Raises:
        SpecError: it is not Python, or a marker has no partner, lies within another
            solution, is misspelt, or shares its line; the message names the line.
    """
    tree = _parsed(source)
    regions = list(_regions(_markers(source)))
    lines = io.StringIO(source).readlines()  # not splitlines, which breaks at form feeds too
    for region in reversed(regions):  # from the end, so that earlier lines keep their numbers
        left = _left(tree, region, lines)
        first = region.first - 1
        while not left and first and not lines[first - 1].strip():
            first -= 1  # the blank lines before go with it: those after it are enough
        lines[first : region.last] = left
    starter = "".join(lines)
    _require_python(starter, regions)
    return starter


def write_starters(course: Course, exercise: Exercise) -> list[Path]:
    """Write the starter of each file of the reference that has markers, and return their paths.

    Files without markers are the reference's own and are not given away.

    Raises:
        SpecError: there is no reference, its entry has no marker, or a marker is wrong.
    """
    starters = _starters(course, exercise)
    for file, text in starters.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.{os.getpid()}.part")
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(file)
    return list(starters)


def stale_starters(course: Course, exercise: Exercise) -> list[Path]:
    """Return the starters that are missing or are not what the reference generates; raises `SpecError`."""
    wanted = _starters(course, exercise).items()
    return [file for file, text in wanted if not file.is_file() or file.read_bytes() != text.encode()]


def _starters(course: Course, exercise: Exercise) -> dict[Path, str]:
    """Return the text of each starter by the path where it belongs."""
    solution = course.reference_folder(exercise.id) / "solution"
    target = course.exercise_folder(exercise.id) / "starter"
    starters = {}
    for file in sorted(solution.rglob("*.py")):
        source = _text(file)
        starter = _told(file, source)
        if starter != source:
            starters[target / file.relative_to(solution)] = starter
    if target / exercise.entry not in starters:
        entry = solution / exercise.entry
        problem = f"has no {BEGIN}" if entry.is_file() else "does not exist"
        raise SpecError(f"{entry} {problem}", hint=f"mark what a learner writes by {BEGIN} and {END}")
    return starters


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise SpecError(f"{file} is not UTF-8") from None


def _told(file: Path, source: str) -> str:
    try:
        return starter_of(source)
    except SpecError as error:
        raise SpecError(f"{file}: {error}", hint=error.hint) from None


# ---- reading ---------------------------------------------------------------------------------


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise SpecError(f"line {error.lineno}: {error.msg}") from None


def _markers(source: str) -> Iterator[_Marker]:
    """Yield the markers in order; only comments count, so that a docstring can speak of them."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        words = token.string.lstrip("# ").upper().split()[:2]
        if token.type != tokenize.COMMENT or words not in (["BEGIN", "SOLUTION"], ["END", "SOLUTION"]):
            continue
        line, column = token.start
        kind = next((mark for mark in (BEGIN, END) if f"{token.string} ".startswith(f"{mark} ")), "")
        if not kind:
            raise SpecError(f"line {line}: {token.string!r} is no marker", hint=f"write {BEGIN} or {END}")
        indent = token.line[:column]
        if indent.strip():
            raise SpecError(f"line {line}: {kind} has to stand on a line of its own")
        yield _Marker(line, indent, kind, token.string.removeprefix(kind).strip())


def _regions(markers: Iterator[_Marker]) -> Iterator[_Region]:
    opened: _Marker | None = None
    for marker in markers:
        if opened is None:
            if marker.kind == END:
                raise SpecError(f"line {marker.line}: {END} without a {BEGIN} before it")
            opened = marker
            continue
        if marker.kind == BEGIN:
            raise SpecError(
                f"line {marker.line}: {BEGIN} within the solution that begins at line {opened.line}"
            )
        if marker.indent != opened.indent:
            raise SpecError(
                f"line {marker.line}: {END} is not indented like its {BEGIN} at line {opened.line}"
            )
        yield _Region(opened.line, marker.line, opened.indent, opened.text)
        opened = None
    if opened is not None:
        raise SpecError(f"line {opened.line}: {BEGIN} has no {END}")


# ---- writing ---------------------------------------------------------------------------------


def _left(tree: ast.Module, region: _Region, lines: list[str]) -> list[str]:
    """Return the lines that take a region's place."""
    newline = "\r\n" if lines[region.first - 1].endswith("\r\n") else "\n"
    function = _function_around(tree, region)
    if function is None:
        return [f"{region.indent}# {region.message}{newline}"] if region.message else []
    message = (region.message or MESSAGE).replace("\\", "\\\\").replace('"', '\\"')
    raised = f'{region.indent}raise NotImplementedError("{message}"){newline}'
    return [*_docstring(function, region, lines), raised]


def _function_around(tree: ast.Module, region: _Region) -> Function | None:
    """Return the function whose body a region lies in; None in a class or at the top."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.lineno < region.first <= (node.end_lineno or 0)
        and len(region.indent) > node.col_offset
    ]
    innermost = max(around, key=lambda node: node.lineno, default=None)
    return innermost if isinstance(innermost, (ast.FunctionDef, ast.AsyncFunctionDef)) else None


def _docstring(function: Function, region: _Region, lines: list[str]) -> list[str]:
    """Return the lines of the function's docstring if the region swallowed it."""
    first = function.body[0]
    if ast.get_docstring(function) is None or not region.first < first.lineno < region.last:
        return []
    return lines[first.lineno - 1 : first.end_lineno]


def _require_python(starter: str, regions: list[_Region]) -> None:
    """Refuse a starter that could not be imported, such as one whose class has lost its only method."""
    try:
        ast.parse(starter)
    except SyntaxError as error:
        places = ", ".join(str(region.first) for region in regions)
        raise SpecError(
            f"line {places}: without what is marked here, the rest is no Python: {error.msg}"
        ) from None
