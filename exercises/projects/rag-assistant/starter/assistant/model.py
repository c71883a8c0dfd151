"""The chat model, behind OpenAI's interface: its reply as it comes, in pieces."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

import httpx

PATIENCE_SECONDS = 20.0
client = httpx.AsyncClient(timeout=PATIENCE_SECONDS)
"""One for all questions: making one costs more than asking, for it reads certificates."""


class ModelError(Exception):
    """The model did not answer as it should; the message holds nothing secret."""


async def reply(messages: list[dict[str, str]]) -> AsyncIterator[str]:
    """Yield the pieces of the model's reply as they come.

    The environment says where it is (OPENAI_BASE_URL), what opens it (OPENAI_API_KEY) and what it is
    called (OPENAI_MODEL).

    Raises:
        ModelError: it cannot be reached, refuses, breaks off, or says what is no chat completion.
    """
    raise NotImplementedError("POST with \"stream\": true; lines `data: {…}` with choices[0].delta.content, up to `data: [DONE]`")
