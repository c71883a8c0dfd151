"""A small notes service: create, read, list, delete and summarise notes over HTTP.

Configuration comes from the environment and is read when a request needs it:

    SERVICE_TOKEN      the bearer token of the owner
    SERVICE_API_KEYS   keys of other clients, separated by commas
    RATE_LIMIT         requests that a client may make within a minute, 60 by default
    UPSTREAM_URL       address of the service that summarises
    UPSTREAM_TOKEN     our bearer token there
"""

import itertools
import os
import secrets
import time
from collections import defaultdict, deque

import httpx
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Response
from pydantic import BaseModel, Field

app = FastAPI()

ATTEMPTS = 3
TIMEOUT_SECONDS = 1.0
PAUSE_SECONDS = 0.1
WINDOW_SECONDS = 60.0

notes: dict[int, dict] = {}
numbers = itertools.count(1)  # a deleted note's number is not given again
requests_of: dict[str, deque[float]] = defaultdict(deque)


class Note(BaseModel):
    """What a client sends to make a note."""

    title: str = Field(min_length=1, max_length=80)
    text: str = Field(max_length=2000)
    tags: list[str] = Field(default_factory=list, max_length=5)




def known_client(authorization: str | None, api_key: str | None) -> str | None:
    """Return a name for the client whose credentials these are, or None."""
    token = os.environ.get("SERVICE_TOKEN", "")
    scheme, _, given = (authorization or "").partition(" ")
    if token and scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), token.encode()):
        return "owner"
    keys = [key for key in os.environ.get("SERVICE_API_KEYS", "").split(",") if key]
    for number, key in enumerate(keys):
        if api_key and secrets.compare_digest(api_key.encode(), key.encode()):
            return f"client {number}"
    return None


def client(authorization: str | None = Header(None), x_api_key: str | None = Header(None)) -> str:
    """Refuse who is not known (401) or asks too often (429); return who it is."""
    name = known_client(authorization, x_api_key)
    if name is None:
        raise HTTPException(401, "credentials are missing or wrong", {"WWW-Authenticate": "Bearer"})
    now, recent = time.monotonic(), requests_of[name]
    while recent and now - recent[0] >= WINDOW_SECONDS:
        recent.popleft()
    if len(recent) >= int(os.environ.get("RATE_LIMIT", "60")):
        wait = int(WINDOW_SECONDS - (now - recent[0])) + 1
        raise HTTPException(429, "too many requests", {"Retry-After": str(wait)})
    recent.append(now)
    return name


def found(number: int) -> dict:
    """Return a note; 404 if there is none."""
    if number not in notes:
        raise HTTPException(404, "there is no such note")
    return notes[number]


@app.get("/health")
def health() -> dict:
    """Say that the service runs; needs no credentials."""
    return {"status": "ok"}


@app.post("/notes", status_code=201)
def create(note: Note, response: Response, who: str = Depends(client)) -> dict:
    """Make a note."""
    number = next(numbers)
    notes[number] = {"id": number, **note.model_dump()}
    response.headers["Location"] = f"/notes/{number}"
    return notes[number]


@app.get("/notes")
def listed(
    limit: int = Query(10, ge=1, le=50),
    offset: int = Query(0, ge=0),
    tag: str | None = None,
    who: str = Depends(client),
) -> dict:
    """Return one page of notes, oldest first, and where the next one is."""
    chosen = [note for _, note in sorted(notes.items()) if tag is None or tag in note["tags"]]
    more = offset + limit < len(chosen)
    return {
        "items": chosen[offset : offset + limit],
        "total": len(chosen),
        "next_offset": offset + limit if more else None,
    }


@app.get("/notes/{number}")
def read(number: int, who: str = Depends(client)) -> dict:
    """Return one note."""
    return found(number)


@app.delete("/notes/{number}", status_code=204)
def delete(number: int, who: str = Depends(client)) -> None:
    """Forget a note."""
    found(number)
    del notes[number]


@app.post("/notes/{number}/summary")
def summary(number: int, who: str = Depends(client)) -> dict:
    """Have the upstream service summarise a note."""
    return {"summary": summarised(found(number)["text"])}




def summarised(text: str) -> str:
    """Ask the upstream service; 504 if it does not answer in time, 502 if it cannot or answers nonsense."""
    status = 502
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        try:
            answer = httpx.post(
                os.environ["UPSTREAM_URL"] + "/summarise",
                json={"text": text},
                headers={"Authorization": f"Bearer {os.environ['UPSTREAM_TOKEN']}"},
                timeout=None,
            )
        except httpx.TimeoutException:
            status = 504
            continue
        except httpx.TransportError:
            status = 502
            continue
        if answer.status_code == 200:
            return _summary_in(answer)
        status = 502
    raise HTTPException(status, "the summary service does not answer")


def _summary_in(answer: httpx.Response) -> str:
    """Return the summary; 502 if the answer holds none."""
    try:
        value = answer.json()["summary"] if answer.status_code == 200 else None
    except (ValueError, KeyError, TypeError):
        value = None
    if not isinstance(value, str):
        raise HTTPException(502, "the summary service refused")
    return value


