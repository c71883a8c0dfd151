"""The same service with a router, a store in a class, and an asynchronous client."""

import asyncio
import os
import time
from hmac import compare_digest
from typing import Annotated

import httpx
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints

Title = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Text = Annotated[str, StringConstraints(max_length=2000)]


class NewNote(BaseModel):
    title: Title
    text: Text
    tags: Annotated[list[str], Query(max_length=5)] = []


class Store:
    def __init__(self):
        self.notes, self.next = [], 1

    def add(self, note: NewNote):
        made = {"id": self.next, "title": note.title, "text": note.text, "tags": list(note.tags)}
        self.next += 1
        self.notes.append(made)
        return made

    def get(self, number):
        for note in self.notes:
            if note["id"] == number:
                return note
        raise HTTPException(404)


class Bucket:
    """Counts the requests of each client in the last minute."""

    def __init__(self):
        self.hits = {}

    def take(self, name):
        now = time.monotonic()
        hits = self.hits[name] = [hit for hit in self.hits.get(name, ()) if hit > now - 60]
        if len(hits) >= int(os.environ.get("RATE_LIMIT") or 60):
            return max(1, min(60, int(hits[0] + 60 - now)))
        hits.append(now)
        return 0


store, bucket = Store(), Bucket()


async def admitted(request: Request):
    name = identify(request.headers)
    if not name:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    if wait := bucket.take(name):
        raise HTTPException(429, headers={"Retry-After": str(wait)})


def identify(headers):
    given = headers.get("x-api-key", "").encode()
    for index, key in enumerate(os.environ.get("SERVICE_API_KEYS", "").split(",")):
        if key and compare_digest(given, key.encode()):
            return f"key-{index}"
    token = os.environ.get("SERVICE_TOKEN")
    expected = f"Bearer {token}".encode()
    return "owner" if token and compare_digest(headers.get("authorization", "").encode(), expected) else None


app = FastAPI()
router = APIRouter(prefix="/notes", dependencies=[Depends(admitted)])


@app.get("/health")
async def health():
    return {"status": "ok"}


@router.post("")
async def create(note: NewNote):
    made = store.add(note)
    return JSONResponse(made, 201, headers={"Location": f"/notes/{made['id']}"})


@router.get("")
async def page(limit: Annotated[int, Query(ge=1, le=50)] = 10, offset: Annotated[int, Query(ge=0)] = 0, tag: str | None = None):
    found = [note for note in store.notes if not tag or tag in note["tags"]]
    end = offset + limit
    return {"items": found[offset:end], "total": len(found), "next_offset": None if end >= len(found) else end}


@router.get("/{number}")
async def read(number: int):
    return store.get(number)


@router.delete("/{number}", status_code=204)
async def delete(number: int):
    store.notes.remove(store.get(number))


@router.post("/{number}/summary")
async def summarise(number: int):
    text = store.get(number)["text"]
    problem = 502
    async with httpx.AsyncClient(timeout=1.0) as http:
        for pause in (0, 0.05, 0.1):
            await asyncio.sleep(pause)
            try:
                answer = await http.post(
                    f"{os.environ['UPSTREAM_URL']}/summarise",
                    json={"text": text},
                    headers={"Authorization": f"Bearer {os.environ['UPSTREAM_TOKEN']}"},
                )
            except httpx.HTTPError as error:
                problem = 504 if isinstance(error, httpx.TimeoutException) else 502
                continue
            if answer.status_code >= 500:
                problem = 502
                continue
            return {"summary": said(answer)}
    raise HTTPException(problem)


def said(answer):
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code != 200 or not isinstance(body, dict) or not isinstance(body.get("summary"), str):
        raise HTTPException(502)
    return body["summary"]


app.include_router(router)
