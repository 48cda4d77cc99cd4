"""Draw one sentence as trained reasoners build it: docs/images/reasoning.svg.

    python examples/reasoning_picture.py runs/ptb-windows runs/ptb-phrases [FILE.svg]

Runs of the recipes of the same names. A node tells its saliency.
"""

from __future__ import annotations

import sys
from pathlib import Path

from treefold import Forest, load
from treefold.svg import tree_svg
from treefold.tasks.reason_data import encode

SENTENCE: str = "the company said it will sell its japanese unit"
NAMES = ("from raw text alone", "taught by phrases")


def picture(folders: list[str], words: list[str]) -> str:
    """Draw the structures that runs find over the same words, side by side."""
    forests, text = [], []
    for folder in folders:
        run = load(folder)
        sentence = encode([words], run.task.vocabulary)
        built = run.task.build(run.model, sentence, run.task.search)
        forests.append(built.forest)
        text += [*words, *(f"{score:.1f}" for score in built.score[len(words) :])]
    both = Forest.cat(forests)
    return tree_svg(
        both.offset.numpy(),
        both.child.numpy(),
        both.roots.numpy(),
        text=text,
        title="One sentence as it is built " + " and ".join(NAMES[: len(folders)]),
    )


if __name__ == "__main__":
    *runs, last = sys.argv[1:]
    if not last.endswith(".svg"):
        runs, last = [*runs, last], "docs/images/reasoning.svg"
    Path(last).write_text(picture(runs, SENTENCE.split()) + "\n", encoding="utf-8")
    print(f"Wrote {last}.")
