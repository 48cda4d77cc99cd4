"""Draw what the state of one node sees, pass by pass, for docs/deep.md.

Blue are the words that have a gradient from the state of the orange node, in nets
that were not trained: the same on every machine.

    python examples/context_picture.py [FILE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from treefold import Forest
from treefold.models.deep import DeepRecursive, Pass, deep_cell
from treefold.svg import tree_svg

SENTENCE = (("the", "soup"), ("was", ("not", "cold")))
WORDS = ["the", "soup", "", "was", "not", "cold", "", "", ""]
MARKED = 6  # over "not cold"
STACKS: dict[str, tuple[Pass, ...]] = {
    "up": ("up",),
    "up outside,\nthe outer half": ("up", "outside"),
    "up down": ("up", "down"),
}


def seen(passes: tuple[Pass, ...]) -> list[bool]:
    """Say of each node whether its input reaches the last state of the marked one."""
    forest, size = Forest.from_trees([SENTENCE]), 4
    net = DeepRecursive(lambda n: deep_cell(n, size), size, passes, arity=2)
    x = torch.randn(len(forest.leaves), size, requires_grad=True)
    state = net(forest, x, forest.leaves)[MARKED, -size:]
    (gradient,) = torch.autograd.grad(state.sum(), x)
    found = [False] * forest.num_nodes
    for leaf, row in zip(forest.leaves.tolist(), gradient, strict=True):
        found[leaf] = bool(row.abs().sum() > 0)
    return found


def picture() -> str:
    """Draw one tree for each stack of passes, side by side."""
    torch.manual_seed(0)
    forest = Forest.cat([Forest.from_trees([SENTENCE])] * len(STACKS))
    text, fill = [], []
    for name, passes in STACKS.items():
        inside = seen(passes)
        text += [*WORDS[:-1], name]
        blue = ["#99c6e4" if each else "#ffffff" for each in inside]
        fill += [*blue[:MARKED], "#b75503", *blue[MARKED + 1 :]]
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=text,
        fill=fill,
        title="The words that the state of one node has seen, after passes up, "
        "outside and down",
    )


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/context.svg")
    path.write_text(picture() + "\n", encoding="utf-8")
    print(f"Wrote {path}.")
