"""Layers over trees, DAGs and chains, one for each kind of cell."""

from __future__ import annotations

from typing import Literal, Unpack

from treefold.cells import (
    Cell,
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
    RNTNCell,
)
from treefold.layers.stack import Stack, StackOptions


class TreeRNN(Stack):
    """Recursive net over trees: a `Stack` of `RecursiveCell` with input at any node.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a state.
        arity: K slots for children, each with a matrix of its own; None sums children
            first, however many they are.
        nonlinearity: "tanh", "relu" or "identity".
        options: number of layers, directions, dropouts; see `Stack`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        nonlinearity: Literal["tanh", "relu", "identity"] = "tanh",
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> RecursiveCell:
            return RecursiveCell(
                size, hidden_size, arity=arity, activation=nonlinearity, input="affine"
            )

        super().__init__(new_cell, input_size, **options)


class TreeLSTM(Stack):
    """Tree-LSTM over trees: a `Stack` of Tai's cells (2015), Child-Sum or N-ary.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a state.
        arity: K slots for children (N-ary); None is Child-Sum.
        options: number of layers, directions, dropouts; see `Stack`.

    Example:
        >>> import torch
        >>> from treefold import Forest, TreeLSTM
        >>> forest = Forest.from_trees([("not", ("very", "good")), "fine"])
        >>> layer = TreeLSTM(8, 16, num_layers=2, bidirectional=True)
        >>> output, (h, c) = layer(forest, torch.randn(4, 8), nodes=forest.leaves)
        >>> output.shape, h.shape
        (torch.Size([6, 32]), torch.Size([4, 2, 16]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> Cell:
            if arity is None:
                return ChildSumTreeLSTMCell(size, hidden_size)
            return NaryTreeLSTMCell(size, hidden_size, arity=arity)

        super().__init__(new_cell, input_size, **options)


class TreeGRU(Stack):
    """Tree-GRU over trees: a `Stack` of the GRU cells, child-sum or N-ary.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a state.
        arity: K slots for children (N-ary); None is child-sum.
        options: number of layers, directions, dropouts; see `Stack`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> Cell:
            if arity is None:
                return ChildSumTreeGRUCell(size, hidden_size)
            return NaryTreeGRUCell(size, hidden_size, arity=arity)

        super().__init__(new_cell, input_size, **options)


class TreeTensor(Stack):
    """Recursive neural tensor network over trees: a `Stack` of `RNTNCell`.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a state.
        arity: K slots for children; its tensor has (K·H)² · H numbers.
        options: number of layers, directions, dropouts; see `Stack`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> RNTNCell:
            return RNTNCell(size, hidden_size, arity=arity, input="affine")

        super().__init__(new_cell, input_size, **options)
