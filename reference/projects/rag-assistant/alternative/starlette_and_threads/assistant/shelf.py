"""Passages with TF-IDF weights, kept up to date document by document."""

import math
import re
from collections import Counter


def words(text):
    return re.findall(r"\w+", text.casefold())


class Shelf:
    def __init__(self):
        self.bags = {}

    def add(self, name, text):
        self.drop(name)
        parts = []
        for paragraph in re.split(r"\n[ \t\r]*\n", text):
            tokens = paragraph.split()
            for start in range(0, len(tokens), 100):
                piece = tokens[start : start + 100]
                if parts and len(parts[-1]) + len(piece) <= 100:
                    parts[-1].extend(piece)
                else:
                    parts.append(piece)
        for number, part in enumerate(parts):
            passage = " ".join(part)
            self.bags = {**self.bags, f"{name}/{number}": (name, passage, Counter(words(passage)))}
        return len(parts)

    def drop(self, name):
        left = {key: value for key, value in self.bags.items() if value[0] != name}
        gone, self.bags = len(left) < len(self.bags), left
        return gone

    def sizes(self):
        return {"documents": len({name for name, _, _ in self.bags.values()}), "passages": len(self.bags)}

    def near(self, question, k):
        asked, bags = Counter(words(question)), self.bags
        having = {word: sum(word in bag for _, _, bag in bags.values()) for word in asked}
        rarity = {word: math.log(1 + len(bags) / count) for word, count in having.items() if count}
        found = []
        for key, (name, passage, bag) in bags.items():
            score = sum(rarity[word] * (1 + math.log(bag[word])) for word in rarity if bag[word])
            if score:
                found.append({"id": key, "document": name, "text": passage, "score": score / math.sqrt(8 + bag.total())})
        return sorted(found, key=lambda hit: -hit["score"])[:k]
