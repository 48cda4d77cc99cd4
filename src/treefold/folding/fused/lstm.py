"""The Tree-LSTMs behind a fused fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from treefold.cells import ChildSumTreeLSTMCell, NaryTreeLSTMCell
from treefold.folding.fused import lstm_walk
from treefold.folding.fused.buffers import Buffers
from treefold.folding.fused.plan import Input, Plan


def shapes(cell: NaryTreeLSTMCell | ChildSumTreeLSTMCell) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    size, H, K = cell.input_size, cell.hidden_size, cell.max_arity
    return {
        "weight_ih": (4 * H, size),
        "bias": (4 * H,),
        "weight_hh": (4 * H, H) if K is None else ((3 + K) * H, K * H),
    }


class Kept(NamedTuple):
    """What the walk down needs of the walk up."""

    plan: Plan
    reads: Input
    x: np.ndarray
    weight: np.ndarray
    u: np.ndarray
    given: bool
    table_gates: np.ndarray
    table_c: np.ndarray
    sums: np.ndarray
    gates: np.ndarray
    h: np.ndarray
    c: np.ndarray


def walk_up(
    cell: NaryTreeLSTMCell | ChildSumTreeLSTMCell,
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
    u, given = parameters["weight_hh"], bool(initial)
    U, S, F, N = len(x), len(reads.table), plan.num_below, len(reads.row)
    # The forget gates' rows stand last: leaves have no use for them.
    weight = parameters["weight_ih"][: (4 if reads.inner else 3) * H]
    p = new(U + 1, len(weight))
    p_inner = p if reads.inner else np.zeros((1, 4 * H), x.dtype)
    table_h, table_c = initial or (new(S, H), new(S, H))
    table_gates = new(0 if given else S, 3 * H)
    nodes, edges = (N, len(plan.child)) if keep else (plan.widest, plan.widest_edges)
    gates = new((3 + K) * H * nodes + (0 if K else H * edges))
    sums, h, c = new(0 if K else N, H), new(F + N + 1, H), new(F + N + 1, H)
    lstm_walk.forward(
        threads, plan, reads, x, weight, parameters["bias"], u, given, p, p_inner,
        new.packed(*weight.T.shape), _packed(new, H, K), table_gates, table_h, table_c,
        sums, gates, h, c, keep, threads,
    )  # fmt: skip
    kept = Kept(
        plan, reads, x, weight, u, given, table_gates, table_c, sums, gates, h, c
    )
    return (h, c), kept


def walk_down(
    kept: Kept,
    grads: Sequence[np.ndarray | None],
    want_x: bool,
    threads: int,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Return the gradients of x, of the initial state and of the parameters."""
    plan, reads, x, weight, u, given, table_gates, table_c, sums, gates, h, c = kept
    new, H, K = Buffers(x), h.shape[1], plan.below.shape[1]
    S, N, edges = len(table_c), len(reads.row), 0 if plan.below.shape[1] else 1
    to_h, to_c = grads
    to_table, to_table_c = new(S, (1 if given else 3) * H), new(S if given else 0, H)
    if reads.inner:
        to_p = new(len(x), 4 * H)
    else:
        to_p = new.zeros(len(x), 3 * H) if given else to_table[: len(x)]
    to_x = new(*(x.shape if want_x else (0, 0)))
    to_weight = new.zeros(4 * H, x.shape[1])
    to_u, to_bias = new(*u.shape), new(4 * H)
    lstm_walk.backward(
        threads, plan, reads, x, weight, u, given, new.packed(*weight.shape),
        _packed(new, H, K), table_gates, table_c, sums, gates, h, c, to_h,
        new(0, 0) if to_c is None else to_c, to_c is not None,
        new((max(K, 1) * N + edges * len(plan.child)) * H), new(N, H), new(len(gates)),
        to_table, to_table_c, to_p, to_x, to_weight[: len(weight)], to_u, to_bias,
        np.arange(len(x)).reshape(-1, 1), want_x, threads,
    )  # fmt: skip
    return (
        to_x,
        (to_table, to_table_c) if given else (),
        {"weight_ih": to_weight, "bias": to_bias, "weight_hh": to_u},
    )


def _packed(new: Buffers, H: int, K: int) -> np.ndarray:
    """Room for U, packed as it is or transposed; for a sum over children in halves."""
    if K:
        sizes = (K * H, (3 + K) * H), ((3 + K) * H, K * H)
    else:
        sizes = (H, 3 * H), (3 * H, H)
    most = max(len(new.packed(*size)) for size in sizes)
    return new(most if K else 2 * most)
