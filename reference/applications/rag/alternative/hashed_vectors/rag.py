"""Hashed vectors: words and beginnings of words fall into 4096 places, no vocabulary is kept; a second look ranks anew."""

import re
import zlib

import numpy as np

PLACES = 4096


def split(text, most=120):
    passages = [[]]
    for paragraph in re.split(r"\n\s*\n", text):
        words = paragraph.split()
        pieces = [words[at : at + most] for at in range(0, len(words), most)]
        if len(pieces) > 1:
            passages += [*pieces, []]
        elif pieces and len(passages[-1]) + len(words) <= most:
            passages[-1] = passages[-1] + words
        elif pieces:
            passages.append(words)
    return [" ".join(passage) for passage in passages if passage]


def features(text):
    words = re.findall(r"\w+", text.lower())
    return [f"={word}" for word in words] + [word[:5] for word in words]


def places(text):
    row = np.zeros(PLACES, dtype=np.float32)
    for feature in features(text):
        row[zlib.crc32(feature.encode()) % PLACES] += 1
    return row


class Index:
    def __init__(self, passages):
        self.ids = [passage["id"] for passage in passages]
        self.texts = [passage["text"] for passage in passages]
        self.stems = [set(features(text)) for text in self.texts]
        counts = np.stack([places(text) for text in self.texts])
        having = (counts > 0).sum(axis=0)
        self.rarity = np.log((len(passages) + 1) / (having + 0.5)).astype(np.float32)
        self.table = self._normal(counts)

    def _normal(self, counts):
        weighed = np.sqrt(counts) * self.rarity
        return weighed / np.maximum(np.linalg.norm(weighed, axis=-1, keepdims=True), 1e-12)

    def embed(self, texts):
        return self._normal(np.stack([places(text) for text in texts]))

    def search(self, question, k):
        near = self.table @ self.embed([question])[0]
        asked = sorted(set(features(question)))
        worth = {one: self.rarity[zlib.crc32(one.encode()) % PLACES] for one in asked}
        total = sum(worth.values()) or 1.0
        candidates = np.argsort(-near, kind="stable")[: max(50, k)]
        scored = [
            (near[n] + 0.3 * sum(worth[one] for one in asked if one in self.stems[n]) / total, n) for n in candidates
        ]
        best = sorted(scored, reverse=True)[:k]
        return [{"id": self.ids[n], "text": self.texts[n], "score": float(score)} for score, n in best]


def make_prompt(question, passages):
    system = "\n".join(
        [
            "The user shows you passages and asks a question. You know nothing but these passages.",
            "If they tell the answer: 'Answer: ...' followed by the [number] of each passage that tells it.",
            "If you miss a fact on the way: 'Search: ...' and what you would look up.",
            "If they do not tell: 'Unknown'.",
        ]
    )
    count = len(passages)
    while True:
        lines = [f"[{n}] {p['text']}" for n, p in enumerate(passages[:count], 1)]
        user = "\n\n".join([*lines, f"Question: {question}"])
        if len(system) + len(user) <= 8000 or not count:
            return [{"role": "system", "content": system}, {"role": "user", "content": user}]
        count -= 1


def read_reply(reply):
    match = re.search(
        r"^[\s*]*(?:(?P<no>unknown\b)|answer:(?![\s*.]*(?:\[[\d, ]+\][\s*.]*)*$)(?P<answer>.*)|search:(?P<search>.*\w.*))",
        reply,
        re.IGNORECASE | re.MULTILINE,
    )
    if not match:
        return None
    clean = lambda text: re.sub(r"\[[\d, ]+\]", "", text).strip(" *\t\r").removesuffix(".").strip(" *\t\r")
    cited = []
    for group in re.findall(r"\[([\d, ]+)\]", match["answer"] or ""):
        for number in group.replace(",", " ").split():
            if int(number) not in cited:
                cited.append(int(number))
    return {
        "answer": clean(match["answer"]) if match["answer"] else None,
        "cited": cited,
        "search": clean(match["search"]) if match["search"] else None,
    }


def supported(answer, text):
    words = [re.escape(word) for word in re.findall(r"\w+", answer)]
    return bool(words) and re.search(r"\b" + r"\W+".join(words) + r"\b", text, re.IGNORECASE) is not None


def answer(question, index, model):
    base = index.search(question, 6)
    extra, left = [], 4
    while left:
        left -= 1
        passages = base + extra
        reply = read_reply(model(make_prompt(question, passages)))
        if not reply:
            continue
        if reply["search"]:
            extra = [p for p in index.search(reply["search"], 6) if all(p["id"] != q["id"] for q in base)]
            continue
        if not reply["answer"]:
            break
        tells = {n: p["id"] for n, p in enumerate(passages, 1) if supported(reply["answer"], p["text"])}
        cited = [tells[n] for n in reply["cited"] if n in tells] or list(tells.values())[:1]
        return {"answer": reply["answer"] if cited else None, "citations": cited}
    return {"answer": None, "citations": []}
