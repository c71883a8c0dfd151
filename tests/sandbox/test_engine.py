"""Which engines are talked to, and in which words the others are refused."""

import json
import math
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from harness.errors import NoEngine
from harness.sandbox.engine import connect

REMOTE = {
    "unencrypted": ("tcp://192.0.2.7:2375", ""),
    "encrypted": ("tcp://192.0.2.7:2376", "1"),
    "encrypted-here": ("tcp://127.0.0.1:2376", "1"),
    "https": ("https://engine.example:2376", ""),
    "ssh": ("ssh://ada@engine.example", ""),
}


@pytest.mark.parametrize(("address", "verified"), REMOTE.values(), ids=REMOTE)
def test_an_engine_of_another_machine_is_refused_in_words(address, verified, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", verified)
    with pytest.raises(NoEngine, match="another machine's") as caught:
        connect()
    assert "ssh -L" in caught.value.hint


class Engine(BaseHTTPRequestHandler):
    """Answers what an engine is asked first, under the name that the server was given."""

    def do_GET(self):
        self.server.asked += 1
        if self.server.asked > self.server.answers:
            self.close_connection = True  # it dies
            return
        parts = [{"Name": self.server.kind, "Version": "4.3.1"}]
        answer = json.dumps({"ApiVersion": "1.41", "Version": "4.3.1", "Components": parts}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    """Serve as an engine of some kind on a socket of its own."""
    servers = []

    def serve(kind: str, answers: float = math.inf) -> str:
        server = socketserver.ThreadingUnixStreamServer(str(tmp_path / "engine.sock"), Engine)
        server.kind, server.daemon_threads = kind, True
        server.asked, server.answers = 0, answers
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"unix://{tmp_path}/engine.sock"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_podman_is_refused_in_words(served):
    with pytest.raises(NoEngine, match="answers Podman") as caught:
        connect(served("Podman Engine"))
    assert "Docker engine" in caught.value.hint


@pytest.mark.parametrize("answers", [0, 1])
def test_an_engine_that_dies_while_it_is_met_is_none(served, answers):
    with pytest.raises(NoEngine, match="no Docker engine answers"):
        connect(served("Engine", answers))


def test_docker_is_taken(served):
    connect(served("Engine")).close()
