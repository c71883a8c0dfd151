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
# models of what comes in


def known_client(authorization: str | None, api_key: str | None) -> str | None:
    """Return a name for the client whose credentials these are, or None."""
    raise NotImplementedError("compare with the token and the keys, in constant time")


def client(authorization: str | None = Header(None), x_api_key: str | None = Header(None)) -> str:
    """Refuse who is not known (401) or asks too often (429); return who it is."""
    raise NotImplementedError("authenticate first, then count within the last minute")


def found(number: int) -> dict:
    """Return a note; 404 if there is none."""
    raise NotImplementedError("your solution goes here")


@app.get("/health")
def health() -> dict:
    """Say that the service runs; needs no credentials."""
    raise NotImplementedError("your solution goes here")


# the routes below /notes, each of which depends on `client`


def summarised(text: str) -> str:
    """Ask the upstream service; 504 if it does not answer in time, 502 if it cannot or answers nonsense."""
    raise NotImplementedError("a time-out for each attempt, and another attempt only where it may help")
