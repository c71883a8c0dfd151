"""Prompts for a chat model, and what its replies mean.

A prompt is a list of messages, `{"role": "system" | "user" | "assistant", "content": text}`. A task
is a dict with a `role`, who the model is to be, and an `instruction`, what it is to do.
"""

from __future__ import annotations

import json
import os
import re

import httpx

Message = dict[str, str]
Task = dict[str, str]

ATTEMPTS = 3
"""How often to ask before giving up."""


def delimit(text: str) -> str:
    """Return a text between an opening and a closing tag, which nothing inside it can close."""
    raise NotImplementedError("a tag before, its closing tag behind, and no < in between that could begin a tag")


def zero_shot(task: Task, text: str, labels: list[str]) -> list[Message]:
    """Return a prompt that asks for one of some labels, in a last line `Answer: <label>`."""
    raise NotImplementedError("role, instruction, labels and format in the system message; the text in the user's")


def few_shot(task: Task, text: str, labels: list[str], examples: list[tuple[str, str]]) -> list[Message]:
    """Return the same with examples (text, label) before the text: a user and an assistant message for each."""
    raise NotImplementedError("show each example in the form in which text and answer will come")


def chain_of_thought(task: Task, text: str) -> list[Message]:
    """Return a prompt that has the model think step by step before a last line `Answer: <answer>`."""
    raise NotImplementedError("ask for the steps first, then for the line")


def structured(task: Task, text: str, fields: dict[str, str]) -> list[Message]:
    """Return a prompt that asks for one JSON object.

    Args:
        task: Role and instruction.
        text: What the object is about.
        fields: `string`, `number` or `boolean`, by the name of each field.
    """
    raise NotImplementedError("name every field with its type, and ask for JSON and nothing else")


def parse_answer(reply: str) -> str | None:
    """Return what stands behind the last `Answer:` at the beginning of a line, without marks; None without one."""
    raise NotImplementedError("find such lines, asterisks or not; take the last, strip asterisks, a full stop and spaces")


def parse_json(reply: str, fields: dict[str, str]) -> dict[str, object] | None:
    """Return the first JSON object in a reply that has all fields, each of its type; None without one.

    What stands around it, and fields beyond those, are left out. `True` is no number.
    """
    raise NotImplementedError("try to decode an object at each brace; check names and types")


def ask(messages: list[Message], temperature: float = 0.0) -> str:
    """Return what the model replies to a prompt.

    The environment says where it is (OPENAI_BASE_URL, such as https://api.openai.com/v1), what opens it
    (OPENAI_API_KEY), and what it is called (OPENAI_MODEL). Asks up to three times where it may help:
    when the connection fails, and at status 429 and from 500 on.

    Raises:
        RuntimeError: it did not answer; the message never holds the key.
    """
    raise NotImplementedError("POST {base}/chat/completions with the key as a bearer token; choices[0].message.content")


def solve(
    task: Task,
    text: str,
    labels: list[str] | None = None,
    examples: list[tuple[str, str]] | None = None,
    fields: dict[str, str] | None = None,
) -> object:
    """Return the model's answer to a task: a dict with fields, one of the labels, or a text.

    With `fields`, asks for JSON; with `labels`, for one of them, showing the examples if there are
    any; otherwise for reasoning and an answer. A reply that cannot be used is asked for again, up
    to three times in all; None if none can be used.
    """
    raise NotImplementedError("choose the prompt, ask, parse, and ask again where the reply is malformed")


# add helpers of your own here
