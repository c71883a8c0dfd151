import re
from collections import Counter

PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+")


def train(text, vocabulary):
    pairs = Counter()
    for piece in PIECES.findall(text):
        data = piece.encode()
        pairs.update(zip(data, data[1:]))
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[: vocabulary - 256]


def merged(tokens, pair, token):
    result, place = [], 0
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == pair:
            result.append(token)
            place += 2
        else:
            result.append(tokens[place])
            place += 1
    return result


class Tokenizer:
    def __init__(self, merges, special=()):
        self.ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
        self.bytes = [bytes([byte]) for byte in range(256)]
        for left, right in merges:
            self.bytes.append(self.bytes[left] + self.bytes[right])
        self.special = {text: len(self.bytes) + place for place, text in enumerate(special)}
        self.bytes += [text.encode() for text in special]

    def encode(self, text, allow_special=True):
        parts = [text]
        if self.special and allow_special:
            longest_first = sorted(self.special, key=len, reverse=True)
            parts = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)
        tokens = []
        for number, part in enumerate(parts):
            if number % 2:
                tokens.append(self.special[part])
            else:
                for piece in PIECES.findall(part):
                    tokens += self.merge(list(piece.encode()))
        return tokens

    def merge(self, tokens):
        while len(tokens) > 1:
            pair = min(zip(tokens, tokens[1:]), key=lambda pair: self.ranks.get(pair, 1e9))
            if pair not in self.ranks:
                break
            tokens = merged(tokens, pair, 256 + self.ranks[pair])
        return tokens

    def decode(self, tokens):
        if any(not 0 <= token < len(self.bytes) for token in tokens):
            raise ValueError("there is no such token")
        return b"".join(self.bytes[token] for token in tokens).decode(errors="replace")
