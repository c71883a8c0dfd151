"""Byte-pair encoding: text becomes bytes, and pairs that occur often become tokens.

Tokens 0 to 255 are the bytes. Merge number i makes token 256 + i out of two earlier tokens.
Special tokens come after all merges.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

BYTES = 256
PIECES = re.compile(r" ?\w+| ?[^\w\s]+|\s+")
"""What a text is cut into, without rest: a word with the space before it, signs, or white space. No merge crosses a cut."""

Pair = tuple[int, int]


def train(text: str, vocabulary: int) -> list[Pair]:
    """Learn merges from a text.

    Again and again, the pair of neighbouring tokens that occurs most often in all pieces becomes
    a token. Every position counts, so aaa has the pair aa twice. Among pairs that occur
    equally often the smallest wins: the smaller left token, then the smaller right one.

    Args:
        text: Any text that UTF-8 can express.
        vocabulary: Number of tokens to reach, at least 256.

    Returns:
        vocabulary - 256 pairs in the order in which they were learned; fewer if no pair is left.
    """
    ### BEGIN SOLUTION count each different piece once, with how often it occurs; then merge in a loop
    pieces = Counter(PIECES.findall(text))
    tokens = {piece: list(piece.encode()) for piece in pieces}
    merges: list[Pair] = []
    while BYTES + len(merges) < vocabulary:
        pairs: Counter[Pair] = Counter()
        for piece, count in pieces.items():
            for pair in zip(tokens[piece], tokens[piece][1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        for piece in pieces:
            tokens[piece] = merged(tokens[piece], best, BYTES + len(merges))
        merges.append(best)
    return merges
    ### END SOLUTION


### BEGIN SOLUTION
def merged(tokens: Sequence[int], pair: Pair, token: int) -> list[int]:
    """Return the tokens with each occurrence of a pair replaced, from left to right."""
    result: list[int] = []
    for each in tokens:
        if result and (result[-1], each) == pair:
            result[-1] = token
        else:
            result.append(each)
    return result
### END SOLUTION


class Tokenizer:
    """Encodes and decodes with given merges.

    Args:
        merges: As `train` returns them.
        special: Texts that stand for one token each, such as "<|end|>"; none is empty. The
            first is token 256 + len(merges), and so on.
    """

    def __init__(self, merges: Sequence[Pair], special: Sequence[str] = ()) -> None:
        ### BEGIN SOLUTION keep the rank of each pair, and what bytes each token stands for
        self.ranks = {tuple(pair): rank for rank, pair in enumerate(merges)}
        self.bytes = [bytes([byte]) for byte in range(BYTES)]
        for left, right in merges:
            self.bytes.append(self.bytes[left] + self.bytes[right])
        self.special = {text: len(self.bytes) + place for place, text in enumerate(special)}
        self.bytes += [text.encode() for text in special]
        ### END SOLUTION

    def encode(self, text: str, allow_special: bool = True) -> list[int]:
        """Return the tokens of a text.

        Within each piece, merges are applied in the order in which they were learned.

        Args:
            text: Any text that UTF-8 can express.
            allow_special: Whether a special text becomes its token, the longest where several
                begin at a place. If not, it is text like any other: so is what users type.
        """
        ### BEGIN SOLUTION cut at special texts, cut the rest into pieces, merge each piece
        tokens: list[int] = []
        for part in self._parts(text) if allow_special else [text]:
            if allow_special and part in self.special:
                tokens.append(self.special[part])
            else:
                for piece in PIECES.findall(part):
                    tokens += self._merge(list(piece.encode()))
        return tokens
        ### END SOLUTION

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of some tokens; bytes that are no UTF-8 become U+FFFD, as `errors="replace"` has it.

        Raises:
            ValueError: there is no such token.
        """
        ### BEGIN SOLUTION join the bytes of all tokens first: a character may be spread over several
        if any(not 0 <= token < len(self.bytes) for token in tokens):
            raise ValueError("there is no such token")
        return b"".join(self.bytes[token] for token in tokens).decode(errors="replace")
        ### END SOLUTION

    # add methods of your own here if they help
    ### BEGIN SOLUTION
    def _parts(self, text: str) -> Iterator[str]:
        """Yield special texts and what stands between them."""
        if not self.special:
            yield text
            return
        longest_first = sorted(self.special, key=len, reverse=True)
        yield from re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)

    def _merge(self, tokens: list[int]) -> list[int]:
        """Apply merges to the bytes of a piece, the one learned first first."""
        while len(tokens) > 1:
            first = min(zip(tokens, tokens[1:]), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if first not in self.ranks:
                break
            tokens = merged(tokens, first, BYTES + self.ranks[first])
        return tokens
    ### END SOLUTION
