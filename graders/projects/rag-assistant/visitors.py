"""Visitors that come at the same time, and a model that waits for them, in the sandbox with the service.

Whatever has to happen before something else is arranged by waiting for it, never by a clock: the model
keeps its reply back until the visitor has seen its beginning, or until all visitors have come. Only who
waits in vain gives up, after `PATIENCE` seconds. Takes JSON as its argument, and
writes visitors.json.
"""

import http.client
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 5.0
NOTICE = 1.0
"""Seconds in which a service may notice that visitors have gone; it need not."""
GIVEN = json.loads(sys.argv[-1])
HOST, PORT = urlsplit(GIVEN["address"]).hostname, urlsplit(GIVEN["address"]).port


class Model:
    """Says `GIVEN["reply"]`, in two pieces, when it may."""

    def __init__(self):
        self.arrived, self.in_vain = 0, False
        self.all_here, self.begun, self.finish = threading.Event(), threading.Event(), threading.Event()
        self.lock = threading.Lock()

    def arrive(self):
        """Count a question."""
        with self.lock:
            self.arrived += 1
            if self.arrived >= GIVEN["count"]:
                self.all_here.set()


model = Model()


class Handler(BaseHTTPRequestHandler):
    """The model's interface."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Stream a reply: its first half at once or when all have come, the rest when `finish` is set."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        for name, value in (
            ("Content-Type", "text/event-stream"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        half = len(GIVEN["reply"]) // 2
        model.arrive()
        if GIVEN["mode"] != "stream":
            model.all_here.wait(PATIENCE)
        else:
            self.say(GIVEN["reply"][:half])
        if not model.finish.wait(PATIENCE):
            model.in_vain = True
        if GIVEN["mode"] != "stream":
            self.say(GIVEN["reply"][:half])
        self.say(GIVEN["reply"][half:])
        self.send("data: [DONE]\n\n")
        self.send("")

    def say(self, text):
        """Send a piece of the reply."""
        self.send("data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) + "\n\n")

    def send(self, text):
        """Send one chunk."""
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *arguments):
        """Say nothing."""


def ask(method, path, body=None, on_line=None):
    """Ask the service; return status, headers and body, or what went wrong."""
    connection = http.client.HTTPConnection(HOST, PORT, timeout=4 * PATIENCE)
    try:
        data = json.dumps(body).encode() if body is not None else b""
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = b""
        while line := response.readline():
            text += line
            if on_line:
                on_line(line)
        return {"status": response.status, "retry": response.getheader("Retry-After"), "text": text.decode()}
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        return {"status": 0, "retry": None, "text": type(error).__name__}
    finally:
        connection.close()


def together(questions, width):
    """Ask all questions, so many at a time; return the answers in order."""
    answers, left, lock = [None] * len(questions), list(enumerate(questions))[::-1], threading.Lock()

    def visit():
        while True:
            with lock:
                if not left:
                    return
                number, question = left.pop()
            answers[number] = ask("POST", "/ask", {"question": question})

    threads = [threading.Thread(target=visit, daemon=True) for _ in range(width)]
    for thread in threads:
        thread.start()
    return answers, threads


def text_of(data):
    """Return what a token says."""
    try:
        return json.loads(data)["text"]
    except (ValueError, LookupError, TypeError):
        return ""


def stream():
    """One visitor: has the beginning of the reply arrived while the model still keeps the end?"""
    seen, names = [], [b""]

    def look(line):
        if line.startswith(b"event:"):
            names.append(line[6:].strip())
        if line.startswith(b"data:") and names[-1] == b"token" and text_of(line[5:]):
            seen.append(not model.in_vain)
            model.finish.set()

    said = ask("POST", "/ask", {"question": GIVEN["questions"][0]}, look)
    return {"early": bool(seen and seen[0]), "said": [said]}


def hold():
    """Many visitors at once: do all questions reach the model, and does the service live meanwhile?"""
    answers, threads = together(GIVEN["questions"], len(GIVEN["questions"]))
    here = model.all_here.wait(PATIENCE)
    health = ask("GET", "/health") if here else None
    between = not model.in_vain
    extra = ask("POST", "/ask", {"question": GIVEN["questions"][0]}) if here and GIVEN["extra"] else None
    model.finish.set()
    model.all_here.set()  # if they have not come yet, nobody waits for them any longer
    for thread in threads:
        thread.join(4 * PATIENCE)
    after = ask("POST", "/ask", {"question": GIVEN["questions"][0]}) if GIVEN["extra"] else None
    return {
        "here": here,
        "health": health,
        "between": between,
        "extra": extra,
        "after": after,
        "said": answers,
    }


def leave():
    """Many visitors go away while the model thinks: is there room for the next one in the end?"""
    gone = []
    for question in GIVEN["questions"]:
        connection = http.client.HTTPConnection(HOST, PORT, timeout=PATIENCE)
        body = json.dumps({"question": question})
        try:
            connection.request("POST", "/ask", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            while response.readline().strip():
                pass
        except (OSError, http.client.HTTPException):
            return {"here": False, "said": [None]}
        gone.append((connection, response))
    here = model.all_here.wait(PATIENCE)
    for connection, response in gone:
        response.close()
        connection.close()
    time.sleep(NOTICE)
    model.finish.set()
    for _ in range(100):
        said = ask("POST", "/ask", {"question": GIVEN["questions"][0]})
        if said["status"] != 503:
            break
        time.sleep(PATIENCE / 100)
    return {"here": here, "said": [said]}


def crowd():
    """So many questions, so many at a time; another model answers."""
    answers, threads = together(GIVEN["questions"], GIVEN["count"])
    for thread in threads:
        thread.join()
    return {"said": answers}


if GIVEN["mode"] != "crowd":
    server = ThreadingHTTPServer(("127.0.0.1", GIVEN["port"]), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
seen = {"stream": stream, "hold": hold, "leave": leave, "crowd": crowd}[GIVEN["mode"]]()
Path("visitors.json").write_text(json.dumps({**seen, "turn": GIVEN["port"] + 1}), encoding="utf-8")
