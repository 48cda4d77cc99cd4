"""Run Triton's kernels in its interpreter against the same steps of torch.

A program of its own, as Triton reads TRITON_INTERPRET once.
"""

import os

os.environ["TRITON_INTERPRET"] = "1"

import torch
from torch.testing import assert_close

from tests.core_cases import CELLS, nodes_with_input, random_initial
from tests.folding.levelwise.cases import (
    FOREST,
    SERVED,
    SERVED_WITH_INITIAL,
    SHARED_SLOTS,
    fold_by_levels,
    is_served,
    states_and_gradients,
)
from treefold import Forest
from treefold.folding.levelwise import aten, launch


def compare(name: str, forest: Forest, with_initial: bool) -> None:
    """Fold with both, and compare states and gradients."""
    cell = CELLS[name]()
    nodes = nodes_with_input(cell, forest)
    rows = forest.num_nodes if nodes is None else len(nodes)
    x = torch.randn(rows, cell.input_size, requires_grad=True)
    initial = random_initial(cell, 1) if with_initial else None
    given = (x, *(initial or ()), *cell.parameters())
    interpreted, plain = (
        states_and_gradients(
            fold_by_levels(points, cell, forest, x, nodes, initial), *given
        )
        for points in (launch, aten)
    )
    assert_close(interpreted, plain, rtol=1e-4, atol=1e-5)


def main() -> None:
    """Compare every cell, with columns to spare and in several blocks."""
    torch.manual_seed(0)
    for launch.COLUMNS in (2, 64):  # of states of 4
        for name in SERVED:
            for forest in (FOREST, SHARED_SLOTS):
                if not is_served(name, forest):
                    continue
                compare(name, forest, with_initial=False)
                if name in SERVED_WITH_INITIAL:
                    compare(name, forest, with_initial=True)
                print(name, forest.num_nodes, launch.COLUMNS)


main()
