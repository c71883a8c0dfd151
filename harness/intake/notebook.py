"""A notebook's code, cell by cell, in the order of the page; outputs and metadata are dropped unread.

A cell keeps its number as the learner counts code cells from 1, so that errors point at
cell and line. Magics become calls of `get_ipython()`, which the sandbox answers with a
stand-in: harmless ones do nothing, `%time` runs its statement, shell escapes are told.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Final

from harness.errors import SubmissionError
from harness.inside.notebook import HARMLESS, RUNS_ITS_BODY
from harness.intake.names import shown
from harness.records import Cell

SIZE_CAP: Final = 64 << 20
CELLS_CAP: Final = 2000
SKIP_TAGS: Final = frozenset({"skip", "skip-grading", "no-grade", "roadmark-skip"})
MAGIC: Final = re.compile(r"^[^\S\n]*[%!?]|^[^#'\"\n]*=[^\S\n]*[%!]|\?[^\S\n]*$", re.MULTILINE)
"""Where IPython's own syntax may stand; only then is its transformer loaded."""


CALL: Final = re.compile(
    r"get_ipython\(\)\.(?P<kind>system|getoutput|run_line_magic|run_cell_magic)\('(?P<what>(?:[^'\\]|\\.)*)'"
)
MOST_TOLD: Final = 10
MOST_WORK: Final = 3_000_000
"""Characters times magics in all cells: IPython's transformer reads a cell anew for each. Ten seconds."""
MOST_READ: Final = 1 << 20
"""Characters of one cell; a tree takes five hundred times as much memory."""


def left_out(cells: Iterable[Cell]) -> list[str]:
    """Return, for the learner, which shell commands and magics will not be run, at most ten."""
    told = []
    for cell in cells:
        for found in CALL.finditer(cell.source):
            what = shown(found["what"])[:80]
            if found["kind"] in ("system", "getoutput"):
                told.append(f"Cell {cell.number}: `!{what}` was left out: there is no shell and no network.")
            elif what not in RUNS_ITS_BODY | HARMLESS:
                sign = "%" if found["kind"] == "run_line_magic" else "%%"
                told.append(f"Cell {cell.number}: `{sign}{what}` was left out: this magic is not known here.")
    return told[:MOST_TOLD]


def as_module(cells: Iterable[Cell]) -> str:
    """Return the cells one below the other, to be read by a policy: what a magic runs stands in its place.

    A cell that is no Python runs nothing, and is left out; one that is too large or too deep to be read
    stays, for the policy to refuse.
    """
    return "\n".join(text for cell in cells if (text := _readable(cell.source)) is not None)


def _readable(source: str) -> str | None:
    try:
        tree = ast.parse(source) if len(source) <= MOST_READ else None
    except SyntaxError:
        return None
    except (ValueError, RecursionError, MemoryError):
        return source
    if tree is None or "get_ipython" not in source:
        return source
    try:
        return ast.unparse(_Unwrapped().visit(tree))
    except (ValueError, RecursionError, MemoryError):
        return source


class _Unwrapped(ast.NodeTransformer):
    """Puts what a magic runs in the place of its call."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        """Return the statements of a magic's body, nothing for another magic, or the node itself."""
        match node.value:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython"), args=[])),
                args=[ast.Constant(value=str(name)), *rest],
                keywords=[],
            ) if all(isinstance(one, ast.Constant) for one in rest):
                body = rest[-1].value if rest and name in RUNS_ITS_BODY else ""  # type: ignore[attr-defined]
                return _statements(str(body)) or [ast.Pass()]
        return node


def _statements(source: str) -> list[ast.stmt]:
    """Return what a text says in Python; nothing if it says nothing."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def cells_of(data: bytes, name: str) -> tuple[Cell, ...]:
    """Return the code cells that are to run.

    Raises:
        SubmissionError: no notebook, one for another language, or nothing in it.
    """
    notebook = _parsed(data, name)
    language = _language(notebook)
    if language not in ("python", ""):
        raise SubmissionError(f"{name} is a notebook for {language!a:.40}, not for Python")
    cells = tuple(_cells(notebook))
    if not any(cell.source.strip() for cell in cells):
        raise SubmissionError(f"{name}: nothing is implemented: no code cell holds anything")
    return cells


def _parsed(data: bytes, name: str) -> Any:
    """Return the notebook in format 4; nbformat upgrades older ones and mends what can be mended."""
    import nbformat

    try:
        tree = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        hint = "open and save it in Jupyter"
        raise SubmissionError(
            f"{name}, line {error.lineno}, column {error.colno}: {error.msg}", hint=hint
        ) from None
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            f"{name} is not a notebook: {error}", hint="open and save it in Jupyter"
        ) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("cells", tree.get("worksheets")), list):
        raise SubmissionError(
            f"{name} is not a notebook: it has no cells", hint="open and save it in Jupyter"
        )
    _forget_outputs(tree)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing ids and the like cost nothing
            version = tree.get("nbformat")
            tree["nbformat"] = version if isinstance(version, int) else 4
            return nbformat.convert(nbformat.from_dict(tree), 4)
    except Exception as error:  # noqa: BLE001 - nbformat lets whatever it meets escape
        raise SubmissionError(
            f"{name} is not a notebook: {error!s:.200}", hint="open and save it in Jupyter"
        ) from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _forget_outputs(tree: dict[str, Any]) -> None:
    for sheet in (tree, *_dicts(tree.get("worksheets"))):
        for cell in _dicts(sheet.get("cells")):
            cell.pop("attachments", None)
            if "outputs" in cell:
                cell["outputs"] = []


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _language(notebook: Any) -> str:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for owner, key in (("kernelspec", "language"), ("language_info", "name")):
        described = metadata.get(owner)
        if isinstance(described, dict) and isinstance(described.get(key), str):
            return str(described[key]).lower()
    return ""


def _cells(notebook: Any) -> Iterator[Cell]:
    code = [cell for cell in _dicts(notebook.get("cells")) if cell.get("cell_type") == "code"]
    left = MOST_WORK
    for number, cell in enumerate(code[:CELLS_CAP], start=1):
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        if not (isinstance(tags, list) and SKIP_TAGS & {tag for tag in tags if isinstance(tag, str)}):
            source = _text(cell.get("source"))
            magics = len(MAGIC.findall(source))
            left -= len(source) * magics
            yield Cell(number=number, source=_python(source) if magics and left >= 0 else source)


def _text(source: object) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _python(source: str) -> str:
    """Return a cell with magics as Python; a syntax error is left for the cell's run to report."""
    from IPython.core.inputtransformer2 import TransformerManager  # nbconvert asks it too, but imports more

    try:
        return str(TransformerManager().transform_cell(source))  # type: ignore[no-untyped-call]
    except (SyntaxError, ValueError, RecursionError, RuntimeError):  # the last: it gave up
        return source
