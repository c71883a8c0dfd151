"""Tokens as characters of a private area, pieces joined by a separator: merging is str.replace."""

import re
from collections import Counter

import numpy as np

PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
BASE = 0xF0000
CUT = "|"


def letters(data):
    return "".join(chr(BASE + byte) for byte in data)


def train(text, vocabulary):
    pieces = Counter(letters(piece.encode()) for piece in PIECES.findall(text))
    words, weights = CUT.join(pieces), list(pieces.values())
    merges = []
    for token in range(256, vocabulary):
        counts = {}
        for word, weight in zip(words.split(CUT), weights):
            for i in range(len(word) - 1):
                pair = word[i : i + 2]
                counts[pair] = counts.get(pair, 0) + weight
        if not counts:
            return np.array(merges).reshape(-1, 2)
        most = max(counts.values())
        pair = min(pair for pair, count in counts.items() if count == most)
        words = words.replace(pair, chr(BASE + token))
        merges.append((ord(pair[0]) - BASE, ord(pair[1]) - BASE))
    return np.array(merges, dtype=np.int64).reshape(-1, 2)


class Tokenizer:
    def __init__(self, merges, special=()):
        self.merges = [letters(pair) for pair in merges]
        self.special = list(special)
        self.table = {BASE + byte: bytes([byte]) for byte in range(256)}
        for number, (left, right) in enumerate(merges):
            self.table[BASE + 256 + number] = self.table[BASE + left] + self.table[BASE + right]
        for number, text in enumerate(special):
            self.table[BASE + 256 + len(merges) + number] = text.encode()

    def encode(self, text, allow_special=True):
        done, rest = [], text
        while rest:
            place, name = self.first(rest) if allow_special else (len(rest), None)
            done += self.plain(rest[:place])
            if name is not None:
                done.append(256 + len(self.merges) + self.special.index(name))
            rest = rest[place + len(name or ""):]
        return np.array(done, dtype=np.int64)

    def first(self, text):
        for place in range(len(text)):
            fits = [name for name in self.special if text.startswith(name, place)]
            if fits:
                return place, max(fits, key=len)
        return len(text), None

    def plain(self, text):
        row = CUT.join(letters(piece.encode()) for piece in PIECES.findall(text))
        for number, pair in enumerate(self.merges):
            row = row.replace(pair, chr(BASE + 256 + number))
        return [ord(each) - BASE for each in row if each != CUT]

    def decode(self, tokens):
        if not {BASE + token for token in tokens} <= self.table.keys():
            raise ValueError("unknown token")
        return b"".join(self.table[BASE + token] for token in tokens).decode("utf-8", "replace")
