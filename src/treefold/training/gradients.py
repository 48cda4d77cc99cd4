"""How far gradients reach: dL/dh at every node, and a penalty that keeps it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from treefold.cells import Cell, Children, Probe
from treefold.folding import fold
from treefold.folding.watching import watching
from treefold.forest import Forest
from treefold.models.base import Model


class NodeGradients(NamedTuple):
    """Gradients of a loss in the states of all nodes.

    Attributes:
        loss: the loss, without a graph.
        gradient: (V, H), dL/dh of each node.
        distance: (V,) int64, edges from each node up to the furthest root above it.
    """

    loss: Tensor
    gradient: Tensor
    distance: Tensor

    def by_distance(self) -> Tensor:
        """Mean norm of dL/dh over the nodes at each distance, (longest + 1,)."""
        return mean_by(self.gradient.norm(dim=1), self.distance)


def node_gradients(
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    loss: Callable[[Tensor], Tensor],
    nodes: Tensor | None = None,
    initial: Any = None,
) -> NodeGradients:
    """Fold, and find how a loss of the states depends on the state of every node.

    Args:
        cell: any.
        forest: any.
        x: (V, I), or (R, I) of those in `nodes`, as `treefold.fold` takes it.
        loss: takes h of (V, H) and returns a number.
        nodes: the nodes that have input.
        initial: the state below the leaves.
    """
    if nodes is not None:
        x = x.new_zeros(forest.num_nodes, x.shape[1]).index_copy(0, nodes, x)
    e = x.new_zeros(forest.num_nodes, cell.hidden_size, requires_grad=True)
    with torch.enable_grad():
        state = fold(Probe(cell), forest, torch.cat([x, e], 1), None, initial)
        value = loss(state[0])
    (gradient,) = torch.autograd.grad(value, e)
    return NodeGradients(value.detach(), gradient, forest.transpose().heights)


def gradient_norms(model: Model, batch: Any) -> list[dict[str, float]]:
    """Measure how far the gradient of a batch reaches, in every fold of a model.

    Serves each model whose `loss` folds: all that stand on `treefold.fold` or on the
    layers, RNN, LSTM and GRU with them. What runs torch's own cells is not seen.

    Args:
        model: is left as it is; it is measured in evaluation mode.
        batch: on the model's device.

    Returns:
        For each fold, in the order in which they are run, the mean norm of dL/dh over
        the nodes at distances 0, 1, 2, 4, 8, ... from the root, and at the furthest;
        distances are the keys, as texts. In a fold of a transposed forest, as in
        bidirectional layers, its roots are the leaves.
    """
    training = model.training
    try:
        model.eval()
        with torch.enable_grad(), watching() as folds:
            loss = model.loss(batch)
            ends = [fold.e for fold in folds]
            found = torch.autograd.grad(
                loss, ends, allow_unused=True, materialize_grads=True
            )
    finally:
        model.train(training)
    measured = []
    for (forest, _), gradient in zip(folds, found, strict=True):
        norms = mean_by(gradient.norm(dim=1), forest.transpose().heights).tolist()
        last = len(norms) - 1
        shown = [0, *(2**i for i in range(last.bit_length())), last]
        measured.append({str(d): float(f"{norms[d]:.4g}") for d in shown if d <= last})
    return measured


def mean_by(value: Tensor, group: Tensor) -> Tensor:
    """Mean of (V,) over the members of each group, of numbers from 0 on."""
    size = torch.bincount(group)
    return (torch.bincount(group, weights=value.double()) / size).to(value)


def norm_penalty(
    cell: Cell[Any],
    forest: Forest,
    projected: Tensor,
    state: Any,
    gradient: Tensor,
) -> Tensor:
    r"""How far a step down changes the norm of the gradient (Pascanu et al., 2013).

    .. math::
        \Omega = \frac{1}{E} \sum_{(v, k)} \left(
        \frac{\|\delta_v \, \partial h_v / \partial h_k\|}{\|\delta_v\|} - 1 \right)^2

    over all edges from a node v to a child k, where :math:`\delta_v = dL/dh_v`. As in
    the paper (Eq. 9-10) :math:`\delta` and the states count as constants, so that the
    penalty's own gradient needs no way back through the forest: all nodes are run once
    more, side by side.

    Args:
        cell: any, whose h hangs on the children's h.
        forest: any.
        projected: (V, ...), ``cell.project`` of every node's input.
        state: what `fold` returned.
        gradient: (V, H), δ; see `node_gradients`.

    Returns:
        A number; add a multiple of it to the loss.
    """
    inner = (forest.arities > 0).nonzero()[:, 0]
    if not len(inner):
        return projected.new_zeros(())
    fields = [f.detach().index_select(0, forest.child) for f in state]
    below = fields[0].requires_grad_()
    place = torch.zeros_like(forest.arities)
    place[inner] = torch.arange(len(inner), device=place.device)
    parent = torch.repeat_interleave(forest.arities)
    children = Children(type(state)(*fields), place[parent], forest.slot, len(inner))
    delta = gradient.index_select(0, inner)
    h = cell(projected.index_select(0, inner), children)[0]
    (passed,) = torch.autograd.grad(h, below, delta, create_graph=True)
    before = gradient.index_select(0, parent).norm(dim=1)
    known = before > 0
    ratio = passed[known].norm(dim=1) / before[known]
    return (ratio - 1).square().mean() if len(ratio) else projected.new_zeros(())
