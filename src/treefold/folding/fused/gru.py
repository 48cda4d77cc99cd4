"""The Tree-GRUs behind a fused fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from treefold.cells import ChildSumTreeGRUCell, NaryTreeGRUCell
from treefold.folding.fused import gru_walk
from treefold.folding.fused.buffers import Buffers
from treefold.folding.fused.plan import Input, Plan


def shapes(cell: NaryTreeGRUCell | ChildSumTreeGRUCell) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    size, H, K = cell.input_size, cell.hidden_size, cell.max_arity
    found = {"weight_ih": (3 * H, size), "bias": (3 * H,), "bias_hn": (H,)}
    if K is None:
        return found | {"weight_hh": (3 * H, H)}
    return found | {"weight_hh": (2 * K * H, K * H), "weight_hn": (K, H, H)}


class Kept(NamedTuple):
    """What the walk down needs of the walk up."""

    plan: Plan
    reads: Input
    x: np.ndarray
    weight: np.ndarray
    bias_hn: np.ndarray
    u: np.ndarray
    u_n: np.ndarray
    given: bool
    table_gates: np.ndarray
    gates: np.ndarray
    nodes: np.ndarray
    h: np.ndarray


def walk_up(
    cell: NaryTreeGRUCell | ChildSumTreeGRUCell,
    plan: Plan,
    reads: Input,
    x: np.ndarray,
    initial: Sequence[np.ndarray],
    parameters: dict[str, np.ndarray],
    threads: int,
    keep: bool,
) -> tuple[tuple[np.ndarray, ...], Kept]:
    """Return the states, (F + N + 1, H) each, and what the walk down needs."""
    new, H, K = Buffers(x), cell.hidden_size, plan.below.shape[1]
    weight, bias = parameters["weight_ih"], parameters["bias"]
    bias_hn = parameters["bias_hn"]
    u = parameters["weight_hh"]
    u_n = parameters.get("weight_hn", new(0, H, H))
    # r and z of one slot together, (K, 2H, K·H); all of a sum's weights, (1, 3H, H).
    if K:
        u = np.ascontiguousarray(u.reshape(2, K, H, K * H).swapaxes(0, 1))
    u = u.reshape(max(K, 1), -1, max(K, 1) * H)
    given = bool(initial)
    S, F, N = len(reads.table), plan.num_below, len(reads.row)
    p = new(len(x) + 1, 3 * H)
    p_inner = p if reads.inner else np.zeros((1, 3 * H), x.dtype)
    table_h = initial[0] if initial else new(S, H)
    table_gates = new(0 if given else S, 3 * H)
    nodes, edges = (N, len(plan.child)) if keep else (plan.widest, plan.widest_edges)
    gates = new((nodes * K or edges) * 3 * H)
    candidates, h = new(nodes, 2 * H), new(F + N + 1, H)
    gru_walk.forward(
        threads, plan, reads, x, weight, bias, bias_hn, u, u_n, given, p, p_inner,
        new.packed(*weight.T.shape), *_packed(new, u, u_n), table_gates, table_h, gates,
        candidates, h, keep, threads,
    )  # fmt: skip
    kept = Kept(
        plan, reads, x, weight, bias_hn, u, u_n, given, table_gates, gates, candidates,
        h,
    )  # fmt: skip
    return (h,), kept


def walk_down(
    kept: Kept,
    grads: Sequence[np.ndarray | None],
    want_x: bool,
    threads: int,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Return the gradients of x, of the initial state and of the parameters."""
    plan, reads, x, weight, bias_hn, u, u_n, given, table_gates, gates, nodes, h = kept
    new, H, K, N = Buffers(x), h.shape[1], plan.below.shape[1], len(reads.row)
    to_table = new(len(reads.table), (1 if given else 3) * H)
    if reads.inner:
        to_p = new(len(x), 3 * H)
    else:
        to_p = new.zeros(len(x), 3 * H) if given else to_table[: len(x)]
    to_x = new(*(x.shape if want_x else (0, 0)))
    to_weight, to_u, to_u_n = new(*weight.shape), new(*u.shape), new(*u_n.shape)
    to_bias, to_bias_hn = new(3 * H), new(H)
    gru_walk.backward(
        threads, plan, reads, x, weight, bias_hn, u, u_n, given,
        new.packed(*weight.shape), *_packed(new, u, u_n), table_gates, gates, nodes, h,
        grads[0], new(len(gates) // 3), new(N, H), new(len(gates)), new(N, H), to_table,
        to_p, to_x, to_weight, to_u, to_u_n, to_bias, to_bias_hn,
        np.arange(len(x)).reshape(-1, 1), want_x, threads,
    )  # fmt: skip
    found = {"weight_ih": to_weight, "bias": to_bias, "bias_hn": to_bias_hn}
    if K:
        by_gate = to_u.reshape(K, 2, H, K * H).swapaxes(0, 1)
        found["weight_hh"] = by_gate.reshape(2 * K * H, K * H)
        found["weight_hn"] = to_u_n
    else:
        found["weight_hh"] = to_u[0]
    return to_x, (to_table,) if given else (), found


def _packed(
    new: Buffers, u: np.ndarray, u_n: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Room for the weights of each slot, packed as they are or transposed."""

    def room(weights: np.ndarray) -> np.ndarray:
        shape = weights.shape[1:]
        most = max(len(new.packed(*shape)), len(new.packed(*shape[::-1])))
        return new(len(weights), most)

    return room(u), room(u_n)
