"""Forests of chains as torch's packed batches, and back, over the same memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from treefold.csr import CSR, ForestError

if TYPE_CHECKING:
    from treefold.forest import Forest


def of_packed_sequence(packed: PackedSequence) -> CSR:
    """Chains whose node i is row i of the packed batch."""
    sizes = packed.batch_sizes.numpy()
    start = np.cumsum(sizes) - sizes
    num_nodes, batch = int(sizes.sum()), int(sizes[0])
    step = np.repeat(np.arange(len(sizes)), sizes)
    column = np.arange(num_nodes) - start[step]
    child = (start[step - 1] + column)[batch:]
    sequence = np.arange(batch)
    if packed.sorted_indices is not None:
        sequence = packed.sorted_indices.cpu().numpy()
    return np.maximum(np.arange(num_nodes + 1) - batch, 0), child, sequence[column]


def as_packed_sequence(forest: Forest, data: Tensor) -> PackedSequence:
    """View rows of a forest of chains as a packed batch; see the Forest's method."""
    host = forest._host
    shown = np.bincount(host.roots.numpy(), minlength=forest.num_nodes)
    above = np.bincount(host._csr[1], minlength=forest.num_nodes)
    # A node of a chain has one parent or is the root, of one structure.
    wrong = np.flatnonzero((host.arities.numpy() > 1) | (above + shown > 1))
    second = np.flatnonzero(np.diff(host.root_tree.numpy()) == 0) + 1
    wrong = np.concatenate([wrong, host.roots.numpy()[second]])
    if len(wrong):
        raise ForestError(
            f"a packed sequence holds chains, but node {wrong[0]} has several "
            "children or parents, or is a second root. Fold the forest itself "
            "instead."
        )
    if len(data) != forest.num_nodes:
        raise ForestError(
            f"data has {len(data)} rows for {forest.num_nodes} nodes; give one each."
        )
    tree, height = host.tree.numpy(), host._height
    length = np.bincount(tree, minlength=forest.num_trees)
    first_step = tree[height == 0]
    if (np.diff(length[first_step]) > 0).any():
        first_step = np.argsort(-length, kind="stable")
    column = np.empty(forest.num_trees, np.int64)
    column[first_step] = np.arange(forest.num_trees)
    sizes = host.levels.sizes
    start = np.cumsum(sizes.numpy()) - sizes.numpy()
    row = start[height] + column[tree]  # of each node in the packed batch
    if not np.array_equal(row, np.arange(len(row))):
        data = data[torch.from_numpy(np.argsort(row)).to(data.device)]
    return PackedSequence(
        data,
        sizes,
        torch.from_numpy(first_step).to(data.device),
        torch.from_numpy(column).to(data.device),
    )
