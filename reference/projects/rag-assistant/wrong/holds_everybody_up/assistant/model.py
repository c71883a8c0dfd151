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
    body = {"model": os.environ["OPENAI_MODEL"], "messages": messages, "temperature": 0, "stream": True}
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    url = os.environ["OPENAI_BASE_URL"].rstrip("/") + "/chat/completions"
    try:
        with httpx.stream("POST", url, json=body, headers=headers, timeout=PATIENCE_SECONDS) as response:
            if response.status_code != 200:
                raise ModelError(f"the model answered with status {response.status_code}")
            for line in response.iter_lines():
                field, _, data = line.partition(":")
                if field != "data":
                    continue
                if data.strip() == "[DONE]":
                    return
                if piece := _piece(data):
                    yield piece
    except httpx.HTTPError as error:
        raise ModelError(f"the model cannot be reached: {type(error).__name__}") from None
    raise ModelError("the model broke off")


def _piece(data: str) -> str:
    """Return the text of one event; some have none."""
    try:
        choices = json.loads(data)["choices"]
        return (choices[0]["delta"].get("content") or "") if choices else ""
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ModelError("the model said what is no chat completion") from None


