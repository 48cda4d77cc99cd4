"""The plain recursive net and the tensor net behind a fused fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from treefold.cells import RecursiveCell, RNTNCell
from treefold.folding.fused import recursive_walk
from treefold.folding.fused.buffers import Buffers
from treefold.folding.fused.plan import Input, Plan

_ACTIVATIONS = {
    "tanh": recursive_walk.TANH,
    "relu": recursive_walk.RELU,
    "identity": recursive_walk.IDENTITY,
}


def shapes(cell: RecursiveCell | RNTNCell) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    size, H, K = cell.input_size, cell.hidden_size, cell.max_arity
    D = H if K is None else K * H
    found = {} if cell.leaf_is_input else {"weight_ih": (H, size)}
    found |= {"bias": (H,), "weight_hh": (H, D)}
    return found | ({"tensor": (D, H, D)} if isinstance(cell, RNTNCell) else {})


class Kept(NamedTuple):
    """What the walk down needs of the walk up."""

    plan: Plan
    reads: Input
    x: np.ndarray
    weight: np.ndarray
    u: np.ndarray
    activation: int
    given: bool
    table_h: np.ndarray
    sums: np.ndarray
    pre: np.ndarray
    h: np.ndarray
    names: tuple[str, ...]


def walk_up(
    cell: RecursiveCell | RNTNCell,
    plan: Plan,
    reads: Input,
    x: np.ndarray,
    initial: Sequence[np.ndarray],
    parameters: dict[str, np.ndarray],
    threads: int,
    keep: bool,
) -> tuple[tuple[np.ndarray, ...], Kept]:
    """Return the states, (F + N + 1, H) each, and what the walk down needs."""
    new, H = Buffers(x), cell.hidden_size
    u, bias = parameters["weight_hh"], parameters["bias"]
    tensor = parameters.get("tensor")
    if tensor is not None:
        by_feature = np.ascontiguousarray(tensor.transpose(2, 1, 0))
        u = np.concatenate([u, by_feature.reshape(-1, u.shape[1])])
    U, S, F, N = len(x), len(reads.table), plan.num_below, len(reads.row)
    weight = parameters.get("weight_ih", x[:0])
    given = bool(initial) or cell.leaf_is_input
    if cell.leaf_is_input:
        table_h = np.concatenate([x, np.zeros((1, H), x.dtype)])
        p = new(0, H)
    else:
        table_h = initial[0] if initial else new(S, H)
        p = new(U + 1, H)
    p_inner = p if reads.inner else np.zeros((1, H), x.dtype)
    activation = _ACTIVATIONS[getattr(cell, "activation", "tanh")]
    h, sums = new(F + N + 1, H), new(N if plan.below.shape[1] == 0 else 0, H)
    pre = new(len(u) * (N if keep else plan.widest))
    recursive_walk.forward(
        threads, plan, reads, x, weight, bias, u, activation, given, p, p_inner,
        new.packed(*weight.T.shape), new.packed(*u.T.shape), table_h, sums, pre, h,
        keep, threads,
    )  # fmt: skip
    kept = Kept(
        plan, reads, x, weight, u, activation, given, table_h, sums, pre, h,
        tuple(parameters),
    )  # fmt: skip
    return (h,), kept


def walk_down(
    kept: Kept,
    grads: Sequence[np.ndarray | None],
    want_x: bool,
    threads: int,
) -> tuple[np.ndarray, tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Return the gradients of x, of the initial state and of the parameters."""
    plan, reads, x, weight, u, activation, given, table_h, sums, pre, h, names = kept
    new, H, N, K = Buffers(x), h.shape[1], len(reads.row), plan.below.shape[1]
    leaf_is_input = not len(weight)
    to_table, to_u, to_bias = new(*table_h.shape), new(*u.shape), new(H)
    if reads.inner:
        to_p = new(len(x), H)
    else:
        to_p = new.zeros(len(x), H) if given else to_table[: len(x)]
    to_x, to_weight = new(*(x.shape if want_x else (0, 0))), new(*weight.shape)
    recursive_walk.backward(
        threads, plan, reads, x, weight, u, activation, given,
        new.packed(*weight.shape), new.packed(*u.shape), table_h, sums, pre, h,
        grads[0], new(N * max(K, 1) * H), new(len(pre)), to_table, to_p, to_x,
        to_weight, to_u, to_bias, np.arange(len(x)).reshape(-1, 1), want_x, threads,
    )  # fmt: skip
    found: dict[str, Any] = {"bias": to_bias, "weight_hh": to_u[:H]}
    if len(u) > H:
        D = u.shape[1]
        found["tensor"] = np.ascontiguousarray(
            to_u[H:].reshape(D, H, D).transpose(2, 1, 0)
        )
    if leaf_is_input:
        return to_table[:-1], (), found
    found["weight_ih"] = to_weight
    return to_x, (to_table,) if given else (), {n: found[n] for n in names}
