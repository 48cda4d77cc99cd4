"""Formulas of a given depth with their values: arithmetic, and logic.

==========================  ==========================================================
``expressions-arithmetic``  digits 0 to 4 under ``+``, ``-`` and ``*``, modulo 5
``expressions-logic``       variables of given truth under ``and``, ``or`` and ``not``
==========================  ==========================================================

To learn from are formulas of few levels, to measure on those of more: whoever has
learned what each operator does to the values of its arguments needs nothing else.

A formula is drawn from its value down. A node's operator is any; the values of its
arguments are any that give the node its value. So the values of formulas are as likely
as each other at every depth, and no shallow trick (a product with a 0 in it, a long
disjunction) tells them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from treefold.data.documents import Content, Document, Documents, DocumentSet

MODULUS = 5
VARIABLES = ("a", "b", "c", "d", "e", "f")
TRAINED = (1, 2, 3, 4)  # levels of operators
DEEPER = (5, 6, 7, 8, 9, 10)
SIZES = {"train": 20_000, "dev": 1_000, "test": 3_000}

Random = np.random.Generator


@final
@dataclass(frozen=True)
class Operator:
    """An operator, and what its arguments may be worth where it is worth something.

    Attributes:
        name: how it is written.
        arity: how many arguments it has.
        ways: for each value, the values of the arguments that give it.
    """

    name: str
    arity: int
    ways: tuple[tuple[tuple[int, ...], ...], ...]

    @classmethod
    def of(
        cls, name: str, arity: int, values: int, value: Callable[..., int]
    ) -> Operator:
        """Tabulate a function of `arity` arguments, each one of `values`."""
        ways: list[list[tuple[int, ...]]] = [[] for _ in range(values)]
        for arguments in product(range(values), repeat=arity):
            ways[value(*arguments)].append(arguments)
        return cls(name, arity, tuple(map(tuple, ways)))


@final
@dataclass(frozen=True)
class Language:
    """What formulas are made of.

    Attributes:
        values: the names of what a formula may be worth.
        operators: what formulas are joined by.
        leaf: makes the content of a leaf of a value: kind, text and number.
    """

    values: tuple[str, ...]
    operators: tuple[Operator, ...]
    leaf: Callable[[int, Random], tuple[str, str, float | None]]


def _digit(value: int, random: Random) -> tuple[str, str, float | None]:
    return "digit", str(value), None


def _variable(value: int, random: Random) -> tuple[str, str, float | None]:
    return "variable", VARIABLES[random.integers(len(VARIABLES))], float(value)


LANGUAGES = {
    "expressions-arithmetic": Language(
        tuple(map(str, range(MODULUS))),
        (
            Operator.of("+", 2, MODULUS, lambda x, y: (x + y) % MODULUS),
            Operator.of("-", 2, MODULUS, lambda x, y: (x - y) % MODULUS),
            Operator.of("*", 2, MODULUS, lambda x, y: (x * y) % MODULUS),
        ),
        _digit,
    ),
    "expressions-logic": Language(
        ("false", "true"),
        (
            Operator.of("and", 2, 2, lambda x, y: x & y),
            Operator.of("or", 2, 2, lambda x, y: x | y),
            Operator.of("not", 1, 2, lambda x: 1 - x),
        ),
        _variable,
    ),
}
NAMES = tuple(LANGUAGES)


def make_formulas(
    name: str, count: int, depths: Sequence[int], seed: int = 0
) -> list[Document]:
    """Make formulas whose target is the name of their value.

    Of an operator's two arguments one has all levels that are left, the other any
    number of them; which is which, is drawn.

    Args:
        name: one of `NAMES`.
        count: how many.
        depths: the levels of operators, in turn; 0 is a leaf.
        seed: another one makes other formulas.

    Raises:
        ValueError: there is no language of that name; a depth is negative.

    Example:
        >>> formula, *_ = make_formulas("expressions-arithmetic", 3, [2], seed=4)
        >>> " ".join(tokens(formula)), formula.target
        ('( ( 4 * 1 ) * ( 3 - 1 ) )', '3')
    """
    if name not in LANGUAGES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}.")
    if not depths or min(depths) < 0:
        raise ValueError(f"depths must be one or more, none below 0, got {depths}.")
    random = np.random.default_rng([seed, NAMES.index(name)])
    language = LANGUAGES[name]
    return [
        _formula(language, int(depths[k % len(depths)]), random) for k in range(count)
    ]


def _formula(language: Language, depth: int, random: Random) -> Document:
    worth = int(random.integers(len(language.values)))
    document = Document(target=language.values[worth])
    stack = [(-1, -1, depth, worth)]
    while stack:
        parent, position, left, value = stack.pop()
        if not left:
            kind, text, number = language.leaf(value, random)
            document.add(parent, kind, position=position, text=text, number=number)
            continue
        operator = language.operators[random.integers(len(language.operators))]
        node = document.add(parent, "operator", position=position, text=operator.name)
        ways = operator.ways[value]
        values = ways[random.integers(len(ways))]
        levels = [left - 1, int(random.integers(left))][: operator.arity]
        random.shuffle(levels)
        stack += [
            (node, k, levels[k], values[k]) for k in reversed(range(operator.arity))
        ]
    return document


def tokens(formula: Document) -> list[str]:
    """Write a formula as a string of tokens, with all brackets.

    Example:
        >>> formula, *_ = make_formulas("expressions-logic", 1, [2], seed=1)
        >>> " ".join(tokens(formula))
        '( ( a=1 or f=0 ) and e=1 )'
    """
    children, written = formula.children, list[str]()
    stack: list[int | str] = [0]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            written.append(top)
            continue
        name, below = said(formula.content[top]), children[top]
        if not below:
            written.append(name)
        elif len(below) == 1:
            stack += [")", below[0], name, "("]
        else:
            stack += [")", below[1], name, below[0], "("]
    return written


def said(content: Content) -> str:
    """Return what a node says: an operator, a digit, or a variable and its truth."""
    if content.number is None:
        return content.text or ""
    return f"{content.text}={content.number:g}"


def load(name: str, seed: int = 0) -> DocumentSet:
    """Load a set by name: shallow formulas to learn from, deeper ones to measure on."""
    depths = {"train": TRAINED, "dev": TRAINED, "test": DEEPER}
    train, dev, test = (
        Documents.of(make_formulas(name, SIZES[split], depths[split], 3 * seed + k))
        for k, split in enumerate(SIZES)
    )
    return DocumentSet(
        name,
        train,
        dev,
        test,
        goal="classify",
        note=f"Formulas of {TRAINED[0]} to {TRAINED[-1]} levels to learn from and to "
        f"choose by, of {DEEPER[0]} to {DEEPER[-1]} to measure on.",
    )
