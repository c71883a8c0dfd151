"""The assistant in one module; scores in NumPy; the model's stream read byte by byte."""

import json
import os
import re
import time
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

import httpx
import numpy as np
from fastapi import APIRouter, Body, Depends, FastAPI, HTTPException, Path, Query, Request, Security
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

documents: dict[str, list[str]] = {}


@asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(timeout=httpx.Timeout(30.0)) as client:
        app.state.client = client
        app.state.busy = 0
        yield


app = FastAPI(lifespan=lifespan)
door = HTTPBearer(auto_error=False)


def words_of(text):
    return re.findall(r"\w+", text.lower())


def nearest(question, k):
    keys = [(name, number) for name, texts in documents.items() for number in range(len(texts))]
    asked = sorted(set(words_of(question)))
    bags = [words_of(documents[name][number]) for name, number in keys]
    if not bags or not asked:
        return []
    counts = np.array([[bag.count(word) for word in asked] for bag in bags])
    weights = np.log((1 + len(bags)) / (0.5 + (counts > 0).sum(axis=0)))
    scores = np.log1p(counts) @ weights**2 / np.sqrt([10 + len(bag) for bag in bags])
    order = [int(row) for row in np.argsort(-scores, kind="stable") if counts[row].any()][:k]
    return [
        {
            "id": f"{keys[row][0]}:{keys[row][1]}",
            "document": keys[row][0],
            "text": documents[keys[row][0]][keys[row][1]],
            "score": float(scores[row]),
        }
        for row in order
    ]


def cut(text, most=60):
    done, open_words = [], []
    for paragraph in re.split(r"\n\s*\n", text):
        words = paragraph.split()
        if open_words and len(open_words) + len(words) > most:
            done.append(open_words)
            open_words = []
        open_words = open_words + words
        while len(open_words) > most:
            done.append(open_words[:most])
            open_words = open_words[most:]
    return [" ".join(words) for words in [*done, open_words] if words]


def librarian(given: Annotated[HTTPAuthorizationCredentials | None, Security(door)]):
    if given is None or given.scheme.lower() != "bearer" or given.credentials != os.environ["LIBRARY_TOKEN"]:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


locked = APIRouter(prefix="/documents", dependencies=[Depends(librarian)])
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
Text = Annotated[str, Body(embed=True, min_length=1, max_length=100_000, pattern=r"\w")]


@locked.put("/{name}")
def keep(name: Name, text: Text):
    documents[name] = cut(text)
    return {"id": name, "passages": len(documents[name])}


@locked.delete("/{name}", status_code=204)
def forget(name: str):
    if documents.pop(name, None) is None:
        raise HTTPException(404)


app.include_router(locked)


@app.get("/health")
async def health():
    return {"status": "ok", "documents": len(documents), "passages": sum(len(one) for one in documents.values())}


@app.get("/search")
def search(q: Annotated[str, Query(min_length=1, max_length=500)], k: Annotated[int, Query(ge=1, le=20)] = 5):
    return {"hits": nearest(q, k)}


@app.post("/ask")
async def ask(request: Request, question: Annotated[str, Body(embed=True, min_length=1, max_length=500, pattern=r"\w")]):
    state = request.app.state
    if state.busy >= int(os.environ.get("MOST_ASKS", "8")):
        raise HTTPException(503, headers={"Retry-After": "3"})
    state.busy += 1

    async def events():
        try:
            async for name, data in conversation(state.client, question):
                yield "event: " + name + "\r\ndata: " + json.dumps(data, ensure_ascii=False) + "\r\n\r\n"
        finally:
            state.busy -= 1

    return StreamingResponse(events(), media_type="text/event-stream")


async def conversation(client, question):
    hits = nearest(question, 6)
    yield "sources", [dict(number=number, id=hit["id"], document=hit["document"]) for number, hit in enumerate(hits, 1)]
    if not hits:
        yield "done", dict(answer=None, citations=[])
        return
    said = ""
    try:
        async for data in data_of(client, prompt(question, hits)):
            for choice in data["choices"]:
                piece = choice["delta"].get("content")
                if piece:
                    said += piece
                    yield "token", dict(text=piece)
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        yield "error", dict(message="no answer: " + type(error).__name__)
        return
    yield "done", verdict(said, hits)


def prompt(question, hits):
    rules = "Use the passages only. Form: 'Answer: ... [number]', or 'Unknown'."
    user = "".join(f"[{number}] {hit['text']}\n" for number, hit in enumerate(hits, 1))
    user += "Question: " + " ".join(question.split())
    return [{"role": "system", "content": rules}, {"role": "user", "content": user}]


async def data_of(client, messages):
    """Yield the JSON of each event, up to [DONE]; raises if there is no [DONE]."""
    key, base = os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"]
    body = {"model": os.environ["OPENAI_MODEL"], "messages": messages, "stream": True}
    async with client.stream("POST", base + "/chat/completions", json=body, headers={"Authorization": "Bearer " + key}) as r:
        if r.status_code != 200:
            raise ValueError
        rest = b""
        async for chunk in r.aiter_bytes():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not line.startswith(b"data:"):
                    continue
                data = line[5:].strip()
                if data == b"[DONE]":
                    return
                yield json.loads(data)
    raise ValueError


def verdict(said, hits):
    match = re.search(r"^[\s*]*answer:[\s*]*(?P<text>[^\n]*)", said, re.IGNORECASE | re.MULTILINE)
    cited = [int(number) for number in re.findall(r"(?<=[\[, ])\d+(?=[\],])", match["text"])] if match else []
    answer = re.sub(r"\[[\d, ]*\]", "", match["text"]).strip(" *\t").rstrip(".").strip(" *\t") if match else ""
    words = re.findall(r"\w+", answer)
    pattern = re.compile(r"\b" + r"\W+".join(map(re.escape, words)) + r"\b", re.IGNORECASE)
    good = [number for number, hit in enumerate(hits, 1) if words and pattern.search(hit["text"])]
    chosen = [number for number in cited if number in good] or good[:1]
    return dict(answer=answer if chosen else None, citations=[hits[number - 1]["id"] for number in chosen])


@app.middleware("http")
async def note(request, call_next):
    start, wished = time.perf_counter(), request.headers.get("x-request-id", "")
    name = wished if re.fullmatch(r"[A-Za-z0-9\-]{1,64}", wished) else uuid4().hex
    response = await call_next(request)
    response.headers["X-Request-ID"] = name
    inner = response.body_iterator

    async def followed():
        try:
            async for chunk in inner:
                yield chunk
        finally:
            print(
                json.dumps(
                    dict(
                        id=name,
                        method=request.method,
                        path=request.url.path,
                        status=response.status_code,
                        ms=(time.perf_counter() - start) * 1e3,
                    )
                )
            )

    response.body_iterator = followed()
    return response


@app.get("/", response_class=HTMLResponse)
async def page():
    return """<!doctype html><html lang="en"><head><title>Ask</title></head><body>
<form><label for="q">Question</label><input id="q"><button>Ask</button></form><p role="status"></p>
<script>
const line = document.querySelector("p");
document.querySelector("form").addEventListener("submit", async event => {
  event.preventDefault();
  const headers = {"Content-Type": "application/json"}, body = JSON.stringify({question: document.querySelector("#q").value});
  const answer = await fetch("/ask", {method: "POST", headers, body});
  line.textContent = await answer.text();
});
</script></body></html>"""
