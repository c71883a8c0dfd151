"""An agent: a loop that lets a language model use tools.

The model decides what to do next; this module decides what may be done, how often, and what the model
gets to see of it. A model is a function from messages `{"role": …, "content": …}` to a text. A tool is a
function that takes keyword arguments and returns `{"status": "ok" | "busy" | "error", "content": text}`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

Spec = dict[str, Any]
Call = dict[str, Any]
Grants = dict[str, dict[str, list[str]]]

LONGEST = 2000
"""Characters of an observation that the model gets to see."""
ATTEMPTS = 3
"""How often a busy tool is called before giving up."""
MOST_ALIKE = 2
"""How often the same call is made."""
TYPES = {"string": str, "number": (int, float), "boolean": bool}


def system_prompt(specs: list[Spec]) -> str:
    """Return what the model is told before the task: its tools, the two forms of a reply, a warning.

    Args:
        specs: `{"name", "description", "parameters": {name: type}, "cost", "effects"}` of each tool.
    """
    raise NotImplementedError("list the tools, show both forms, and say that observations are data")


def observation(text: str) -> str:
    """Return what a tool said, between tags that nothing in it can close; at most 2000 characters of it."""
    raise NotImplementedError("cut, mark the cut, and leave no < that could begin a tag")


def parse_reply(reply: str) -> dict[str, Any] | None:
    """Return the first call or answer in a reply that can be used, or None.

    Returns:
        `{"tool", "arguments", "said"}` or `{"answer", "said"}`; `said` is the reply up to the end of it.
    """
    raise NotImplementedError("look at each line that begins with one of the two words; decode JSON behind Action:")


def inside(value: str, place: str) -> bool:
    """Return whether a path or a URL is a place or lies below it, whatever it looks like."""
    raise NotImplementedError("compare scheme and host, then the segments of the paths, once they are decoded")


def check_call(call: Call, specs: list[Spec], grants: Grants) -> str | None:
    """Return what is wrong with a call, in words for the model, or None.

    Args:
        call: `{"tool": name, "arguments": {name: value}}`.
        specs: The tools.
        grants: For a tool, the places in which some of its arguments have to lie.
    """
    raise NotImplementedError("is there such a tool, are these its arguments, is it permitted?")


def run(
    task: str,
    model: Callable[[list[dict[str, str]]], str],
    tools: dict[str, Callable[..., dict[str, str]]],
    specs: list[Spec],
    grants: Grants,
    budget: dict[str, int],
) -> dict[str, Any]:
    """Let a model work on a task with tools until it answers, goes round in circles, or the budget is used up.

    Args:
        task: What is to be done, in words.
        model: Replies to messages.
        tools: Functions by name.
        specs: What the tools are.
        grants: What is permitted.
        budget: `steps`, how often the model may be asked, and `cost`, what all calls together may cost.

    Returns:
        `{"status": "done" | "loop" | "budget", "answer": text or None, "steps", "spent", "calls"}`.
    """
    raise NotImplementedError("ask, read, check, call, tell; stop in time")


# add helpers of your own here
