"""The worker's loop: one request at a time, each answered with a value or a described failure.

The operations are the whole vocabulary of the wall. `target` is a handle's number, 0 for
the submission's module.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import os
import random
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from harness import wire
from harness.inside import files
from harness.inside.callbacks import Function
from harness.inside.channel import Channel, take_standard_streams
from harness.inside.failures import describe
from harness.inside.gpu import settle
from harness.inside.notebook import run_cells

HANDLES_CAP = 1000
MODULE = 0


class Missing(Exception):
    """The submission, or an object of it, has no such name; `near` are names that it has."""

    def __init__(self, owner: str, name: str, near: list[str]) -> None:
        super().__init__(name)
        self.owner, self.name, self.near = owner, name, near


class Worker:
    """Holds the submission's module and the objects that its calls have left inside."""

    def __init__(self, root: Path, channel: Channel) -> None:
        self._root, self._channel = root, channel
        self._objects: dict[int, object] = {}
        self._last = MODULE

    def serve(self) -> None:
        """Answer requests until the harness closes the stream."""
        while True:
            kept = self._last
            answer, buffers = self._answer(*self._channel.next())
            _flush()
            try:
                self._channel.reply(answer, buffers)
            except wire.Unsendable as error:
                answer = {"unsendable": str(error)}
                self._channel.reply(answer, [])
            if "value" not in answer:
                self._forget_after(kept)

    def _answer(self, header: dict[str, Any], body: bytearray) -> tuple[dict[str, Any], list[wire.Buffer]]:
        try:
            arguments = wire.Decoder(body, self._object, self._function).decode(header["arguments"])
            for number in header.get("drop", ()):
                self._objects.pop(number, None)
            _seed(header.get("seed"))
            value = OPERATIONS[header["op"]](self, **arguments)
            encoder = wire.Encoder(self._keep, header["cap"])
            return {"value": encoder.encode(value)}, encoder.body
        except wire.Unsendable as error:
            return {"unsendable": str(error)}, []
        except Missing as error:
            return {"missing": error.owner, "name": error.name, "near": error.near}, []
        except BaseException as error:  # noqa: BLE001 - whatever a submission raises is data
            return {"error": describe(error, self._root)}, []

    def _object(self, handle: wire.Handle) -> object:
        return self._objects[handle.id]

    def _function(self, callback: wire.Callback) -> Function:
        return Function(self._channel, callback, self._objects)

    def _keep(self, value: object) -> wire.Handle:
        if len(self._objects) >= HANDLES_CAP:
            raise wire.Unsendable(
                f"more than {HANDLES_CAP} objects were returned; {_kind(value)} is one too many"
            )
        self._last += 1
        self._objects[self._last] = value
        return wire.Handle(self._last, _kind(value), callable=callable(value))

    def _forget_after(self, last: int) -> None:
        """Let go of objects whose numbers the harness was never told; they would count to the cap."""
        for number in range(last + 1, self._last + 1):
            self._objects.pop(number, None)

    # ---- operations ------------------------------------------------------------------------

    def load(self, files: list[tuple[str, bytes]], environment: dict[str, str]) -> None:
        """Write the submission's files, whose paths were checked, and set its environment."""
        self.set_environment(environment)
        for name, data in files:
            file = self._root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        os.chdir(self._root)

    def set_environment(self, variables: dict[str, str]) -> None:
        """Set variables of the environment."""
        os.environ.update(variables)

    def preload(self, modules: list[str], *, gpu: bool = False) -> dict[str, str] | None:
        """Import libraries before the submission, so that nothing of it can stand in for them.

        Returns:
            What runs on the GPU, if one is lent.
        """
        for name in modules:
            importlib.import_module(name)
        return settle() if gpu else None

    def start(self, entry: str, module: str) -> None:
        """Import the submission's entry file; its folder comes last on the path, after every library.

        `module` is the entry as the exercise names it: with a folder, it is part of a package.
        """
        if "/" in module:
            top = (self._root / entry).parents[module.count("/")]
            sys.path.append(str(top))
            self._objects[MODULE] = importlib.import_module(module.removesuffix(".py").replace("/", "."))
            return
        sys.path.append(str((self._root / entry).parent))
        name = Path(entry).stem
        spec = importlib.util.spec_from_file_location(name, self._root / entry)
        if spec is None or spec.loader is None:
            raise ImportError(f"{entry} is not a Python file")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[name] = loaded
        self._objects[MODULE] = loaded
        spec.loader.exec_module(loaded)

    def start_cells(self, entry: str, cells: list[tuple[int, str]]) -> list[dict[str, Any]]:
        """Run a notebook's cells as one module; return a description of each that raised."""
        sys.path.append(str((self._root / entry).parent))
        name = Path(entry).stem
        module = sys.modules[name] = ModuleType(name)
        self._objects[MODULE] = module
        raised = run_cells(module, cells, str(self._root))
        return [describe(error, self._root) | {"cell": number} for number, error in raised]

    def get(self, target: int, name: str) -> object:
        """Return an attribute as data; what is callable comes back as a handle."""
        value = self._attribute(target, name)
        return self._keep(value) if callable(value) else value

    def call(
        self, target: int, name: str | None, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> object:
        """Call an object or its method."""
        function = self._objects[target] if name is None else self._attribute(target, name)
        return function(*args, **kwargs)  # type: ignore[operator]

    def iterate(self, target: int) -> wire.Handle:
        """Return an iterator over an object, which stays as it is."""
        return self._keep(iter(self._objects[target]))  # type: ignore[call-overload]

    def take(self, target: int, count: int) -> list[object]:
        """Return up to `count` more items of an iterator."""
        return list(islice(self._objects[target], count))  # type: ignore[call-overload]

    def vjp(self, target: int, args: tuple[object, ...], cotangent: object) -> dict[str, object]:
        """Return the output and the gradients of sum(output * cotangent) by torch's autograd."""
        return _vjp(self._objects[target], args, cotangent)

    def read_file(self, name: str, cap: int) -> bytes | None:
        """Return a file that the submission has written."""
        return files.read_file(self._root, name, cap)

    def run_command(self, command: list[str], seconds: float) -> dict[str, Any]:
        """Run a command in the submission's folder."""
        return files.run_command(self._root, command, seconds)

    def execute_notebook(self, data: bytes, seconds: float) -> bytes:
        """Run a notebook in a kernel of its own."""
        return files.execute_notebook(data, seconds)

    def serve_app(self, name: str) -> str:
        """Run the submission's web app and return its address."""
        from harness.inside import web

        return web.serve(self._attribute(MODULE, name))

    def open_door(self, answer: Callable[..., Any]) -> str:
        """Open a loopback address that the grader answers."""
        from harness.inside import web

        return web.open_door(answer)

    def request(self, **arguments: Any) -> dict[str, Any]:
        """Send one HTTP request within the sandbox."""
        from harness.inside import web

        return web.request(**arguments)

    def _attribute(self, target: int, name: str) -> object:
        owner = self._objects[target]
        try:
            return getattr(owner, name)
        except AttributeError:
            if hasattr(type(owner), name):
                raise  # a property of theirs that failed, not a missing name
            known = [key for key in dir(owner) if not key.startswith("_")]
            owner_name = "" if isinstance(owner, ModuleType) else _kind(owner)
            raise Missing(owner_name, name, difflib.get_close_matches(name, known, n=3, cutoff=0.5)) from None


OPERATIONS: dict[str, Callable[..., object]] = {
    "load": Worker.load,
    "set_environment": Worker.set_environment,
    "preload": Worker.preload,
    "start": Worker.start,
    "start_cells": Worker.start_cells,
    "get": Worker.get,
    "call": Worker.call,
    "iterate": Worker.iterate,
    "take": Worker.take,
    "vjp": Worker.vjp,
    "read_file": Worker.read_file,
    "run_command": Worker.run_command,
    "execute_notebook": Worker.execute_notebook,
    "serve_app": Worker.serve_app,
    "open_door": Worker.open_door,
    "request": Worker.request,
}


def _vjp(function: Any, args: tuple[Any, ...], cotangent: Any) -> dict[str, object]:
    import torch

    leaves = [_leaf(arg) for arg in args]
    output = function(*leaves)
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"expected a tensor to differentiate, got {_kind(output)}")
    named = dict(function.named_parameters()) if isinstance(function, torch.nn.Module) else {}
    inputs = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and leaf.requires_grad]
    wanted = [*inputs, *(p for p in named.values() if p.requires_grad)]
    got = iter(_gradients(output, wanted, cotangent))
    by_input = [next(got) if any(leaf is item for item in inputs) else None for leaf in leaves]
    by_name = {key: next(got) for key, p in named.items() if p.requires_grad}
    return {"output": output, "inputs": by_input, "parameters": by_name}


def _leaf(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor) and value.dtype.is_floating_point:
        return value.detach().clone().requires_grad_()
    return value


def _gradients(output: Any, wanted: list[Any], cotangent: Any) -> list[Any]:
    """Return one gradient per wanted tensor; None where the output does not depend on it.

    The sum has the gradients that `grad_outputs=cotangent` has, but torch takes half a second to import what
    compares the shapes of those.
    """
    import torch

    if not output.requires_grad or not wanted:
        return [None] * len(wanted)
    if output.shape != cotangent.shape:
        raise ValueError(f"expected an output of shape {tuple(cotangent.shape)}, got {tuple(output.shape)}")
    total = (output * cotangent.to(output)).sum()  # where the output is, if that is a GPU
    return list(torch.autograd.grad(total, wanted, allow_unused=True))


def _seed(seed: int | None) -> None:
    """Seed the global generators, so that the same run seed gives the same verdict."""
    if seed is None:
        return
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % (1 << 32))
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed % (1 << 63))


def _flush() -> None:
    """Let what was printed leave before the answer does; their stream may be closed or replaced."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def _kind(value: object) -> str:
    return str(type(value).__name__)[:80]


def prepare_prints() -> None:
    """Let what is printed leave line by line, whatever characters it has."""
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]


def main() -> None:
    """Serve the harness over stdin and stdout; the submission's folder is the working directory."""
    channel = take_standard_streams()
    prepare_prints()
    Worker(Path.cwd(), channel).serve()
