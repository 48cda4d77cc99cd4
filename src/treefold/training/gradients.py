"""Gradients that are looked at, and kept in bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from treefold.cells import Cell, Children, Probe
from treefold.folding import fold
from treefold.forest import Forest


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


def mean_by(value: Tensor, group: Tensor) -> Tensor:
    """Mean of (V,) over the members of each group, of numbers from 0 on."""
    size = torch.bincount(group)
    return (torch.bincount(group, weights=value.double()) / size).to(value)


def clip_norm_(gradients: Iterable[Tensor], largest: float) -> Tensor:
    r"""Scale gradients so that their common norm is at most `largest`.

    Pascanu, Mikolov & Bengio (2013): :math:`g \leftarrow g \min(1, \theta / \|g\|)`.
    The direction stays. Returns the norm before.
    """
    held = list(gradients)
    norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in held]))
    scale = (largest / (norm + 1e-6)).clamp(max=1)
    for gradient in held:
        gradient.mul_(scale)
    return norm


def clip_value_(gradients: Iterable[Tensor], largest: float) -> None:
    """Cut each entry to ± `largest`, which turns the direction (Mikolov, 2012)."""
    for gradient in gradients:
        gradient.clamp_(-largest, largest)


def add_noise_(
    gradients: Iterable[Tensor], step: int, *, eta: float = 0.01, gamma: float = 0.55
) -> None:
    r"""Add Gaussian noise that fades (Neelakantan et al., 2015, arXiv:1511.06807).

    .. math:: g \leftarrow g + \mathcal N(0, \eta / (1 + t)^\gamma)

    Args:
        gradients: changed in place.
        step: t, 0 at the beginning.
        eta: variance at t = 0; the paper takes 0.01, 0.3 or 1.
        gamma: how soon it fades.
    """
    deviation = (eta / (1 + step) ** gamma) ** 0.5
    for gradient in gradients:
        gradient.add_(torch.randn_like(gradient), alpha=deviation)


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
