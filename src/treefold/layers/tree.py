"""Layers over trees, DAGs and chains, one for each kind of cell."""

from __future__ import annotations

from typing import Literal, Unpack

from treefold.cells import (
    Cell,
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    ExtendedTreeGRUCell,
    ExtendedTreeLSTMCell,
    LayerNormRecursiveCell,
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
        layer_norm: normalise what the nonlinearity gets (Ba, 2016).
        options: number of layers, directions, dropouts; see `Stack`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        nonlinearity: Literal["tanh", "relu", "identity"] = "tanh",
        layer_norm: bool = False,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> Cell:
            if layer_norm:
                return LayerNormRecursiveCell(
                    size, hidden_size, arity=arity, activation=nonlinearity
                )
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
        proj_size: P, features of h, projected from H; 0 is no projection.
        layer_norm: normalise gates and memory (Ba, 2016).
        update_dropout: probability to drop a feature of what a node adds to the
            memory, never of what is kept of its children (Semeniuta, 2016).
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
        proj_size: int = 0,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> Cell:
            if proj_size or layer_norm or update_dropout:
                return ExtendedTreeLSTMCell(
                    size,
                    hidden_size,
                    arity=arity,
                    layer_norm=layer_norm,
                    update_dropout=update_dropout,
                    proj_size=proj_size,
                )
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
        layer_norm: normalise the gates (Ba, 2016).
        update_dropout: probability to drop a feature of a node's candidate
            (Semeniuta, 2016).
        options: number of layers, directions, dropouts; see `Stack`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        arity: int | None = None,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        **options: Unpack[StackOptions],
    ):
        def new_cell(size: int) -> Cell:
            if layer_norm or update_dropout:
                return ExtendedTreeGRUCell(
                    size,
                    hidden_size,
                    arity=arity,
                    layer_norm=layer_norm,
                    update_dropout=update_dropout,
                )
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
