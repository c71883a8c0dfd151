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
    raise NotImplementedError("your solution goes here")


@app.get("/", response_class=HTMLResponse)
def page() -> str:
    """Return the page."""
    raise NotImplementedError("your solution goes here")


# the routes for documents, of which two need the token, and the search


@app.post("/ask")
async def ask(given: Ask) -> Response:
    """Answer a question as a stream of events: `sources`, `token` again and again, and `done` or `error`."""
    raise NotImplementedError("a place, or 503; the events; the place is free again when they are over, or the client has gone")


async def events(question: str) -> AsyncIterator[str]:
    """Yield what happens while a question is answered, as server-sent events."""
    raise NotImplementedError("what was found; the pieces of the reply as they come; what is left of it after a look")


def event(name: str, data: object) -> str:
    """Return one server-sent event; JSON has no line ends that could break it."""
    raise NotImplementedError("your solution goes here")


# places for questions, and the log
