"""Functions of the grader's, as the submission sees them: calling one asks the harness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import wire
from harness.inside.channel import Channel


class Function:
    """Calls like any function; runs on the other side of the wall, while the harness waits for an answer."""

    def __init__(self, channel: Channel, callback: wire.Callback, objects: dict[int, object]) -> None:
        self._channel, self._callback, self._objects = channel, callback, objects
        self.__name__ = callback.shown

    def __call__(self, *args: object, **kwargs: object) -> Any:
        """Ask, wait, and return the answer; raises `TypeError` for arguments that do not fit."""
        encoder = wire.Encoder(_refuse)
        given = encoder.encode([args, kwargs])
        header, body = self._channel.ask({"ask": self._callback.id, "given": given}, encoder.body)
        if "refused" in header:
            raise TypeError(f"{self.__name__}: {header['refused']}")
        lookup: Callable[[wire.Handle], object] = lambda handle: self._objects[handle.id]  # noqa: E731
        return wire.Decoder(body, lookup).decode(header["told"])

    def __repr__(self) -> str:
        return f"<function {self.__name__} of the grader>"


def _refuse(value: object) -> wire.Handle:
    raise wire.Unsendable(
        f"a {type(value).__name__} cannot be given to the grader's function; give plain data"
    )
