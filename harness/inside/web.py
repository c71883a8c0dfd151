"""HTTP inside the sandbox, on its own loopback: the submission's app, and a door to the grader's services.

There is no network. `serve` runs the submission's ASGI app under uvicorn, `request` asks it
or any other loopback address, and `open_door` answers requests by asking the grader.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
CHUNKS_CAP = 10_000
START_SECONDS = 20.0
Headers = list[tuple[str, str]]


def serve(app: Any) -> str:
    """Run an ASGI app on a free port and return its address; raises what its start-up raises."""
    import uvicorn

    listener = socket.socket()
    listener.bind((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", access_log=True))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the app did not start: see the log")
        time.sleep(0.01)
    return f"http://{HOST}:{listener.getsockname()[1]}"


def request(url: str, method: str, headers: Headers, body: bytes, patience: float) -> dict[str, Any]:
    """Send one request and return status, headers and the body in the pieces it came in, with their times."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=patience)
    began = time.monotonic()
    try:
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.putrequest(method, path or "/", skip_accept_encoding=True)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        chunks = [(time.monotonic() - began, chunk) for chunk in _chunks(response)]
        return {"status": response.status, "headers": response.getheaders(), "chunks": chunks}
    finally:
        connection.close()


def _chunks(response: http.client.HTTPResponse) -> Iterable[bytes]:
    for _ in range(CHUNKS_CAP):
        chunk = response.read1(1 << 16)
        if not chunk:
            return
        yield chunk


def open_door(answer: Callable[..., Any]) -> str:
    """Answer loopback requests by asking `answer(method, path, headers, body)`; return the address.

    The answer is a dict with `status`, `headers` and `chunks`; `delay` holds it back that
    many seconds, and a status of 0 closes the connection without a word.
    """

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            said = answer(self.command, self.path, list(self.headers.items()), self.rfile.read(length))
            time.sleep(said.get("delay", 0.0))
            if not said["status"]:
                self.close_connection = True
                return
            self._say(said["status"], said["headers"], said["chunks"])

        def _say(self, status: int, headers: Headers, chunks: list[bytes]) -> None:
            self.send_response(status)
            for name, value in [*headers, ("Connection", "close"), ("Transfer-Encoding", "chunked")]:
                self.send_header(name, value)
            self.end_headers()
            for chunk in [*(chunk for chunk in chunks if chunk), b""]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _any

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing: the grader's services do not write into the submission's log."""

    server = ThreadingHTTPServer((HOST, 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{HOST}:{server.server_address[1]}"
