"""The assistant in Starlette: checks by hand, threads for the model, http.client to reach it."""

import hmac
import json
import os
import re
import threading
import time
import uuid

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from . import chat
from .shelf import Shelf

shelf = Shelf()
lock = threading.Lock()
asking = 0


def refuse(status, **headers):
    raise HTTPException(status, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def body_of(request):
    try:
        value = json.loads(await request.body())
    except ValueError:
        refuse(422)
    return value if isinstance(value, dict) else refuse(422)


def text_in(value, most):
    if not isinstance(value, str) or len(value) > most or not re.search(r"\w", value):
        refuse(422)
    return value


async def health(request):
    return JSONResponse({"status": "ok", **shelf.sizes()})


async def page(request):
    return HTMLResponse(PAGE)


async def document(request):
    token = os.environ.get("LIBRARY_TOKEN", "")
    given = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(given.encode(), ("Bearer " + token).encode()):
        refuse(401, WWW_Authenticate="Bearer")
    name = request.path_params["name"]
    if request.method == "DELETE":
        return Response(status_code=204) if shelf.drop(name) else refuse(404)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        refuse(422)
    text = text_in((await body_of(request)).get("text"), 100_000)
    return JSONResponse({"id": name, "passages": shelf.add(name, text)})


async def search(request):
    k = request.query_params.get("k", "5")
    q = request.query_params.get("q", "")
    if not k.isdigit() or not 1 <= int(k) <= 20 or not 0 < len(q) <= 500:
        refuse(422)
    return JSONResponse({"hits": shelf.near(q, int(k))})


async def ask(request):
    global asking
    question = text_in((await body_of(request)).get("question"), 500)
    with lock:
        if asking >= int(os.environ.get("MOST_ASKS", 8)):
            refuse(503, Retry_After="1")
        asking += 1
    events = (f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in told(question))
    return Counted(events, media_type="text/event-stream")


class Counted(StreamingResponse):
    """Gives its place back when it ends; a generator that nobody reads on ends when Python gets round to it."""

    async def __call__(self, scope, receive, send):
        global asking
        try:
            await super().__call__(scope, receive, send)
        finally:
            with lock:
                asking -= 1


def told(question):
    hits = shelf.near(question, 8)
    yield "sources", [{"number": n, "id": h["id"], "document": h["document"]} for n, h in enumerate(hits, 1)]
    pieces = []
    try:
        for piece in chat.pieces(question, hits) if hits else ():
            pieces.append(piece)
            yield "token", {"text": piece}
    except chat.Trouble as trouble:
        yield "error", {"message": f"Sorry: {trouble}"}
        return
    answer, ids = chat.judged("".join(pieces), hits)
    yield "done", {"answer": answer, "citations": ids}


class Log:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        wished = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"x-request-id"), "")
        entry = {"id": wished if re.fullmatch("[A-Za-z0-9-]{1,64}", wished) else str(uuid.uuid4())}
        entry |= {"method": scope["method"], "path": scope["path"], "status": 500}
        start = time.monotonic()

        async def noting(event):
            if event["type"] == "http.response.start":
                entry["status"] = event["status"]
                event["headers"] = [*event.get("headers", ()), (b"X-Request-ID", entry["id"].encode())]
            await send(event)

        try:
            await self.app(scope, receive, noting)
        finally:
            entry["ms"] = int(1000 * (time.monotonic() - start))
            print(json.dumps(entry))


PAGE = """<!DOCTYPE html>
<html lang=en><head><meta charset=utf-8><title>Questions</title></head><body>
<form id=f><label>Your question <textarea name=q required></textarea></label><button>Ask</button></form>
<pre id=out></pre>
<script>
f.onsubmit = async e => {
  e.preventDefault(); out.textContent = "";
  const r = await fetch("/ask", {method: "POST", body: JSON.stringify({question: f.q.value})});
  const reader = r.body.getReader(), text = new TextDecoder();
  for (let part; !(part = await reader.read()).done;) out.textContent += text.decode(part.value, {stream: true});
};
</script></body></html>"""

app = Starlette(
    routes=[
        Route("/", page),
        Route("/health", health),
        Route("/search", search),
        Route("/ask", ask, methods=["POST"]),
        Route("/documents/{name}", document, methods=["PUT", "DELETE"]),
    ],
    middleware=[Middleware(Log)],
)
