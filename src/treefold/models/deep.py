"""Deep, downward and inside-outside recursive nets (Irsoy & Cardie, 2013, 2014)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from treefold.cells import Cell, Dropout, RecursiveCell
from treefold.cells.parameters import near_mean, zeros
from treefold.folding import fold
from treefold.forest import Forest, ForestError

Pass = Literal["up", "down", "outside"]
PASSES: tuple[Pass, ...] = ("up", "down", "outside")


@final
class DeepRecursive(nn.Module):
    r"""A state for every node, in its context, from passes over the trees.

    The passes are run one after another. With :math:`z_v` what those before have left
    at a node, and f the cell, here written out as the recursive one:

    **up** (Irsoy & Cardie 2014, "Deep recursive neural networks for compositionality
    in language"): a layer sees its own children and the layer below,

    .. math::
        h_v = f\bigl(\textstyle\sum_k W_k h_{c_k(v)} + V z_v + b\bigr),
        \qquad z'_v = h_v

    **down** (Irsoy & Cardie 2013; Teng & Zhang 2017): a node sees its parent, by the
    slot k that it fills there,

    .. math::
        g_v = f\bigl(W_k g_{p(v)} + V z_v + b\bigr), \qquad z'_v = [z_v; g_v]

    **outside** (Le & Zuidema 2014, "The inside-outside recursive neural network
    model"): a node sees its parent's outer and its siblings' inner states, and nothing
    of itself,

    .. math::
        o_v = f\bigl(W_k o_{p(v)} + \textstyle\sum_{s} V_s z_{\text{sibling}_s(v)} + b
        \bigr), \qquad z'_v = [z_v; o_v]

    A stack of "up" is the deep net, "up down" the bidirectional one, "up outside" the
    inside-outside net; "up down up" lets the words know their sentence before it is
    composed again. All "up", it is `treefold.layers.Stack`; a bidirectional `Stack`
    differs from "up down" in that its downward fold does not read the upward one, and
    so learns nothing of nodes that have no input.

    The papers have other weights for leaves than for inner nodes. In the first pass
    that is so wherever only leaves have input; in the later ones ``leaf_weights=True``
    gives V a part of its own for each kind.

    Args:
        new_cell: makes a cell of that many input features.
        input_size: I, features of a node's input.
        passes: "up", "down" and "outside", in their order; the first is "up".
        arity: K, how many siblings "outside" tells apart by slot; None adds them up.
        leaf_weights: later passes read leaves and inner nodes by weights of their own.
        dropout: probability to drop a feature of z before the next pass reads it.
        state_dropout: the same for a child's (downward: the parent's) state.

    Shape:
        - x: (V, I), or (R, I) of the nodes listed; as in `treefold.fold`.
        - output: (V, hidden_size), z after the last pass.

    Attributes:
        cells: one a pass.
        hidden_size: H if the last pass is "up"; a downward one adds H to what it reads.

    Raises:
        ValueError: no pass, an unknown one, the first not "up", probabilities outside
            [0, 1).
        ForestError: "outside" where nodes have several parents.

    Example:
        >>> import torch
        >>> from treefold import Forest
        >>> from treefold.cells import RecursiveCell
        >>> from treefold.models import DeepRecursive
        >>> forest = Forest.from_trees([("not", ("very", "good")), "fine"])
        >>> new_cell = lambda size: RecursiveCell(size, 16, input="affine")
        >>> net = DeepRecursive(new_cell, 8, ("up", "up", "down"))
        >>> net(forest, torch.randn(4, 8), nodes=forest.leaves).shape
        torch.Size([6, 32])
    """

    def __init__(
        self,
        new_cell: Callable[[int], Cell[Any]],
        input_size: int,
        passes: Sequence[Pass] = ("up",),
        *,
        arity: int | None = None,
        leaf_weights: bool = False,
        dropout: float = 0.0,
        state_dropout: float = 0.0,
    ):
        super().__init__()
        check_passes(passes)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be a probability below 1, got {dropout}.")
        self.input_size = input_size
        self.passes = tuple(passes)
        self.arity = arity
        self.leaf_weights = leaf_weights
        self.dropout = dropout
        self.cells = nn.ModuleList()
        size = input_size
        for number, way in enumerate(self.passes):
            wide = size * (arity or 1) if way == "outside" else size
            if number and leaf_weights:
                wide *= 2
            cell = new_cell(wide)
            self.cells.append(Dropout(cell, state_dropout) if state_dropout else cell)
            size = cell.hidden_size + (0 if way == "up" else size)
        self.hidden_size = size

    def forward(
        self,
        forest: Forest,
        x: Tensor,
        nodes: Tensor | None = None,
        *,
        rows: Tensor | None = None,
    ) -> Tensor:
        """Return the state of every node, (V, hidden_size); arguments as in `fold`."""
        first, *later = self.cells
        z = fold(_cell(first), forest, x, nodes, rows=rows).h
        below = forest.transpose() if set(self.passes) > {"up"} else forest
        for way, cell in zip(self.passes[1:], later, strict=True):
            x = F.dropout(z, self.dropout, self.training)
            if way == "up":
                z = fold(_cell(cell), forest, self._by_kind(forest, x)).h
            elif way == "down":
                g = fold(_cell(cell), below, self._by_kind(forest, x)).h
                z = torch.cat([z, g], dim=1)
            else:
                near = siblings(forest, x, self.arity)
                near = self._by_kind(forest, near, forest.child)
                o = fold(_cell(cell), below, near, forest.child).h
                z = torch.cat([z, o], dim=1)
        return z

    def _by_kind(
        self, forest: Forest, x: Tensor, nodes: Tensor | None = None
    ) -> Tensor:
        """Move the features of leaves and of inner nodes to columns of their own."""
        if not self.leaf_weights:
            return x
        leaf = forest.arities == 0 if nodes is None else forest.arities[nodes] == 0
        at_leaves = x * leaf[:, None]
        return torch.cat([at_leaves, x - at_leaves], dim=1)  # V = [V_leaf, V_inner]

    def extra_repr(self) -> str:
        """Sizes and passes."""
        return f"{self.input_size}, {self.hidden_size}, passes={' '.join(self.passes)}"


def deep_cell(
    input_size: int,
    hidden_size: int,
    *,
    arity: int | None = 2,
    activation: Literal["tanh", "relu"] = "tanh",
) -> RecursiveCell:
    """Make a recursive cell that begins by handing on what it reads.

    W begins near the mean of the children, and V, where it reads states of H features,
    near the identity (near the mean of several such states), so that a pass more is at
    first nearly none. Begun as ``torch.nn`` layers do, four passes learn slower than
    one.

    Args:
        input_size: I, features of what the pass reads.
        hidden_size: H.
        arity: K, slots; None adds up the children.
        activation: f; the paper has "relu".
    """
    cell = RecursiveCell(
        input_size, hidden_size, arity=arity, activation=activation, input="affine"
    )
    many, rest = divmod(input_size, hidden_size)
    cell.weight_hh = near_mean(hidden_size, 1 if arity is None else arity)
    if many and not rest:
        cell.weight_ih = near_mean(hidden_size, many)
    cell.bias = zeros(hidden_size)
    return cell


def siblings(forest: Forest, z: Tensor, arity: int | None = None) -> Tensor:
    """Gather what stands beside each node that has a parent.

    Args:
        forest: trees, of E edges.
        z: (V, D).
        arity: K, the slots to keep apart; None adds the siblings up.

    Returns:
        (E, K·D), or (E, D) of the sums, in the order of ``forest.child``; zeros in a
        node's own slot and in empty ones.

    Raises:
        ForestError: a node has two parents.
        ValueError: more children than slots.
    """
    V, E, D, K = forest.num_nodes, forest.num_edges, z.shape[1], arity or 1
    if E + len(forest.roots) != V:
        raise ForestError(
            "a node has two parents, and its siblings are of either; an outside pass "
            "takes trees. Pass up and down over this forest."
        )
    if arity is not None and forest.max_arity > arity:
        raise ValueError(
            f"arity is {arity}, but a node has {forest.max_arity} children. Give the "
            "net as many slots, or none, to add up siblings."
        )
    node = torch.arange(V, device=z.device)
    parent = node.repeat_interleave(forest.arities)
    slot = forest.slot if arity is not None else torch.zeros_like(forest.slot)
    place = parent * K + slot  # of each child, among all slots of all nodes
    own = z[forest.child]
    table = z.new_zeros(V * K, D).index_add(0, place, own)
    beside = table.view(V, K, D)[parent]  # (E, K, D), the node itself among them
    if arity is None:
        return beside[:, 0] - own
    mine = F.one_hot(slot, K).bool()[:, :, None]
    return beside.masked_fill(mine, 0).flatten(1)


def check_passes(passes: Sequence[str]) -> None:
    """Refuse what is no sequence of passes.

    Raises:
        ValueError: see `DeepRecursive`.
    """
    unknown = [name for name in passes if name not in PASSES]
    if unknown or not passes or passes[0] != "up":
        raise ValueError(
            'passes must be "up", "down" or "outside", one after another, the first '
            f'"up", got {" ".join(map(str, passes))!r}.'
        )


def _cell(module: nn.Module) -> Cell[Any]:
    assert isinstance(module, Cell)
    return module
