"""What a grader asks, read from its source without running it: for `list`, `show` and `lint`.

Nothing is imported, so a whole course is read in well under a second and a grader that
cannot be imported is described like any other.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.catalog import find_cycle
from harness.records import Visibility

FILES: Final = {"public.py": Visibility.PUBLIC, "hidden.py": Visibility.HIDDEN}
KEYS: Final = {
    "check": frozenset({"points", "needs", "hint"}),
    "metric": frozenset({"points", "needs", "hint", "better", "unit", "scale", "pass_share"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlined:
    """One check as its source says it; what is not a literal there is None or empty here."""

    name: str
    title: str
    visibility: Visibility
    file: Path
    line: int
    points: float | None = None
    needs: tuple[str, ...] = ()
    hint: str = ""
    is_metric: bool = False
    better: str = ""
    unit: str = ""
    scale: str = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong in a grader's source."""

    file: Path
    line: int
    reason: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Outline:
    """A grader's checks in the order in which they are asked, and what is wrong with them."""

    checks: tuple[Outlined, ...]
    faults: tuple[Fault, ...]

    @property
    def points(self) -> float:
        """Return the points of all checks whose points are literals."""
        return sum(check.points or 0 for check in self.checks)

    @property
    def metrics(self) -> tuple[Outlined, ...]:
        """Return the checks that are metrics."""
        return tuple(check for check in self.checks if check.is_metric)


def outline(folder: Path) -> Outline:
    """Return what the grader in a folder asks."""
    checks: list[Outlined] = []
    faults: list[Fault] = []
    for name in FILES:
        file = folder / name
        if file.exists():
            _read(file, checks, faults)
    if not any((folder / name).exists() for name in FILES):
        faults.append(Fault(file=folder, line=0, reason="no grader: neither public.py nor hidden.py"))
    faults += _faults_between(checks)
    return Outline(tuple(checks), tuple(faults))


def _read(file: Path, checks: list[Outlined], faults: list[Fault]) -> None:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        faults.append(Fault(file=file, line=line, reason=f"is not Python: {error}"))
        return
    faults += _import_faults(file, tree)
    found = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    if not found:
        faults.append(Fault(file=file, line=0, reason="no checks: no function whose name starts with test_"))
    for function in found:
        mark = _mark(function)
        if mark is None:
            fix = "mark it, or do not call it test_…"
            faults.append(_at(file, function, f"{function.name} has no @check or @metric", fix))
        else:
            checks.append(_outlined(file, function, mark))
            faults += _mark_faults(file, checks[-1], mark)


def _import_faults(file: Path, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(name.split(".")[0] in ("reference", "exercises") for name in names):
            fix = "judge by an independent way to the right answer"
            yield _at(file, node, "imports the reference", fix)


def _mark(function: ast.FunctionDef) -> ast.Call | None:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and _called(decorator) in KEYS:
            return decorator
    return None


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", "") or getattr(call.func, "id", "")


def _outlined(file: Path, function: ast.FunctionDef, mark: ast.Call) -> Outlined:
    given = {keyword.arg: keyword.value for keyword in mark.keywords if keyword.arg}
    points = _literal(given.get("points"))
    return Outlined(
        name=function.name.removeprefix("test_"),
        title=(ast.get_docstring(function) or "").partition("\n")[0],
        visibility=FILES[file.name],
        file=file,
        line=function.lineno,
        points=float(points) if isinstance(points, (int, float)) and not isinstance(points, bool) else None,
        needs=_needs(given.get("needs")),
        hint=_text(given.get("hint")),
        is_metric=_called(mark) == "metric",
        better=_text(given.get("better")),
        unit=_text(given.get("unit")),
        scale=_text(given.get("scale")) or "linear",
    )


def _literal(node: ast.expr | None) -> Any:
    try:
        return ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None


def _text(node: ast.expr | None) -> str:
    value = _literal(node)
    return value if isinstance(value, str) else ""


def _needs(node: ast.expr | None) -> tuple[str, ...]:
    items = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node] if node is not None else []
    names = (item.id if isinstance(item, ast.Name) else _text(item) for item in items)
    return tuple(name.removeprefix("test_") for name in names if name)


def _mark_faults(file: Path, check: Outlined, mark: ast.Call) -> Iterator[Fault]:
    kind = _called(mark)
    given = {keyword.arg: keyword.value for keyword in mark.keywords if keyword.arg}
    for key in given.keys() - KEYS[kind]:
        near = difflib.get_close_matches(key, KEYS[kind], n=1, cutoff=0.4)
        fix = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(KEYS[kind]))}"
        yield _at(file, mark, f"@{kind} of '{check.name}' has an unknown argument: {key}", fix)
    if "points" not in given or (_is_literal(given["points"]) and not (check.points or 0) > 0):
        yield _at(file, mark, f"'{check.name}' earns no points", "say points= with a number above 0")
    if not check.title:
        yield _at(
            file, mark, f"'{check.name}' has no title", "write a docstring: it is what the learner reads"
        )
    if check.is_metric:
        yield from _metric_faults(file, check, mark, given)


def _is_literal(node: ast.expr) -> bool:
    return _literal(node) is not None or (isinstance(node, ast.Constant) and node.value is None)


def _metric_faults(
    file: Path, check: Outlined, mark: ast.Call, given: dict[str, ast.expr]
) -> Iterator[Fault]:
    for key, value, allowed in (
        ("better", check.better, ("lower", "higher")),
        ("scale", check.scale, ("linear", "log")),
    ):
        if value not in allowed and (key not in given or _is_literal(given[key])):
            yield _at(
                file,
                mark,
                f"metric '{check.name}' has no {key}",
                f'say {key}="{allowed[0]}" or "{allowed[1]}"',
            )
    if not check.unit and ("unit" not in given or _is_literal(given["unit"])):
        yield _at(file, mark, f"metric '{check.name}' has no unit", "say unit= in words")


def _at(file: Path, node: ast.AST, reason: str, fix: str = "") -> Fault:
    return Fault(file=file, line=getattr(node, "lineno", 0), reason=reason, fix=fix)


def _faults_between(checks: list[Outlined]) -> Iterator[Fault]:
    """Yield names that are taken, and needs that are unknown, come later or go in a circle."""
    names = [check.name for check in checks]
    circle = find_cycle({check.name: [need for need in check.needs if need in names] for check in checks})
    for index, check in enumerate(checks):
        earlier = names[:index]
        if check.name in earlier:
            yield _of(check, f"two checks are called '{check.name}'", "rename one of them")
        for need in check.needs:
            yield from _need_fault(check, need, names, earlier, circle)


def _need_fault(
    check: Outlined, need: str, names: list[str], earlier: list[str], circle: tuple[str, ...]
) -> Iterator[Fault]:
    if need not in names:
        near = difflib.get_close_matches(need, names, n=1, cutoff=0.4)
        yield _of(
            check,
            f"'{check.name}' needs '{need}', which is no check",
            f"did you mean {near[0]}?" if near else "",
        )
    elif check.name in circle and need in circle:
        yield _of(
            check, f"'{check.name}' is in a circle: {' needs '.join(circle)}", "drop one of these needs"
        )
    elif need not in earlier:
        yield _of(check, f"'{check.name}' needs '{need}', which is asked later", "put it first")


def _of(check: Outlined, reason: str, fix: str = "") -> Fault:
    return Fault(file=check.file, line=check.line, reason=reason, fix=fix)
