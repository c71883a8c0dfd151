"""Visitors that come at the same time, and a model that waits for them, in the sandbox with the service.

Whatever has to happen before something else is arranged by waiting for it, never by a clock: the model
keeps its reply back until the visitor has seen its beginning, or until all visitors have come. Only who
waits in vain gives up, after `PATIENCE` seconds.

What decides is kept outside of the sandbox: every question that reaches the model is passed on to the
grader through its door, and so is what visitors have seen; the rest of a reply comes from there, too, when
it is asked for. Only where visitors leave, nothing is passed on before they have left: the door stands in the
service's process, and memory that is in use for long is collected late. Takes JSON as its argument.
"""

import http.client
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PATIENCE = 5.0
NOTICE = 1.0
"""Seconds in which a service may notice that visitors have gone; it need not."""
GIVEN = json.loads(sys.argv[-1])
SERVICE, DOOR = urlsplit(GIVEN["address"]), urlsplit(GIVEN["door"])


def tell(what, data, headers=None):
    """Tell the grader what has happened, and return what it says to it."""
    connection = http.client.HTTPConnection(DOOR.hostname, DOOR.port, timeout=4 * PATIENCE)
    try:
        connection.request("POST", f"{DOOR.path}/{what}", data, headers or {})
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


class Model:
    """Says what the grader lets it say, when it may."""

    def __init__(self):
        self.first, self.arrived = "", []
        self.all_here, self.finish = threading.Event(), threading.Event()

    def asked(self, path, body, bearer):
        """Pass a question on, or only count it."""
        self.arrived.append(path)
        leaving = GIVEN["mode"] == "leave"
        told = {} if leaving else tell(path.strip("/"), body, {"Authorization": bearer})
        self.first = told.get("first", "")
        if told.get("all") or (leaving and len(self.arrived) >= GIVEN["count"]):
            self.all_here.set()

    def rest(self):
        """Return the rest of the reply."""
        return GIVEN["reply"] if GIVEN["mode"] == "leave" else tell("rest", b"{}").get("rest", "")


model = Model()


class Handler(BaseHTTPRequestHandler):
    """The model's interface."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Stream a reply: its beginning at once, if there is one, the rest when `finish` is set."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        for name, value in (
            ("Content-Type", "text/event-stream"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        model.asked(self.path, body, self.headers.get("Authorization") or "")
        if model.first:
            self.say(model.first)
        else:
            model.all_here.wait(PATIENCE)
        model.finish.wait(PATIENCE)
        self.say(model.rest())
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
    connection = http.client.HTTPConnection(SERVICE.hostname, SERVICE.port, timeout=4 * PATIENCE)
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
        return str(json.loads(data)["text"])
    except (ValueError, LookupError, TypeError):
        return ""


def early(**seen):
    """Tell what was seen while the model still keeps the rest of its replies, and let it go on."""
    tell("early", json.dumps(seen))
    model.finish.set()
    model.all_here.set()  # if they have not come yet, nobody waits for them any longer


def stream():
    """One visitor: has the beginning of the reply arrived while the model still keeps the end?"""
    heard, names = [], [b""]

    def look(line):
        if line.startswith(b"event:"):
            names.append(line[6:].strip())
        if line.startswith(b"data:") and names[-1] == b"token" and not model.finish.is_set():
            heard.append(text_of(line[5:]))
            if "".join(heard) == model.first:
                early(heard=model.first)

    return {"said": [ask("POST", "/ask", {"question": GIVEN["questions"][0]}, look)]}


def hold():
    """Many visitors at once: do all questions reach the model, and does the service live meanwhile?"""
    answers, threads = together(GIVEN["questions"], len(GIVEN["questions"]))
    one_more = {"question": GIVEN["extra"]}
    here = model.all_here.wait(PATIENCE)
    health = ask("GET", "/health") if here else None
    early(health=health, extra=ask("POST", "/ask", one_more) if here and GIVEN["extra"] else None)
    for thread in threads:
        thread.join(4 * PATIENCE)
    after = ask("POST", "/ask", one_more) if GIVEN["extra"] else None
    return {"said": answers, "after": after}


def leave():
    """Many visitors go away while the model thinks: is there room for the next one in the end?"""
    gone = []
    for question in GIVEN["questions"]:
        connection = http.client.HTTPConnection(SERVICE.hostname, SERVICE.port, timeout=PATIENCE)
        body = json.dumps({"question": question})
        try:
            connection.request("POST", "/ask", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            while response.readline().strip():
                pass
        except (OSError, http.client.HTTPException):
            return {"said": [None]}
        gone.append((connection, response))
    here = model.all_here.wait(PATIENCE)
    for connection, response in gone:
        response.close()
        connection.close()
    time.sleep(NOTICE)
    early(here=here)
    for _ in range(100):
        said = ask("POST", "/ask", {"question": GIVEN["questions"][0]})
        if said["status"] != 503:
            break
        time.sleep(PATIENCE / 100)
    return {"said": [said]}


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
tell("said", json.dumps({"stream": stream, "hold": hold, "leave": leave, "crowd": crowd}[GIVEN["mode"]]()))
