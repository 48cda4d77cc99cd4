"""Draw the pictures of docs/autoencoders.md from two finished runs.

treefold train random-trees --config recipes/random-trees.yaml --out runs/random
treefold train pollack --config recipes/pollack.yaml --out runs/pollack
python examples/auto_encoder_pictures.py runs/random runs/pollack [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

from treefold.data.readers.nested import read_nested
from treefold.models.auto_encoder import AutoEncoder
from treefold.report.figure import STYLE
from treefold.tasks import load
from treefold.tasks.autoencode import AutoencodeTask
from treefold.tasks.autoencode_findings import by_size_figure, codes_figure, draw

TREE = "(_ (_ (_ D (_ A N)) (_ P (_ D N))) (_ V (_ D (_ A N))))"


def main(random: str, pollack: str, folder: str = "docs/images") -> None:
    """Write three pictures."""
    out = Path(folder)
    with mpl.rc_context({**STYLE, "savefig.dpi": 110}):
        by_size_figure(load(random).result).savefig(out / "autoencoder-sizes.png")
        run = load(pollack)
        assert isinstance(run.task, AutoencodeTask)
        assert isinstance(run.model, AutoEncoder)
        task = run.task.with_data(run.task.spec)
        figure, _ = codes_figure(task, run.model)
        figure.savefig(out / "autoencoder-codes.png")
    codes = task.codes(run.model, task.symbols.code(read_nested([TREE])))
    back = task.write(task.grow(run.model, codes))
    picture = draw(read_nested([TREE, *back]), "A tree, and what its code decodes to")
    (out / "autoencoder-tree.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
