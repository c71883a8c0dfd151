"""Run a notebook's cells in one module, top to bottom; a cell that raises does not stop the next.

`get_ipython()` is a stand-in: magics that only change how things look do nothing, the ones
that time something run it, and shell escapes are answered with a line in the log.
"""

from __future__ import annotations

import linecache
from types import ModuleType
from typing import Any

RUNS_ITS_LINE = {"time", "timeit", "prun", "memit", "mprun", "lprun"}
RUNS_ITS_BODY = RUNS_ITS_LINE | {"capture", "python", "python3", "debug"}
HARMLESS = {
    "matplotlib",
    "load_ext",
    "reload_ext",
    "autoreload",
    "config",
    "precision",
    "pylab",
    "who",
    "whos",
    "pwd",
    "history",
    "env",
}


class StandIn:
    """What `get_ipython()` returns in a sandbox."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def run_line_magic(self, name: str, line: str, *_: object, **__: object) -> None:
        """Answer `%name line`."""
        if name in RUNS_ITS_LINE:
            exec(compile(line, f"%{name}", "exec"), vars(self._module))  # noqa: S102 - their code, in their sandbox
        elif name in {"pip", "conda"}:
            print(f"%{name}: packages cannot be installed here; there is no network")
        elif name not in HARMLESS:
            print(f"%{name} is not known here and was left out")

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        """Answer `%%name line` over a whole cell."""
        if name in RUNS_ITS_BODY:
            exec(compile(body, f"%%{name}", "exec"), vars(self._module))  # noqa: S102
        elif name not in HARMLESS:
            print(f"%%{name} {line}: such cells are not run here")

    def system(self, command: str) -> None:
        """Answer `!command`."""
        print(f"!{command}: shell commands are not run here")

    def getoutput(self, command: str, *_: object, **__: object) -> list[str]:
        """Answer `x = !command`."""
        self.system(command)
        return []


def run_cells(module: ModuleType, cells: list[tuple[int, str]], root: str) -> list[tuple[int, BaseException]]:
    """Run cells in a module's namespace and return those that raised, by number."""
    space: dict[str, Any] = vars(module)
    space["get_ipython"] = lambda: StandIn(module)
    space["display"] = print
    raised: list[tuple[int, BaseException]] = []
    for number, source in cells:
        name = f"{root}/cell {number}"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            exec(compile(source, name, "exec", dont_inherit=True), space)  # noqa: S102
        except BaseException as error:  # noqa: BLE001 - a cell may raise anything; the next still counts
            raised.append((number, error))
    return raised
