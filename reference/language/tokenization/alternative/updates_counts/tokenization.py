"""The fast way: pairs know where they occur, and each merge updates only the neighbours; encoding by a heap."""

import heapq
import re
from collections import Counter, defaultdict
from functools import lru_cache

PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+")


def train(text, vocabulary):
    counts = list(Counter(match.group().encode("utf-8") for match in PIECES.finditer(text)).items())
    words, weights = [list(piece) for piece, _ in counts], [count for _, count in counts]
    pairs, places = defaultdict(int), defaultdict(set)
    for number, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += weights[number]
            places[pair].add(number)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < vocabulary - 256:
        count, pair = heapq.heappop(heap)
        if -count != pairs.get(pair, 0) or count == 0:
            continue
        token = 256 + len(merges)
        merges.append(pair)
        changed = set()
        for number in list(places[pair]):
            word = words[number]
            for old in zip(word, word[1:]):
                pairs[old] -= weights[number]
                changed.add(old)
            words[number] = word = _replaced(word, pair, token)
            for new in zip(word, word[1:]):
                pairs[new] += weights[number]
                places[new].add(number)
                changed.add(new)
        for each in changed:
            if pairs[each]:
                heapq.heappush(heap, (-pairs[each], each))
            else:
                del pairs[each]
    return merges


def _replaced(word, pair, token):
    left, right = pair
    out, skip = [], False
    for this, after in zip(word, word[1:] + [None]):
        if skip:
            skip = False
        elif this == left and after == right:
            out.append(token)
            skip = True
        else:
            out.append(this)
    return out


class Tokenizer:
    def __init__(self, merges, special=()):
        self._rank = {tuple(pair): 256 + number for number, pair in enumerate(merges)}
        self._spelled = {number: bytes((number,)) for number in range(256)}
        for (left, right), number in self._rank.items():
            self._spelled[number] = self._spelled[left] + self._spelled[right]
        first = 256 + len(merges)
        self._special = {text: first + place for place, text in enumerate(special)}
        self._spelled.update({number: text.encode() for text, number in self._special.items()})
        self._piece = lru_cache(maxsize=4096)(self._encode_piece)

    def encode(self, text, allow_special=True):
        tokens, place = [], 0
        while place < len(text):
            where, name = self._next_special(text, place) if allow_special else (len(text), "")
            for match in PIECES.finditer(text[place:where]):
                tokens.extend(self._piece(match.group().encode()))
            if name:
                tokens.append(self._special[name])
            place = where + len(name)
        return tokens

    def _next_special(self, text, place):
        found = [(text.find(name, place), -len(name), name) for name in self._special]
        found = [(at, length, name) for at, length, name in found if at >= 0]
        return (min(found)[0], min(found)[2]) if found else (len(text), "")

    def _encode_piece(self, data):
        tokens = list(data)
        while True:
            ranked = [self._rank.get(pair, 1 << 60) for pair in zip(tokens, tokens[1:])]
            if not ranked or min(ranked) == 1 << 60:
                return tuple(tokens)
            at = ranked.index(min(ranked))
            tokens[at : at + 2] = [min(ranked)]

    def decode(self, tokens):
        try:
            data = b"".join([self._spelled[token] for token in tokens])
        except KeyError as error:
            raise ValueError(f"unknown token {error}") from None
        return str(data, "utf-8", "replace")
