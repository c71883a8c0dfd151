"""Files, commands and executed notebooks of a submission, brought to the harness as bytes under caps."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

OUTPUT_CAP = 1 << 20


def read_file(root: Path, name: str, cap: int) -> bytes | None:
    """Return a regular file's bytes, or None if there is none; raises `ValueError` if it is too large."""
    try:
        number = os.open(root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        data = file.read(cap + 1)
    if len(data) > cap:
        raise ValueError(f"{name} is larger than the {cap >> 10} KiB that are allowed")
    return data


def run_command(root: Path, command: list[str], seconds: float) -> dict[str, Any]:
    """Run a command in the submission's folder; return its exit status and the end of what it printed."""
    arguments = [sys.executable if part == "python" else part for part in command]
    try:
        done = subprocess.run(
            arguments,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return {"status": None, "output": _end(late.stdout or b"")}
    return {"status": done.returncode, "output": _end(done.stdout)}


def _end(output: bytes) -> str:
    return output[-OUTPUT_CAP:].decode("utf-8", "replace")


def execute_notebook(data: bytes, seconds: float) -> bytes:
    """Run a notebook in a Jupyter kernel, errors included, and return it with its outputs."""
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.reads(data.decode(), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as folder:
        # over sockets in a folder: TCP would have to ask the kernel for interfaces, which is refused
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/kernel")
        NotebookClient(
            notebook, km=manager, timeout=seconds, allow_errors=True, store_widget_state=False
        ).execute()
    return str(nbformat.writes(notebook)).encode()
