"""HTTP through the wall: a submission's web app, and services that a grader plays for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.failures import LearnerFailure
from harness.session import Session

Headers = Sequence[tuple[str, str]]
MARGIN_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service of the grader's says to one request.

    Attributes:
        status: The HTTP status; 0 closes the connection without a word.
        headers: Names and values.
        chunks: The body in pieces, sent one after the other.
        delay: Seconds to wait before the first byte.
    """

    status: int = 200
    headers: Headers = ()
    chunks: Sequence[bytes] = ()
    delay: float = 0.0

    @classmethod
    def json(cls, value: object, *, status: int = 200) -> Answer:
        """Return an answer with a JSON body."""
        body = json.dumps(value).encode()
        return cls(status=status, headers=(("Content-Type", "application/json"),), chunks=(body,))


def answered(
    answer: Callable[..., Answer], method: object, path: object, headers: object, body: object
) -> dict[str, Any]:
    """Return the answer as data; a request that is not one is the submission's mistake."""
    pairs = _pairs(headers)
    if not (isinstance(method, str) and isinstance(path, str) and isinstance(body, bytes)) or pairs is None:
        return {"status": 400, "headers": [], "chunks": [], "delay": 0.0}
    said = answer(method, path, {name.lower(): value for name, value in pairs}, body)
    return {
        "status": said.status,
        "headers": [list(pair) for pair in said.headers],
        "chunks": list(said.chunks),
        "delay": said.delay,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a submission's web app answered.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case; of a repeated header the last value.
        chunks: The body in the pieces it came in, each with the seconds since the request.
    """

    status: int
    headers: Mapping[str, str]
    chunks: tuple[tuple[float, bytes], ...]

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body's JSON, or None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class HttpClient:
    """Questions to the submission's web app; it is started at the first one."""

    def __init__(self, session: Session, app: str, seconds: float | None = None) -> None:
        self._session, self._app, self._seconds = session, app, seconds

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        json: Any = None,
    ) -> Response:
        """Send a request and return the response; raises `LearnerFailure` if there is none.

        Args:
            method: Such as `GET`.
            path: With its query.
            headers: Beside Host and Content-Length.
            body: The bytes to send.
            json: Sent as JSON instead of `body`, with its Content-Type.
        """
        pairs = list((headers or {}).items())
        if json is not None:
            body = _dumped(json)
            pairs.append(("Content-Type", "application/json"))
        seconds = self._seconds or self._session.exercise.limits.call_seconds
        answer = self._session.ask(
            "request",
            seconds,
            url=self._address() + path,
            method=method,
            headers=pairs,
            body=body,
            patience=max(MARGIN_SECONDS, seconds - MARGIN_SECONDS),
        )
        return _response(answer)

    @property
    def address(self) -> str:
        """Where the app listens inside the sandbox, for a command that asks it from there."""
        return self._address()

    def get(self, path: str, **options: Any) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> Response:
        """Send a POST request."""
        return self.request("POST", path, **options)

    def _address(self) -> str:
        """Return the app's address in the worker that runs now."""
        known = self._session.addresses.get(self._app)
        if known is None:
            seconds = self._session.exercise.limits.import_seconds
            known = self._session.ask("serve_app", seconds, name=self._app)
            if not isinstance(known, str):
                raise LearnerFailure("protocol", "Its process did not say where the app listens.")
            self._session.addresses[self._app] = known
        return known


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def _pairs(value: object) -> list[tuple[str, str]] | None:
    """Return what must be a list of pairs of text, or None."""
    if not isinstance(value, list):
        return None
    pairs = [tuple(item) for item in value if isinstance(item, (list, tuple)) and len(item) == 2]
    good = len(pairs) == len(value) and all(isinstance(part, str) for pair in pairs for part in pair)
    return [(str(name), str(text)) for name, text in pairs] if good else None


def _response(answer: Any) -> Response:
    """Return the response that the worker described; its shape is not trusted."""
    match answer:
        case {"status": int() as status, "headers": list() as headers, "chunks": list() as chunks}:
            pairs = _pairs(headers)
            timed = [c for c in chunks if isinstance(c, tuple) and len(c) == 2]
            good = all(isinstance(at, float) and isinstance(chunk, bytes) for at, chunk in timed)
            if pairs is not None and good and len(timed) == len(chunks):
                found = {name.lower(): value for name, value in pairs}
                return Response(status=status, headers=found, chunks=tuple(timed))
    raise LearnerFailure("protocol", "Its process described a response that is none.")
