"""Functions of the grader's that a submission may call: a scripted model, a tool, an upstream service.

A function among the arguments of a question crosses as a number. While the question is open
the submission may call it; the call runs here, its arguments are data like any answer, and
what it returns goes in as data.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Final

from harness import wire

FUNCTIONS: Final = (types.FunctionType, types.MethodType, functools.partial)
MOST: Final = 1000


class Callbacks:
    """The functions that one submission has been given.

    Args:
        require_alive: Called with the start that an object inside came from; raises
            `LearnerFailure` if it was lost with its worker, since its number now means another.
    """

    def __init__(self, require_alive: Callable[[int], None]) -> None:
        self._require_alive = require_alive
        self._functions: list[Callable[..., Any]] = []
        self._raised: BaseException | None = None

    def lowered(self, value: Any) -> Any:
        """Return arguments with handles for objects inside and numbers for functions, at any depth.

        Raises:
            LearnerFailure: an object was lost with its worker.
        """
        handle = getattr(value, "_handle", None)
        if isinstance(handle, wire.Handle):
            self._require_alive(value._reference.start)  # noqa: SLF001 - a Remote, which knows more than we
            return handle
        if isinstance(value, FUNCTIONS):
            return self._registered(value)
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.lowered(item) for item in value)
        if type(value) is dict:
            return {self.lowered(key): self.lowered(item) for key, item in value.items()}
        return value

    def _registered(self, function: Callable[..., Any]) -> wire.Callback:
        if function not in self._functions:
            if len(self._functions) == MOST:
                raise ValueError(f"a grader gave more than {MOST} functions to one submission")
            self._functions.append(function)
        return wire.Callback(self._functions.index(function), getattr(function, "__name__", "function"))

    def answer(self, number: object, given: Any) -> tuple[dict[str, Any], list[wire.Buffer]]:
        """Call a function with what the submission gave, and return a frame's header and body.

        What the function raises is kept for `settle`; arguments that do not fit its signature
        are the submission's mistake and go back as such.
        """
        if type(number) is not int or not 0 <= number < len(self._functions):
            raise wire.ProtocolError("a function was called that was not given")
        match given:
            case [tuple() as args, dict() as kwargs] if all(isinstance(key, str) for key in kwargs):
                pass
            case _:
                raise wire.ProtocolError("a function was called without a list of arguments")
        function = self._functions[number]
        try:
            inspect.signature(function).bind(*args, **kwargs)
        except TypeError as error:
            return {"refused": str(error)}, []
        encoder = wire.Encoder(refuse)
        try:
            return {"told": encoder.encode(self.lowered(function(*args, **kwargs)))}, encoder.body
        except Exception as error:  # noqa: BLE001 - raised again when the question is settled
            self._raised = self._raised or error
            return {"refused": "the grader ended this question"}, []

    def begin(self) -> None:
        """Forget what a function raised in an earlier question that came to no answer."""
        self._raised = None

    def settle(self) -> None:
        """Raise what a function raised during the question that is over."""
        raised, self._raised = self._raised, None
        if raised:
            raise raised


def refuse(value: object) -> wire.Handle:
    """Refuse to send an object of the grader's: only data goes in; raises `TypeError`."""
    raise TypeError(f"a grader tried to send {type(value).__name__} into the sandbox; only data can go")
