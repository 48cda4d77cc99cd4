"""The pointwise steps in torch's own operations, for any device.

`launch` has the same functions, one kernel each. All write into buffers: `h`, `c`
and their gradients have a row for every place, initial states last; `x`, `gates` and
`to_x` a row for each node of the level, `forget` for each of its edges.

`products` is what the weights made: with K slots a row for each node of the level;
with 0, which stands for a sum over children, a row for every place, which the place's
parents add up. `to_products` is its gradient, and zeros at first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from treefold.folding.levelwise.span import Span
from treefold.levels import Level


def lstm_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    gates: Tensor, forget: Tensor, h: Tensor, c: Tensor,
) -> None:  # fmt: skip
    """Make gates i | u | o, the forget gates and the states of a level's nodes."""
    level, own, H = span.level, span.own, h.shape[1]
    iuo, f = (x + bias).split([3 * H, H], dim=1)
    kept = torch.zeros_like(h[own])
    if span.num_edges:
        if slots:
            iuo = iuo + products[:, : 3 * H]
            z = products.view(-1, H).index_select(0, _forget_rows(level, slots))
        else:
            below = products.index_select(0, level.child)
            iuo = iuo.index_add(0, level.parent, below[:, : 3 * H])
            z = below[:, 3 * H :]
        torch.sigmoid(f.index_select(0, level.parent) + z, out=forget)
        kept.index_add_(0, level.parent, forget * c.index_select(0, level.child))
    i, u, o = gates.copy_(iuo).chunk(3, dim=1)
    torch.addcmul(kept, i.sigmoid_(), u.tanh_(), out=c[own])
    torch.mul(o.sigmoid_(), torch.tanh(c[own]), out=h[own])


def lstm_down(
    span: Span, slots: int, gates: Tensor, forget: Tensor, c: Tensor,
    to_h: Tensor, to_c: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """Make the gradients of a level's gates, and send their children's memory its."""
    level, own, H = span.level, span.own, c.shape[1]
    i, u, o = gates.chunk(3, dim=1)
    t, dh = torch.tanh(c[own]), to_h[own]
    dc = to_c[own] + dh * o * (1 - t * t)
    d = torch.cat([dc * u * i * (1 - i), dc * i * (1 - u * u), dh * t * o * (1 - o)], 1)
    to_iuo, to_f = to_x.split([3 * H, H], dim=1)
    to_iuo.copy_(d)
    to_f.zero_()
    if not span.num_edges:
        return
    dc = dc.index_select(0, level.parent)
    df = dc * c.index_select(0, level.child) * forget * (1 - forget)
    to_f.index_add_(0, level.parent, df)
    to_c.index_add_(0, level.child, dc * forget)
    if slots:
        to_products[:, : 3 * H] = d
        to_products.view(-1, H).index_add_(0, _forget_rows(level, slots), df)
    else:
        d = torch.cat([d.index_select(0, level.parent), df], dim=1)
        to_products.index_add_(0, level.child, d)


def recursive_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    activation: str, h: Tensor,
) -> None:  # fmt: skip
    """Make the states of a level's nodes."""
    level, z = span.level, x + bias
    if slots:
        z += products
    elif span.num_edges:
        z.index_add_(0, level.parent, products.index_select(0, level.child))
    if activation == "tanh":
        z.tanh_()
    elif activation == "relu":
        z.relu_()
    h[span.own] = z


def recursive_down(
    span: Span, slots: int, activation: str, h: Tensor,
    to_h: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """Make the gradients of a level's states before activation."""
    level, h = span.level, h[span.own]
    d = to_h[span.own]
    if activation == "tanh":
        d = d * (1 - h * h)
    elif activation == "relu":
        d = d * (h > 0)
    to_x.copy_(d)
    if slots:
        to_products.copy_(d)
    elif span.num_edges:
        to_products.index_add_(0, level.child, d.index_select(0, level.parent))


def gru_up(
    span: Span, x: Tensor, bias: Tensor, products: Tensor, slots: int,
    mixed: Tensor, edges: Tensor, h: Tensor,
) -> None:  # fmt: skip
    """Make the states of a level's nodes; each has a child. The bias ends in b_hn.

    Kept are r | a | U_n h + b_hn of each edge, and n | log(1 + sum of exp a) of a node.
    """
    level, H = span.level, h.shape[1]
    x_r, x_z, x_n = (x + bias[: 3 * H]).chunk(3, dim=1)
    if slots:
        made = products.view(-1, slots, H)[_gru_rows(level), level.slot[:, None]]
    else:
        made = products.index_select(0, level.child).view(-1, 3, H)
    r = torch.sigmoid(x_r.index_select(0, level.parent) + made[:, 0])
    a = x_z.index_select(0, level.parent) + made[:, 1]
    m = made[:, 2] + bias[3 * H :]
    torch.cat([r, a, m], dim=1, out=edges)
    n = torch.tanh(x_n.index_add(0, level.parent, r * m))
    # The softmax over {0, a_1, …} is shifted by its largest entry.
    where = level.parent[:, None].expand_as(a)
    top = torch.zeros_like(n).scatter_reduce(0, where, a, "amax")
    e = torch.exp(a - top.index_select(0, level.parent))
    log_total = top + torch.exp(-top).index_add(0, level.parent, e).log()
    torch.cat([n, log_total], dim=1, out=mixed)
    z = torch.exp(a - log_total.index_select(0, level.parent))
    below = z * h.index_select(0, level.child)
    h[span.own] = (torch.exp(-log_total) * n).index_add(0, level.parent, below)


def gru_down(
    span: Span, slots: int, mixed: Tensor, edges: Tensor, h: Tensor,
    to_h: Tensor, to_x: Tensor, to_products: Tensor,
) -> None:  # fmt: skip
    """Make the gradients of a level's gates, and send the children's states theirs."""
    level, H = span.level, h.shape[1]
    (n, log_total), (r, a, m) = mixed.chunk(2, dim=1), edges.chunk(3, dim=1)
    d = to_h[span.own]
    dn = d * torch.exp(-log_total) * (1 - n * n)
    at_edges = torch.cat([d, dn, log_total, h[span.own]], 1).index_select(
        0, level.parent
    )
    d, dn_e, log_total, own = at_edges.chunk(4, dim=1)
    z = torch.exp(a - log_total)
    da = z * d * (h.index_select(0, level.child) - own)
    made = torch.cat([dn_e * m * r * (1 - r), da, dn_e * r], dim=1)
    to_h.index_add_(0, level.child, z * d)
    to_gates, to_n, to_hn = to_x.zero_().split([2 * H, H, H], dim=1)
    to_gates.index_add_(0, level.parent, made[:, : 2 * H])
    to_n.copy_(dn)
    to_hn.index_add_(0, level.parent, made[:, 2 * H :])
    if slots:
        by_slot = to_products.view(-1, slots, H)
        by_slot[_gru_rows(level), level.slot[:, None]] = made.view(-1, 3, H)
    else:
        to_products.index_add_(0, level.child, made)


def _gru_rows(level: Level) -> Tensor:
    """Find the products r, z and n of each edge's node, rows of all slots, (E, 3)."""
    gate = torch.arange(3, device=level.parent.device)
    return level.parent[:, None] * 3 + gate


def _forget_rows(level: Level, slots: int) -> Tensor:
    """Find each edge's forget gate in products of i | u | o | f of each slot."""
    return level.parent * (3 + slots) + 3 + level.slot
