"""Operate on a whole tree without taking it apart: swap subject and object (RAAM).

A sentence of Pollack's grammar, ((subject) ((V) (object))), is one vector to a trained
auto-encoder. A map is learned from the vectors of sentences to those of the same
sentences with subject and object exchanged, on some pairs; on the others the vector
that comes out is decoded, and must be the right tree, exactly (Pollack, 1990; Chalmers,
1990; Blank et al., 1992).

    treefold train pollack --config recipes/pollack.yaml --out runs/pollack
    python examples/swap_subject_object.py runs/pollack [HEIGHT]
"""

from __future__ import annotations

import sys
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from treefold.data.generators.pollack import brackets, phrases
from treefold.data.readers.nested import read_nested
from treefold.models.auto_encoder import AutoEncoder
from treefold.tasks import load
from treefold.tasks.autoencode import AutoencodeTask

HEIGHT = 4  # of subjects and objects: a sentence then has 6 at most, as in training
HELD_OUT = 0.2
SHOWN = 3


def sentences(highest: int) -> tuple[list[str], list[str]]:
    """Return all sentences of the form NP (V NP), and each with its two NPs swapped."""
    nouns = [tree for height in range(highest + 1) for tree in phrases("NP", height)]
    pairs = [(a, b) for a, b in product(nouns, nouns) if a != b]
    return (
        [brackets((a, ("V", b))) for a, b in pairs],
        [brackets((b, ("V", a))) for a, b in pairs],
    )


def fit_linear(x: Tensor, y: Tensor) -> Any:
    """Fit the linear map of least squares, with a constant."""

    def wide(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1).double()

    ridge = 1e-6 * torch.eye(x.shape[1] + 1, dtype=torch.float64)
    weights = torch.linalg.solve(wide(x).T @ wide(x) + ridge, wide(x).T @ y.double())
    return lambda x: (wide(x) @ weights).float()


def fit_net(x: Tensor, y: Tensor, hidden: int = 128, steps: int = 400) -> nn.Module:
    """Fit a net of one hidden layer beside a linear map."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(x.shape[1], hidden), nn.GELU(), nn.Linear(hidden, y.shape[1])
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / steps)
        rows = torch.randint(len(x), (256,))
        optimizer.zero_grad()
        (net(x[rows]) - y[rows]).square().mean().backward()
        optimizer.step()
    return net


def main(folder: str, highest: int = HEIGHT) -> None:
    """Learn the maps and print how many decoded trees are right."""
    torch.set_num_threads(1)
    run = load(folder)
    task, model = run.task, run.model
    assert isinstance(task, AutoencodeTask)
    assert isinstance(model, AutoEncoder)
    before, after = sentences(highest)

    def codes(texts: list[str]) -> Tensor:
        return task.codes(model, task.symbols.code(read_nested(texts), strict=True))

    x, y = codes(before), codes(after)
    order = np.random.default_rng(0).permutation(len(before))
    test, train = np.split(order, [int(HELD_OUT * len(order))])

    def right(vectors: Tensor, wanted: list[str]) -> list[bool]:
        told = task.write(task.grow(model, vectors))
        return [a == b for a, b in zip(told, wanted, strict=True)]

    wanted = [after[i] for i in test]
    print(f"{len(train):,} pairs of sentences to learn from, {len(test):,} held out")
    own = np.mean(right(x[test], [before[i] for i in test]))
    print(f"{'codes decoded as they are':28} {100 * own:6.2f} % right")
    none = np.mean(right(x[test], wanted))
    print(f"{'not swapped at all':28} {100 * none:6.2f} %")
    for name, fit in (("a linear map", fit_linear), ("a net", fit_net)):
        swap = fit(x[train], y[train])
        with torch.no_grad():
            found = np.mean(right(swap(x[test]), wanted))
        print(f"{'swapped by ' + name:28} {100 * found:6.2f} %")
    with torch.no_grad():
        told = task.write(task.grow(model, swap(x[test[:SHOWN]])))
    for i, text in zip(test, told, strict=False):
        print(f"\n  {before[i]}\n→ {text}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
