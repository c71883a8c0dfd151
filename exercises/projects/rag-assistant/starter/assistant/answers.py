"""What a model is asked, what its reply means, and whether passages support it."""

from __future__ import annotations

import re

from assistant.documents import Passage

RULES = """Answer the question from the numbered passages alone, in one line:
Answer: <a few words> [<number of the passage that says so>]
If the passages do not say it, reply: Unknown"""


def make_prompt(question: str, passages: list[Passage]) -> list[dict[str, str]]:
    """Return the system's message and the user's: a line `[n] text` for each passage, and `Question: …`."""
    raise NotImplementedError("your solution goes here")


def read_reply(reply: str) -> tuple[str, list[int]] | None:
    """Return the answer of a reply and the numbers that it cites; None if it gives no answer."""
    raise NotImplementedError("the first line that begins with Answer:")


def checked(reply: str, passages: list[Passage]) -> tuple[str | None, list[str]]:
    """Return the answer of a reply and the ids of the cited passages that support it; (None, []) without support."""
    raise NotImplementedError("keep what has the answer's words; if nothing cited has, look through the others")
