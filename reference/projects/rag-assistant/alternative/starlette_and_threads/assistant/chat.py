"""The model over http.client, in the thread of whoever reads on; and what its reply is worth."""

import http.client
import json
import os
import re
from urllib.parse import urlsplit

SYSTEM = (
    "Read the numbered passages. Reply 'Answer: ...' with a few words from them and, in brackets, the number of the "
    "passage, or 'Unknown' if they do not tell."
)


class Trouble(Exception):
    pass


def pieces(question, hits):
    shown = "\n".join(f"[{number}] {hit['text']}" for number, hit in enumerate(hits, 1))
    question = re.sub(r"\s+", " ", question).strip()
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": f"{shown}\n\nQuestion: {question}"},
    ]
    body = json.dumps({"model": os.environ["OPENAI_MODEL"], "stream": True, "messages": messages})
    base = urlsplit(os.environ["OPENAI_BASE_URL"])
    kind = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
    connection = kind(base.hostname, base.port, timeout=25)
    try:
        headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"}
        connection.request("POST", base.path.rstrip("/") + "/chat/completions", body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise Trouble("the model refused")
        while line := response.readline():
            key, _, value = line.decode("utf-8").strip().partition(":")
            if key == "data" and value.strip() == "[DONE]":
                return
            if key == "data":
                for choice in json.loads(value)["choices"]:
                    if text := choice["delta"].get("content"):
                        yield text
    except (OSError, http.client.HTTPException):
        raise Trouble("the model is out of reach") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble("the model talks nonsense") from None
    finally:
        connection.close()
    raise Trouble("the model fell silent")


def bare(text):
    return " " + " ".join(re.findall(r"\w+", text.lower())) + " "


def judged(reply, hits):
    for line in reply.splitlines():
        line = line.strip(" *\t")
        if not line.lower().startswith("answer:"):
            continue
        line = line[7:]
        numbers = [int(n) for n in re.findall(r"\d+", " ".join(re.findall(r"\[[\d, ]+\]", line)))]
        answer = re.sub(r"\[[\d, ]+\]", "", line).strip(" *\t")
        answer = answer[:-1].strip() if answer.endswith(".") else answer
        telling = {n: hit["id"] for n, hit in enumerate(hits, 1) if bare(answer) in bare(hit["text"])}
        if bare(answer).strip() and telling:
            return answer, [telling[n] for n in dict.fromkeys(numbers) if n in telling] or [next(iter(telling.values()))]
        break
    return None, []
