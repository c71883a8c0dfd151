"""BM25 over an inverted file, plain words without stems; vectors only for `embed`. The model's mistakes are met in a class."""

import math
import re
from collections import Counter, defaultdict

import numpy as np


def split(text, most=120):
    open_words, done = [], []
    for paragraph in re.compile(r"(?:\n[ \t\r\f\v]*){2,}").split(text):
        words = paragraph.split()
        if len(open_words) + len(words) <= most:
            open_words.extend(words)
            continue
        if open_words:
            done.append(open_words)
        open_words = []
        if len(words) <= most:
            open_words = words
        else:
            while words:
                done.append(words[:most])
                words = words[most:]
    if open_words:
        done.append(open_words)
    return [" ".join(words) for words in done]


def words_of(text):
    return re.findall(r"[a-z0-9_]+", text.casefold())


class Index:
    def __init__(self, passages, slope=1.2, length_share=0.75):
        self.passages = list(passages)
        bags = [Counter(words_of(p["text"])) for p in self.passages]
        sizes = [sum(bag.values()) for bag in bags]
        usual = sum(sizes) / max(1, len(sizes))
        self.postings = defaultdict(list)
        for number, (bag, size) in enumerate(zip(bags, sizes)):
            for word, count in bag.items():
                damped = count * (slope + 1) / (count + slope * (1 - length_share + length_share * size / usual))
                self.postings[word].append((number, damped))
        total = len(self.passages)
        self.rarity = {w: math.log(1 + (total - len(p) + 0.5) / (len(p) + 0.5)) for w, p in self.postings.items()}
        self.place = {word: number for number, word in enumerate(self.postings)}

    def embed(self, texts):
        rows = np.zeros((len(texts), max(1, len(self.place))), dtype=np.float32)
        for row, text in zip(rows, texts):
            for word, count in Counter(words_of(text)).items():
                if word in self.place:
                    row[self.place[word]] = self.rarity[word] * math.sqrt(count)
            size = math.sqrt(float((row * row).sum()))
            if size:
                row /= size
        return rows

    def search(self, question, k):
        scores = [0.0] * len(self.passages)
        for word in set(words_of(question)):
            for number, damped in self.postings.get(word, ()):
                scores[number] += self.rarity[word] * damped
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:k]
        return [
            {"id": self.passages[n]["id"], "text": self.passages[n]["text"], "score": scores[n]} for n in order
        ]


SYSTEM = (
    "You get numbered passages and a question. Use nothing else. Reply in one of these forms.\n"
    "Answer: the answer, short, with the numbers of its passages in brackets, such as [3]\n"
    "Search: words to look up, if a step is missing\n"
    "Unknown, if the passages do not tell"
)


def make_prompt(question, passages):
    last = f"Question: {question}"
    kept = []
    for passage in passages:
        line = f"[{len(kept) + 1}] {passage['text']}"
        if len(SYSTEM) + len("\n".join([*kept, line, last])) > 8000:
            break
        kept.append(line)
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n".join([*kept, last])}]


BRACKET = re.compile(r"\[\s*\d+(?:\s*,\s*\d+)*\s*\]")


def read_reply(reply):
    for line in reply.split("\n"):
        bare = line.strip().lstrip("* ").strip()
        low = bare.lower()
        if re.fullmatch(r"unknown\W*|unknown\W.*", low):
            return dict(answer=None, cited=[], search=None)
        for form in ("answer:", "search:"):
            if low.startswith(form):
                rest = bare[len(form) :]
                cited = []
                for bracket in BRACKET.findall(rest):
                    cited += [int(n) for n in bracket.strip("[] ").split(",") if int(n) not in cited]
                said = BRACKET.sub("", rest).strip("* \t")
                said = said[:-1].strip("* \t") if said.endswith(".") else said
                if said and form == "answer:":
                    return dict(answer=said, cited=cited, search=None)
                if said:
                    return dict(answer=None, cited=[], search=said)
    return None


def supported(answer, text):
    bare = lambda s: " ".join(re.findall(r"\w+", s.lower()))
    return bool(bare(answer)) and f" {bare(answer)} " in f" {bare(text)} "


class Inquiry:
    def __init__(self, question, index, model):
        self.question, self.index, self.model = question, index, model
        self.first = index.search(question, 7)
        self.shown = self.first

    def conclude(self, reply):
        """Return the answer that a reply gives, or nothing if the model has to be asked again."""
        if reply is None:
            return None
        if reply["search"]:
            ids = [p["id"] for p in self.first]
            self.shown = self.first + [p for p in self.index.search(reply["search"], 5) if p["id"] not in ids]
            return None
        said = reply["answer"] or ""
        holding = [p for p in self.shown if supported(said, p["text"])]
        named = [self.shown[n - 1] for n in reply["cited"] if 1 <= n <= len(self.shown)]
        chosen = [p["id"] for p in named if p in holding] or [p["id"] for p in holding[:1]]
        return dict(answer=said if chosen else None, citations=chosen)

    def run(self):
        for _ in range(4):
            result = self.conclude(read_reply(self.model(make_prompt(self.question, self.shown))))
            if result:
                return result
        return dict(answer=None, citations=[])


def answer(question, index, model):
    return Inquiry(question, index, model).run()
