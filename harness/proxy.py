"""The submission as a grader sees it: attribute access is a question asked behind the wall.

`submission.attention(q, k, v)` sends plain data and tensors, waits no longer than the
exercise allows, and returns plain data and tensors. What cannot cross (a module, an
optimiser, a generator) stays inside and comes back as a `Remote`, whose attributes and
calls are further questions. A function among the arguments may be called back. Names that
the proxy uses itself (`within`, `vjp`, `http`, `open_door`,
`artefact`, `run`, `executed`, `set_environment`, `cpu_seconds`) are reached with `submission["vjp"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness import wire
from harness.artefacts import Ran, executed_notebook, read_artefact, run_command
from harness.failures import LearnerFailure
from harness.session import MODULE, Session
from harness.web import Answer, HttpClient, answered

TAKE: Final = 64
MOST_ITEMS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Gradients:
    """What `vjp` brings back.

    Attributes:
        output: The function's value, a tensor.
        inputs: One gradient per positional argument; None where there is none.
        parameters: Gradients by parameter name; None where the output does not depend on it.
    """

    output: Any
    inputs: tuple[Any, ...]
    parameters: dict[str, Any]


class NoLength(LearnerFailure, TypeError):
    """An object inside has no length; a TypeError too, because `list` asks everything for one in vain."""


class Reference:
    """Our hold on an object inside: the last one to go lets the object go too."""

    def __init__(self, session: Session, handle: wire.Handle) -> None:
        self.session, self.handle, self.start = session, handle, session.starts

    def ask(self, operation: str, seconds: float | None, arguments: dict[str, Any]) -> Any:
        """Ask about the object; raises `LearnerFailure` if it was lost."""
        self.session.require_alive(self.start)
        return self.session.ask(operation, seconds, target=self.handle.id, **arguments)

    def __del__(self) -> None:
        self.session.drop(self.handle.id, self.start)


class Remote:
    """An object that stayed inside. Calls and attributes are questions; comparisons are by identity."""

    def __init__(self, reference: Reference, seconds: float | None = None) -> None:
        self._reference, self._seconds = reference, seconds

    @property
    def _handle(self) -> wire.Handle:
        return self._reference.handle

    def within(self, *, seconds: float) -> Remote:
        """Return the same object with another limit for each of its calls."""
        return Remote(self._reference, seconds)

    def vjp(self, *args: Any, cotangent: Any) -> Gradients:
        """Return output and gradients of sum(output * cotangent), parameters of a module included."""
        answer = _as(dict, self._ask("vjp", args=args, cotangent=cotangent))
        inputs, parameters = _as(list, answer.get("inputs")), _as(dict, answer.get("parameters"))
        return Gradients(answer.get("output"), tuple(inputs), parameters)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        return self._reference.ask(operation, self._seconds, arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._ask("call", name=None, args=args, kwargs=kwargs)
        except LearnerFailure as failure:
            raise _with_arguments(failure, args, kwargs) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _with_seconds(self._ask("get", name=name), self._seconds)

    def __getitem__(self, key: Any) -> Any:
        return self._ask("call", name="__getitem__", args=(key,), kwargs={})

    def __len__(self) -> int:
        try:
            length: int = _as(int, self._ask("call", name="__len__", args=(), kwargs={}))
        except LearnerFailure as failure:
            if failure.reason == "missing":
                raise NoLength("missing", str(failure), brief=failure.brief) from None
            raise
        if not 0 <= length <= MOST_ITEMS:
            raise LearnerFailure("unsendable", f"Its length is {length}.")
        return length

    def __bool__(self) -> bool:
        try:
            return len(self) > 0
        except NoLength:
            return True

    def __iter__(self) -> Iterator[Any]:
        iterator = _as(Remote, self._ask("iterate"))
        for _ in range(MOST_ITEMS // TAKE):
            items = _as(list, iterator._ask("take", count=TAKE))  # noqa: SLF001 - one of ours
            yield from items
            if len(items) < TAKE:
                return
        raise LearnerFailure("unsendable", f"It gave more than {MOST_ITEMS:,} items. Does it ever end?")

    def __repr__(self) -> str:
        return f"<{self._handle.shown} in the sandbox>"


class SubmissionProxy:
    """The module that was handed in."""

    def __init__(self, session: Session, seconds: float | None = None) -> None:
        self._session, self._seconds = session, seconds
        session.remote = lambda handle: Remote(Reference(session, handle))

    def within(self, *, seconds: float) -> SubmissionProxy:
        """Return the same submission with another limit for each call."""
        return SubmissionProxy(self._session, seconds)

    @property
    def http(self) -> HttpClient:
        """The exercise's web app, started inside the sandbox: `submission.http.get("/health")`."""
        return HttpClient(self._session, self._session.exercise.app, self._seconds)

    def open_door(self, answer: Callable[..., Answer]) -> str:
        """Return a loopback address, inside the sandbox, that `answer(method, path, headers, body)` serves.

        Requests reach the function only while a question to the submission is open.
        """

        def reply(method: object, path: object, headers: object, body: object) -> dict[str, object]:
            return answered(answer, method, path, headers, body)

        return str(self._session.ask("open_door", self._seconds, answer=reply))

    def artefact(self, path: str) -> Any:
        """Return a file that the exercise declares: text, JSON, rows of a table, or an array."""
        return read_artefact(self._session, path, self._seconds)

    def run(self, *arguments: str) -> Ran:
        """Run the exercise's command with further arguments, in the submission's folder."""
        return run_command(self._session, arguments, self._seconds)

    def executed(self) -> Any:
        """Return the notebook with the outputs of a fresh run; the report links its rendering."""
        return executed_notebook(self._session, self._seconds)

    def set_environment(self, variables: Mapping[str, str]) -> None:
        """Set variables of the submission's environment, such as a key to a service."""
        self._session.set_environment(variables)

    def cpu_seconds(self) -> float | None:
        """Return the processor time of the sandbox so far, as the system counts it outside; None if hidden.

        The difference around a question hardly depends on what else the machine does.
        """
        return self._session.cpu_seconds()

    def vjp(self, function: Remote, *args: Any, cotangent: Any) -> Gradients:
        """Return output and gradients of sum(function(*args) * cotangent) for tensors among args."""
        remote: Remote = _as(Remote, function)
        return remote.vjp(*args, cotangent=cotangent)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = self[name]
        if not isinstance(value, Remote):  # called, it would be our fault that it is no function
            entry, kind = self._session.submission.entry, type(value).__name__
            raise LearnerFailure("missing", f"'{name}' of {entry} is a {kind}, not a function or a class.")
        return value

    def __getitem__(self, name: str) -> Any:
        """Return a function, a class, or any data that the module holds under a name."""
        return _with_seconds(self._session.ask("get", None, target=MODULE, name=name), self._seconds)

    def __repr__(self) -> str:
        return f"<{self._session.submission.entry} in the sandbox>"


def _with_arguments(
    failure: LearnerFailure, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> LearnerFailure:
    """Add to a refusal of the arguments how the exercise calls; an error from within names its place."""
    if failure.brief != "TypeError" or not str(failure).startswith("TypeError: ") or "\n" in str(failure):
        return failure
    count = f"{len(args)} argument{'s' * (len(args) != 1)}"
    named = f" and {', '.join(f'{name}=…' for name in kwargs)}" if kwargs else ""
    words = f"{failure}\nThe exercise calls it with {count}{named}."
    return LearnerFailure(failure.reason, words, brief=failure.brief)


def _as(kind: type, value: Any) -> Any:
    """Return what must be of a kind; anything else was not said by our worker."""
    if type(value) is not kind:
        raise LearnerFailure(
            "protocol", f"It gave a {type(value).__name__} where the harness asked for another thing."
        )
    return value


def _with_seconds(value: Any, seconds: float | None) -> Any:
    return value.within(seconds=seconds) if seconds is not None and isinstance(value, Remote) else value
