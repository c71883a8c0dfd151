"""The service: documents come in, questions are answered as a stream of events.

Configuration stands in the environment and is read when a request needs it:

    LIBRARY_TOKEN                                  the bearer token of who may change documents
    MOST_ASKS                                      questions that are answered at the same time, 8 by default
    OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL  the chat model
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from assistant import model
from assistant.answers import checked, make_prompt
from assistant.documents import Library

app = FastAPI()
library = Library()
AT_ONCE = 6
"""Passages in a prompt."""


class Document(BaseModel):
    """What is kept under an id."""

    text: str = Field(min_length=1, max_length=100_000, pattern=r"\w")


class Ask(BaseModel):
    """A question."""

    question: str = Field(min_length=1, max_length=500, pattern=r"\w")


@app.get("/health")
def health() -> dict[str, Any]:
    """Say that the service runs, and how much it knows."""
    documents, passages = library.counts()
    return {"status": "ok", "documents": documents, "passages": passages}


@app.get("/", response_class=HTMLResponse)
def page() -> str:
    """Return the page."""
    from assistant.page import PAGE

    return PAGE


def librarian(authorization: str = Header("")) -> None:
    """Let in who has the token; 401 for all others."""
    token, given = os.environ.get("LIBRARY_TOKEN", ""), authorization.encode()
    if not token or not secrets.compare_digest(given, f"Bearer {token}".encode()):
        raise HTTPException(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"})


@app.put("/documents/{document}", dependencies=[Depends(librarian)])
async def put(document: str, given: Document) -> dict[str, Any]:
    """Keep a document."""
    if not re.fullmatch(r"[\w.-]{1,64}", document, re.ASCII):
        raise HTTPException(422, "an id has up to 64 letters, digits, dots, dashes and underscores")
    return {"id": document, "passages": library.put(document, given.text)}


@app.delete("/documents/{document}", dependencies=[Depends(librarian)], status_code=204)
async def delete(document: str) -> None:
    """Forget a document."""
    if not library.remove(document):
        raise HTTPException(404, "there is no such document")


@app.get("/search")
async def search(q: str = Query(min_length=1, max_length=500), k: int = Query(5, ge=1, le=20)) -> dict[str, Any]:
    """Return the passages that are nearest to a question."""
    hits = library.search(q, k)
    return {"hits": [{"id": p.id, "document": p.document, "text": p.text, "score": score} for p, score in hits]}




@app.post("/ask")
async def ask(given: Ask) -> Response:
    """Answer a question as a stream of events: `sources`, `token` again and again, and `done` or `error`."""
    if not places.take():
        raise HTTPException(503, "too many questions at the moment", {"Retry-After": "2"})
    return Held(events(given.question), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def events(question: str) -> AsyncIterator[str]:
    """Yield what happens while a question is answered, as server-sent events."""
    passages = [passage for passage, _ in library.search(question, AT_ONCE)]
    yield event("sources", [{"number": n, "id": p.id, "document": p.document} for n, p in enumerate(passages, start=1)])
    reply = ""
    try:
        if passages:
            async for piece in model.reply(make_prompt(question, passages)):
                reply += piece
                yield event("token", {"text": piece})
    except model.ModelError as error:
        raise
    answer, citations = checked(reply, passages)
    yield event("done", {"answer": answer, "citations": citations})


def event(name: str, data: object) -> str:
    """Return one server-sent event; JSON has no line ends that could break it."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


class Places:
    """How many questions are being answered."""

    def __init__(self) -> None:
        self.taken = 0

    def take(self) -> bool:
        """Take a place if one is free."""
        free = self.taken < int(os.environ.get("MOST_ASKS", "8"))
        self.taken += free
        return free

    def leave(self) -> None:
        """Give a place back."""
        self.taken -= 1


places = Places()


class Held(StreamingResponse):
    """A stream that has a place, and gives it back however it ends."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            places.leave()


class Logged:
    """Writes one line of JSON for each request, and gives each an id; neither questions nor secrets are in it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        name = given if re.fullmatch(r"[A-Za-z0-9-]{1,64}", given) else uuid.uuid4().hex
        began, status = time.perf_counter(), 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", name.encode())]}
            await send(message)

        try:
            await self.inner(scope, receive, sending)
        finally:
            line = {"id": name, "method": scope["method"], "path": scope["path"], "status": status}
            print(json.dumps({**line, "ms": round(1000 * (time.perf_counter() - began), 1)}), flush=True)


app.add_middleware(Logged)
