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
    raise NotImplementedError("count each different piece once, with how often it occurs; then merge in a loop")


class Tokenizer:
    """Encodes and decodes with given merges.

    Args:
        merges: As `train` returns them.
        special: Texts that stand for one token each, such as "<|end|>"; none is empty. The
            first is token 256 + len(merges), and so on.
    """

    def __init__(self, merges: Sequence[Pair], special: Sequence[str] = ()) -> None:
        raise NotImplementedError("keep the rank of each pair, and what bytes each token stands for")

    def encode(self, text: str, allow_special: bool = True) -> list[int]:
        """Return the tokens of a text.

        Within each piece, merges are applied in the order in which they were learned.

        Args:
            text: Any text that UTF-8 can express.
            allow_special: Whether a special text becomes its token, the longest where several
                begin at a place. If not, it is text like any other: so is what users type.
        """
        raise NotImplementedError("cut at special texts, cut the rest into pieces, merge each piece")

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of some tokens; bytes that are no UTF-8 become U+FFFD, as `errors="replace"` has it.

        Raises:
            ValueError: there is no such token.
        """
        raise NotImplementedError("join the bytes of all tokens first: a character may be spread over several")

    # add methods of your own here if they help
