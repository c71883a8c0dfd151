"""A starter as a notebook: the starter module's statements, one cell per definition."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook


def notebook_of(source: str, title: str) -> str:
    """Return a notebook, as JSON text, that defines what a starter module defines.

    The module's docstring becomes text, its imports and constants one cell, and each function
    or class a cell of its own. Ids are numbered, so that the same source gives the same bytes.
    """
    tree = ast.parse(source)
    intro = ast.get_docstring(tree) or ""
    cells = [new_markdown_cell(f"# {title}\n\n{intro}".strip(), id="cell-0")]
    for number, text in enumerate(_pieces(source, tree), start=1):
        cells.append(new_code_cell(text, id=f"cell-{number}"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return str(nbformat.writes(notebook)) + "\n"


def _pieces(source: str, tree: ast.Module) -> Iterator[str]:
    """Yield the source of each cell: statements between definitions together, comments with what follows."""
    lines = source.splitlines(keepends=True)
    body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    start = tree.body[0].end_lineno or 0 if body is not tree.body else 0
    loose = ""
    for node in body:
        piece = "".join(lines[start : node.end_lineno])
        start = node.end_lineno or start
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if loose.strip():
                yield loose.strip("\n")
            loose = ""
            yield piece.strip("\n")
        else:
            loose += piece
    rest = loose + "".join(lines[start:])
    if rest.strip():
        yield rest.strip("\n")
