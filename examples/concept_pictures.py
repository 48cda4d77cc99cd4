"""Draw the pictures of docs/concepts.md.

They are small forests, with nothing learned in them: the same on every machine.

    python examples/concept_pictures.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from treefold import Forest
from treefold.svg import sequential, tree_svg


def levels() -> str:
    """Draw two trees and a chain; nodes of one colour are computed at once."""
    trees = Forest.from_trees([("not", ("very", "good")), "fine"])
    forest = Forest.cat([trees, Forest.from_lengths([3])])
    words = ["not", "very", "good", "", "", "fine", "we", "bake", "bread"]
    heights = forest.heights.tolist()
    return tree_svg(
        forest.offset,
        forest.child,
        forest.roots,
        text=[
            f"{v} {word}".strip() + f"\nlevel {height}"
            for v, (word, height) in enumerate(zip(words, heights, strict=True))
        ],
        fill=[sequential(height, 0, 3.5) for height in heights],
        title="Two trees and a chain, coloured by level",
    )


def shared() -> str:
    """Draw (a b) (a b) with its equal subtrees merged."""
    tree = Forest.from_trees([(("a", "b"), ("a", "b"))])
    names = ["a", "b", "(a b)", "a", "b", "(a b)", "(a b) (a b)"]
    label = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    dag, _, first = tree.share(label)
    both = Forest.cat([tree, dag])
    return tree_svg(
        both.offset,
        both.child,
        both.roots,
        text=names + [names[v] for v in first.tolist()],
        title="A tree, and the DAG that it becomes when equal subtrees are merged",
    )


def transposed() -> str:
    """Draw a tree beside its transpose."""
    tree = Forest.from_trees([("not", ("very", "good"))])
    both = Forest.cat([tree, tree.transpose()])
    names = ["0 not", "1 very", "2 good", "3", "4"]
    return tree_svg(
        both.offset,
        both.child,
        both.roots,
        text=[*names, *names],
        title="A tree, and its transpose: what was the root is the one leaf",
    )


PICTURES = {"levels": levels, "shared": shared, "transposed": transposed}

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    for name, draw in PICTURES.items():
        path = folder / f"{name}.svg"
        path.write_text(draw() + "\n", encoding="utf-8")
        print(f"Wrote {path}.")
