"""1990: a tree becomes one vector, and the vector a tree again."""

from __future__ import annotations

from typing import Any

import torch

from museum import Exhibit
from treefold import Forest
from treefold.data.generators.pollack import SEVEN
from treefold.data.readers.nested import read_nested
from treefold.data.symbols import Symbols
from treefold.models import AutoEncoder
from treefold.svg import tree_svg

CODE_SIZE, STEPS = 32, 200


def exhibit() -> Exhibit:
    """Learn Pollack's seven trees, and take their codes apart."""
    torch.manual_seed(0)
    corpus = read_nested(SEVEN)
    symbols = Symbols.build(corpus)
    batch = symbols.code(corpus).batch(range(len(SEVEN)))
    model = AutoEncoder(
        len(symbols.words), len(symbols.labels), arity=2, code_size=CODE_SIZE
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model.loss(batch).backward()
        optimizer.step()

    with torch.no_grad():
        codes = model.encode(batch)
        grown = model.decode(codes, max_depth=8, max_nodes=30)
    names = [(*symbols.words, *symbols.labels)[k] for k in grown.labels.tolist()]
    trees = [nested(grown.forest, names, root) for root in grown.forest.roots.tolist()]
    exact = sum(a == b for a, b in zip(trees, SEVEN, strict=True))
    return Exhibit(
        1990,
        "Recursive auto-associative memory (RAAM)",
        "Pollack, Artificial Intelligence 46",
        "A net folds a tree of any depth into a vector of fixed size, and a second net "
        "unfolds it.",
        f"{exact} of {len(SEVEN)} trees come back exactly from codes of {CODE_SIZE} "
        "numbers.",
        _picture(grown.forest, names),
        "The seven trees, grown from their codes alone.",
    )


def nested(forest: Forest, names: list[str], node: int) -> Any:
    """Write the tree below a node as tuples and words, of whatever arity it grew."""
    begin, end = forest.offset[node : node + 2].tolist()
    if begin == end:
        return names[node]
    below = forest.child[begin:end].tolist()
    return tuple(nested(forest, names, child) for child in below)


def _picture(forest: Forest, names: list[str]) -> str:
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=["" if name == "_" else name for name in names],
        title="Seven trees, each unfolded from one vector",
    )
