"""A probabilistic context-free grammar, read off a treebank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from treefold.parsing.binary import Markov, Rule, base, rules
from treefold.parsing.lexicon import Lexicon
from treefold.parsing.tree import TOP, Tree

Int32 = NDArray[np.int32]
Float = NDArray[np.float64]


class Rules(NamedTuple):
    """Rules as the charts' loops read them; S symbols.

    Attributes:
        offset: (S + 1,) rules whose left symbol is B: ``offset[B]:offset[B + 1]``.
        head: (R,) A of each rule A -> B C,
        right: (R,) its C,
        weight: (R,) and its ln p.
        up_offset: (S + 1,) chains of unary rules from B: ``up_offset[B]:...``, the
            chain of no rule among them.
        up: (U,) A at the top of each chain,
        up_weight: (U,) and ln p of the best chain from A down to B.
    """

    offset: Int32
    head: Int32
    right: Int32
    weight: Float
    up_offset: Int32
    up: Int32
    up_weight: Float


@final
@dataclass(frozen=True, eq=False)
class Grammar:
    """Relative frequencies of rules, and a lexicon.

    Attributes:
        symbols: the S names.
        binary: how often each A -> B C occurs, by symbols' numbers,
        unary: and each A -> B.
        lexicon: of the tags.
        markov: how trees were annotated.
    """

    symbols: list[str]
    binary: dict[tuple[int, int, int], int]
    unary: dict[tuple[int, int], int]
    lexicon: Lexicon
    markov: Markov

    @classmethod
    def of(
        cls,
        trees: Sequence[Tree],
        markov: Markov,
        *,
        classes: bool,
        smoothing: float = 1.0,
    ) -> Self:
        """Count the rules of plain trees.

        Args:
            trees: see `treefold.parsing.plain`.
            markov: how symbols are annotated.
            classes: whether unknown words have classes.
            smoothing: of the lexicon.

        Raises:
            ValueError: there is no tree.
        """
        if not trees:
            raise ValueError("a grammar is read off trees; none were given.")
        found = Counter(rule for tree in trees for rule in rules(tree, markov))
        words = [(r.word, r.head, r.first) for r in found.elements() if r.word]
        tags = sorted({tag for _, tag, _ in words})
        others = {s for r in found if not r.word for s in (r.head, *r.symbols)}
        symbols = [*tags, *sorted(others.difference(tags))]
        number = {name: k for k, name in enumerate(symbols)}

        def coded(rule: Rule) -> tuple[int, ...]:
            return (number[rule.head], *(number[s] for s in rule.symbols))

        many = [Counter[Any](), Counter[Any]()]
        for rule, n in found.items():
            if not rule.word:
                many[len(rule.symbols) - 1][coded(rule)] += n
        lexicon = Lexicon.of(words, tags, classes=classes, smoothing=smoothing)
        return cls(symbols, dict(many[1]), dict(many[0]), lexicon, markov)

    @property
    def top(self) -> int:
        """The number of the root's symbol."""
        return self.symbols.index(TOP)

    @property
    def num_tags(self) -> int:
        """T; the tags are the first symbols."""
        return len(self.lexicon.tags)

    @cached_property
    def bases(self) -> list[str]:
        """The (S,) symbols without what they know of their surroundings."""
        return [base(symbol) for symbol in self.symbols]

    @cached_property
    def _totals(self) -> Float:
        """How often each symbol heads a rule; tags head words, too."""
        total = np.zeros(len(self.symbols))
        for part in (self.binary, self.unary):
            for key, n in part.items():
                total[key[0]] += n
        for (_, tag), n in self.lexicon.counts.items():
            total[self._number[tag]] += n
        return total

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.symbols)}

    @cached_property
    def rules(self) -> Rules:
        """The rules, as arrays."""
        S = len(self.symbols)
        listed = sorted(self.binary.items(), key=lambda each: each[0][1])
        keys = np.array([key for key, _ in listed], np.int32).reshape(-1, 3)
        counts = np.array([n for _, n in listed], np.float64)
        weight = np.log(counts) - np.log(self._totals[keys[:, 0]])
        ups = sorted((below, above, w) for (above, below), w in self._closure.items())
        below, above = (np.array([u[k] for u in ups], np.int32) for k in (0, 1))
        return Rules(
            _offsets(keys[:, 1], S),
            np.ascontiguousarray(keys[:, 0]),
            np.ascontiguousarray(keys[:, 2]),
            weight,
            _offsets(below, S),
            above,
            np.array([u[2] for u in ups]),
        )

    @cached_property
    def _closure(self) -> dict[tuple[int, int], float]:
        """Return ln p of the best chain of unary rules from A down to B."""
        return {key: weight for key, (weight, _) in self._chains.items()}

    @cached_property
    def _chains(self) -> dict[tuple[int, int], tuple[float, tuple[int, ...]]]:
        """The best chain from A down to B: ln p, and the symbols, A and B included."""
        total = self._totals
        down: dict[int, list[tuple[int, float]]] = {}
        for (above, below), n in self.unary.items():
            weight = float(np.log(n) - np.log(total[above]))
            down.setdefault(above, []).append((below, weight))
        found = {(s, s): (0.0, (s,)) for s in range(len(self.symbols))}
        for start in down:
            best: dict[int, tuple[float, tuple[int, ...]]] = {start: (0.0, (start,))}
            fresh = [start]
            while fresh:  # chances are below 1: the best chain has no symbol twice
                at = fresh.pop()
                so_far, path = best[at]
                for below, weight in down.get(at, ()):
                    new = so_far + weight
                    if below not in best or new > best[below][0]:
                        best[below] = (new, (*path, below))
                        fresh.append(below)
            found |= {(start, below): each for below, each in best.items()}
        return found

    def chain(self, above: int, below: int) -> tuple[int, ...]:
        """Return the symbols of the best unary chain from one to another."""
        return self._chains[above, below][1]

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return {
            "symbols": self.symbols,
            "binary": [[*key, n] for key, n in self.binary.items()],
            "unary": [[*key, n] for key, n in self.unary.items()],
            "tags": self.num_tags,
            "lexicon": self.lexicon.to_json(),
            "markov": asdict(self.markov),
        }

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Self:
        """Make a grammar of what `to_json` returned."""
        symbols = value["symbols"]
        return cls(
            symbols,
            {(a, b, c): n for a, b, c, n in value["binary"]},
            {(a, b): n for a, b, n in value["unary"]},
            Lexicon.of_json(value["lexicon"], symbols[: value["tags"]]),
            Markov(**value["markov"]),
        )


def _offsets(sorted_keys: Int32, size: int) -> Int32:
    """Return where each number begins among sorted ones, (size + 1,)."""
    return np.searchsorted(sorted_keys, np.arange(size + 1)).astype(np.int32)
