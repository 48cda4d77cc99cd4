"""Texts as bags of pieces: words, parts of names, runs of letters; hashed."""

from __future__ import annotations

import re
from zlib import crc32

# CamelCase and snake_case fall into words, digits apart; marks are words of their own.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\dA-Z_a-z]+|\d+|[^\w\s]")
MOST_CHARACTERS = 4096  # of a text are looked at: a value may be a whole book
MOST_WORDS = 256
MOST_SPELLED = 8  # words that are also taken letter by letter
MOST_SHAPED = 40  # characters of a text whose spelling is looked at
AFFIX = 4  # letters of the longest beginning and end of a text
_SHAPE = [(re.compile(r"[A-Z]+"), "X"), (re.compile(r"[a-z]+"), "x")]
_DIGITS = re.compile(r"[0-9]+")


def pieces(text: str) -> list[str]:
    """Cut a text into its words, and its first words into runs of three letters.

    Example:
        >>> pieces("getName")
        ['get', 'name', '<ge', 'get', 'et>', '<na', 'nam', 'ame', 'me>']
    """
    words = [word.lower() for word in WORD.findall(text[:MOST_CHARACTERS])]
    found = words[:MOST_WORDS]
    for word in words[:MOST_SPELLED]:
        framed = f"<{word[:32]}>"
        found += [framed[k : k + 3] for k in range(len(framed) - 2) if len(word) > 1]
    return found


def spelling(text: str) -> list[str]:
    """Return how a word is spelt: its beginnings, its ends, and its shape.

    They tell what kind of word it is, where it is none that training knows.

    Example:
        >>> spelling("Dow-Jones")[:2], spelling("Dow-Jones")[-2:]
        (['<d', '<do'], ['ones>', '=Xx-Xx'])
    """
    word = text[:MOST_SHAPED]
    shape = word
    for pattern, kind in _SHAPE:
        shape = pattern.sub(kind, shape)
    low = word.lower()
    sizes = range(1, AFFIX + 1)
    begins, ends = [f"<{low[:n]}" for n in sizes], [f"{low[-n:]}>" for n in sizes]
    return [*begins, *ends, f"={_DIGITS.sub('0', shape)}"]


def buckets(text: str, number: int, *, spelt: bool = False) -> dict[int, float]:
    """Return the buckets of a text's pieces and their shares, of squares that sum to 1.

    Args:
        text: any.
        number: how many buckets there are.
        spelt: whether its spelling is among the pieces.
    """
    found: dict[int, float] = {}
    for piece in pieces(text) + (spelling(text) if spelt else []):
        bucket = crc32(piece.encode("utf-8", "surrogatepass")) % number
        found[bucket] = found.get(bucket, 0.0) + 1.0
    length = sum(count * count for count in found.values()) ** 0.5
    return {bucket: count / length for bucket, count in found.items()}
