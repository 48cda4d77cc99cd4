"""Pairs of trees, one pair a line.

A line is ``left<TAB>right``, and after another tab a score or the name of a relation.
Each side is a tree in brackets or a text:

- ``( ( the dog ) ( runs fast ) )`` is a constituency tree. Brackets hold words and
  trees, without labels; blanks between them do not matter.
- ``the dog runs fast`` is a chain of words, read from the first on.

Or a line is an object in JSON, ``{"left": ..., "right": ..., "target": 4.5}``, whose
sides are texts as above or objects with the words' heads, as in CoNLL from 1, and 0 for
the root: ``{"words": ["dogs", "run"], "heads": [2, 0]}``. ``"brackets"`` may stand
beside them.

Blank lines are passed over. Text is UTF-8, plain or gzipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from treefold.data.errors import DataError
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.tree_pairs import CLOSE, OPEN, Pair, Side

WORD = re.compile(r"[()]|[^()\s]+")


def read_tree_pairs(
    file: str | Path, *, labelled: bool = True, skip_bad: bool = False
) -> Iterator[Pair]:
    """Read pairs of trees as they come; see the module.

    Args:
        file: its path, or ``-`` for standard input.
        labelled: whether each pair must have a target.
        skip_bad: leave out lines that are no pair.

    Raises:
        DataError: ``file:line:column: expected ..., found ...``; no such file; nothing
            in it.
    """
    empty = True
    name = STDIN if str(file) == "-" else str(file)
    for number, line in open_lines(file):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            is_json = line.lstrip().startswith("{")
            pair = (_of_json if is_json else _of_columns)(place, line)
            if labelled and pair.target is None:
                raise DataError(
                    f"{place}: expected a score or a relation after the two trees, "
                    "found none"
                )
        except DataError:
            if not skip_bad:
                raise
            continue
        empty = False
        yield pair
    if empty:
        raise DataError(f"{name}: expected pairs left<TAB>right, found none")


def read_side(text: str, place: str = "<text>", column: int = 1) -> Side:
    """Read a tree in brackets, or a text.

    Args:
        text: one of the two.
        place: ``file:line``, for messages.
        column: where in its line the text begins.

    Raises:
        DataError: brackets that do not match, or nothing in them.
    """
    found = list(WORD.finditer(text))
    words = tuple(m.group() for m in found)

    def at(k: int) -> str:
        position = found[k].start() if k < len(found) else len(text.rstrip())
        return f"{place}:{column + position}"

    if not words:
        raise DataError(f"{at(0)}: expected a tree or a text, found nothing")
    plain = tuple(word for word in words if word not in (OPEN, CLOSE))
    if len(plain) == len(words):
        return Side(plain, place=place)
    opened: list[int] = []
    for k, word in enumerate(words):
        if k and not opened:
            raise DataError(f"{at(k)}: expected one tree a side, found {word!r} behind")
        if word == CLOSE:
            if not opened:
                raise DataError(f"{at(k)}: expected '(', found ')', which closes none")
            if opened.pop() == k - 1:
                raise DataError(f"{at(k)}: expected a word after '(', found ')'")
        elif word == OPEN:
            opened.append(k)
    if opened:
        begun = column + found[opened[-1]].start()
        raise DataError(
            f"{at(len(words))}: expected ')' to close the '(' at column {begun}, found "
            "the end of the tree"
        )
    return Side(plain, words, place=place)


def target_of(text: str) -> float | str | None:
    """Return a number where the text is one, else the text, None where it is empty."""
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        return text or None
    return value if value - value == 0 else text  # neither infinite nor NaN


def _of_columns(place: str, line: str) -> Pair:
    columns = line.split("\t")
    if len(columns) not in (2, 3):
        raise DataError(
            f"{place}: expected left<TAB>right<TAB>score or relation, found "
            f"{len(columns) - 1} tabs"
        )
    left, right, *rest = columns
    return Pair(
        read_side(left, place),
        read_side(right, place, len(left) + 2),
        target_of(rest[0]) if rest else None,
        place,
    )


def _of_json(place: str, line: str) -> Pair:
    try:
        content = loads(line)
    except ValueError as error:
        column = getattr(error, "colno", 1)
        raise DataError(f"{place}:{column}: expected an object in JSON") from None
    for name in ("left", "right"):
        if name not in content:
            raise DataError(
                f'{place}: expected {{"left": ..., "right": ...}}, found no {name!r}'
            )
    target = content.get("target")
    if target is not None:
        target = target_of(str(target))
    left, right = (_side(f"{place}: {n}", content[n]) for n in ("left", "right"))
    return Pair(left, right, target, place)


def _side(place: str, content: Any) -> Side:
    if isinstance(content, str):
        return read_side(content, place)
    given = content if isinstance(content, dict) else {}
    words: Any = given.get("words")
    good = isinstance(words, list) and words and all(isinstance(w, str) for w in words)
    if not good:
        raise DataError(
            f'{place}: expected a text or {{"words": [...], "heads": [...]}}, found '
            f"{str(content)[:40]!r}"
        )
    heads, brackets = given.get("heads"), given.get("brackets")
    side = Side(tuple(words), place=place)
    if brackets is not None:
        side = side._replace(brackets=read_side(str(brackets), place).brackets)
    if heads is not None:
        side = side._replace(heads=check_heads(place, words, heads))
    return side


def check_heads(place: str, words: list[str], heads: Any) -> tuple[int, ...]:
    """Return the heads of words if they make one tree.

    Raises:
        DataError: they do not.
    """
    T = len(words)
    whole = isinstance(heads, list) and all(type(h) is int for h in heads)
    if not whole or len(heads) != T or not all(0 <= h <= T for h in heads):
        raise DataError(
            f"{place}: expected a head from 0 to {T} for each of the {T} words, found "
            f"{str(heads)[:40]}"
        )
    if heads.count(0) != 1:
        raise DataError(
            f"{place}: expected one word whose head is 0, the root, found "
            f"{heads.count(0)}"
        )
    # From each word up to one that is known to lead to the root, or round and round.
    leads = {0}
    for number in range(1, T + 1):
        way, at = list[int](), number
        while at not in leads and len(way) <= T:
            way.append(at)
            at = heads[at - 1]
        if at not in leads:
            raise DataError(
                f"{place}: expected a tree, found that the word {words[at - 1]!r} is "
                "below itself"
            )
        leads.update(way)
    return tuple(heads)
