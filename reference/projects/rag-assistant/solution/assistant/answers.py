"""What a model is asked, what its reply means, and whether passages support it."""

from __future__ import annotations

import re

from assistant.documents import Passage

RULES = """Answer the question from the numbered passages alone, in one line:
Answer: <a few words> [<number of the passage that says so>]
If the passages do not say it, reply: Unknown"""


def make_prompt(question: str, passages: list[Passage]) -> list[dict[str, str]]:
    """Return the system's message and the user's: a line `[n] text` for each passage, and `Question: …`."""
    ### BEGIN SOLUTION
    lines = [f"[{number}] {passage.text}" for number, passage in enumerate(passages, start=1)]
    content = "\n".join([*lines, f"Question: {' '.join(question.split())}"])
    return [{"role": "system", "content": RULES}, {"role": "user", "content": content}]
    ### END SOLUTION


def read_reply(reply: str) -> tuple[str, list[int]] | None:
    """Return the answer of a reply and the numbers that it cites; None if it gives no answer."""
    ### BEGIN SOLUTION the first line that begins with Answer:
    line = re.search(r"^[ \t*]*answer:(.*)", reply, re.IGNORECASE | re.MULTILINE)
    rest = line[1] if line else ""
    answer = re.sub(r"\[[\d\s,]*\]", "", rest).strip(" \t\r*").removesuffix(".").strip()
    numbers = [int(number) for group in re.findall(r"\[([\d\s,]*)\]", rest) for number in re.findall(r"\d+", group)]
    return (answer, list(dict.fromkeys(numbers))) if answer else None
    ### END SOLUTION


def checked(reply: str, passages: list[Passage]) -> tuple[str | None, list[str]]:
    """Return the answer of a reply and the ids of the cited passages that support it; (None, []) without support."""
    ### BEGIN SOLUTION keep what has the answer's words; if nothing cited has, look through the others
    found = read_reply(reply)
    if found is None:
        return None, []
    answer, numbers = found
    cited = [passages[number - 1] for number in numbers if 0 < number <= len(passages)]
    supporting = [one for one in cited if supported(answer, one.text)]
    supporting = supporting or [one for one in passages if supported(answer, one.text)][:1]
    return (answer, [one.id for one in supporting]) if supporting else (None, [])
    ### END SOLUTION


### BEGIN SOLUTION
def supported(answer: str, text: str) -> bool:
    """Return whether the words of an answer stand in a text, one after the other."""
    wanted, words = (" ".join(re.findall(r"\w+", one.lower())) for one in (answer, text))
    return bool(wanted) and f" {wanted} " in f" {words} "


### END SOLUTION
