"""Who handed in nearly the same code: winnowed fingerprints of its tokens, whatever things are called.

Schleimer, Wilkerson and Aiken, Winnowing: local algorithms for document fingerprinting
(SIGMOD 2003). Names, literals, comments and layout are levelled; the starter's code and what
many learners share is left out. A likeness is a reason to look, never a proof.
"""

from __future__ import annotations

import io
import keyword
import re
import tokenize
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

GRAM: Final = 12
"""Tokens in a row that are compared; shorter matches are noise."""
WINDOW: Final = 8
"""Of so many neighbouring grams one is kept, so a match of GRAM + WINDOW - 1 tokens is never missed."""
ALIKE: Final = 0.6
"""Share of the smaller fingerprint that two submissions have in common, from which they are shown."""
FEWEST: Final = 15
"""Fingerprints that are needed to compare at all: short answers are all alike."""
COMMON: Final = 0.1
"""Share of the learners from which a passage is the exercise's own idiom."""
COMMON_LEAST: Final = 8
LONGEST: Final = 400_000
"""Characters of one submission that are looked at."""

_SILENT: Final = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    | {tokenize.ENDMARKER, tokenize.TYPE_COMMENT}
)
_ROUGH: Final = re.compile(
    r"#[^\n]*|(?P<name>[^\W\d]\w*)|(?P<number>\d[\w.]*)|(?P<text>'[^'\n]*'|\"[^\"\n]*\")|(?P<op>[^\s\w])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token with its name levelled, and the line it starts on, from 1."""

    kind: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two learners whose code is alike."""

    first: str
    second: str
    share: float
    """Of the smaller one's fingerprints, 0 to 1."""
    same: bool = False
    """Whether the files are the same, byte for byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Learners who are alike directly or through others, and their pairs, the closest first."""

    learners: tuple[str, ...]
    pairs: tuple[Pair, ...]


def tokens(code: str) -> list[Token]:
    """Return the tokens of Python code; code that does not parse is read word by word."""
    text = code[:LONGEST].replace("\x00", " ")
    try:
        return list(_tokens(text))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return list(_rough_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    statement = True  # a string that is a statement of its own is a docstring
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _SILENT:
            statement = statement or token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
            continue
        if not (token.type == tokenize.STRING and statement):
            yield Token(kind=_levelled(token.type, token.string), line=token.start[0])
        statement = False


def _levelled(kind: int, text: str) -> str:
    if kind == tokenize.NAME:
        return text if keyword.iskeyword(text) else "name"
    return {tokenize.STRING: "text", tokenize.NUMBER: "number"}.get(kind, text)


def _rough_tokens(text: str) -> Iterator[Token]:
    for number, content in enumerate(text.split("\n"), 1):
        for found in _ROUGH.finditer(content):
            if found.lastgroup:
                word = found[0] if found.lastgroup == "op" or keyword.iskeyword(found[0]) else found.lastgroup
                yield Token(kind=word, line=number)


def grams(found: list[Token]) -> list[int]:
    """Return a hash for each run of GRAM tokens, the same on every machine."""
    kinds = [one.kind for one in found]
    return [
        zlib.crc32("\0".join(kinds[at : at + GRAM]).encode("utf-8", "replace"))
        for at in range(len(kinds) - GRAM + 1)
    ]


def fingerprint(code: str, starter: Collection[int] = ()) -> frozenset[int]:
    """Return the winnowed hashes of some code, without those that the starter's `grams` hold."""
    hashes = [one for one in grams(tokens(code)) if one not in starter]
    if len(hashes) <= WINDOW:
        return frozenset(hashes)
    return frozenset(min(hashes[at : at + WINDOW]) for at in range(len(hashes) - WINDOW + 1))


def clusters(
    prints: Mapping[str, frozenset[int]], same_files: Iterable[Collection[str]] = ()
) -> list[Cluster]:
    """Return the groups of learners whose code is alike, the largest first.

    Args:
        prints: the fingerprint of each learner's code.
        same_files: groups of learners whose files are the same, byte for byte.
    """
    pairs = {(one.first, one.second): one for one in _alike(prints)}
    for group in same_files:
        first, *others = sorted(set(group))
        for second in others:  # to the first one only: a hundred same files need no 4,950 pairs
            pairs[first, second] = Pair(first=first, second=second, share=1.0, same=True)
    return _joined(pairs.values())


def _alike(prints: Mapping[str, frozenset[int]]) -> Iterator[Pair]:
    """Yield the pairs that share enough, learner by learner: all pairs at once would not fit in memory."""
    rare = _rare(prints)
    earlier: dict[int, list[str]] = defaultdict(list)
    for second in sorted(rare):
        shared: Counter[str] = Counter()
        for one in rare[second]:
            shared.update(earlier[one])
            earlier[one].append(second)
        for first, count in shared.items():
            share = count / min(len(rare[first]), len(rare[second]))
            if share >= ALIKE:
                yield Pair(first=first, second=second, share=share)


def _rare(prints: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    """Return the fingerprints without what many have; who has too few left cannot be compared."""
    counts = Counter(one for found in prints.values() for one in found)
    most = max(COMMON_LEAST, COMMON * len(prints))
    common = {one for one, count in counts.items() if count > most}
    rare = {learner: found - common for learner, found in prints.items()}
    return {learner: found for learner, found in rare.items() if len(found) >= FEWEST}


def _joined(pairs: Iterable[Pair]) -> list[Cluster]:
    ordered = sorted(pairs, key=lambda one: (-one.share, one.first, one.second))
    leader: dict[str, str] = {}

    def lead(learner: str) -> str:
        while leader.setdefault(learner, learner) != learner:
            leader[learner] = learner = leader[leader[learner]]
        return learner

    for one in ordered:
        leader[lead(one.second)] = lead(one.first)
    members: dict[str, set[str]] = defaultdict(set)
    theirs: dict[str, list[Pair]] = defaultdict(list)
    for one in ordered:
        members[lead(one.first)] |= {one.first, one.second}
        theirs[lead(one.first)].append(one)
    found = [Cluster(learners=tuple(sorted(members[key])), pairs=tuple(theirs[key])) for key in theirs]
    return sorted(found, key=lambda one: (-len(one.learners), -one.pairs[0].share, one.learners))


def common_lines(first: str, second: str, starter: Collection[int] = ()) -> tuple[set[int], set[int]]:
    """Return the lines of two texts, from 1, that lie in runs of tokens which both of them have."""
    sides = [(found := tokens(text), grams(found)) for text in (first, second)]
    both = set(sides[0][1]) & set(sides[1][1]) - set(starter)
    marked: list[set[int]] = []
    for found, hashes in sides:
        starts = [at for at, one in enumerate(hashes) if one in both]
        marked.append({found[at + step].line for at in starts for step in range(GRAM)})
    return marked[0], marked[1]
