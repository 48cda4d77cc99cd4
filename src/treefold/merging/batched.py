"""All structures together: one round of the search merges a pair of each.

Every hypothesis of every structure takes one merge a round, so that the step runs once
a round, on all pairs that have become neighbours. What it makes of a pair of nodes is
kept: a pair that stays untouched, or that another hypothesis meets, is not run again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from treefold.merging.kernels import advance, choose
from treefold.merging.step import Merge, merged, rows


class Nodes:
    """All nodes that have been looked at, the pieces first, with room to grow."""

    def __init__(self, step: Merge[Any], state: Any):
        self.step = step
        self.kind: type[Any] = type(state)
        self.fields = [field.detach() for field in state]
        N = self.count = self.num_pieces = len(state[0])
        self.score = np.zeros(N)
        self.first = np.arange(N)  # the leftmost piece
        self.below = np.full((N, 2), -1)
        self.hash = _mixed(np.arange(1, N + 1, dtype=np.uint64))
        self.known: dict[int, int] = {}

    def look_at(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the nodes that pairs become; each is made the first time only."""
        # A hash of 64 bits names a tree: two of a million share one with p = 3e-8.
        name = _mixed(self.hash[left] * np.uint64(3) + _mixed(self.hash[right]))
        names, at, back = np.unique(name, return_index=True, return_inverse=True)
        node = np.array([self.known.get(n, -1) for n in names.tolist()], dtype=np.int64)
        new = np.flatnonzero(node < 0)
        if len(new):
            new = new[np.argsort(at[new])]  # in the order of the pairs
            node[new] = self._make(left[at[new]], right[at[new]], names[new])
            self.known.update(zip(names[new].tolist(), node[new].tolist(), strict=True))
        return node[back.reshape(-1)]

    def _make(
        self, left: np.ndarray, right: np.ndarray, name: np.ndarray
    ) -> np.ndarray:
        state = self.kind(*self.fields)
        device = state[0].device
        pairs = (torch.from_numpy(nodes).to(device) for nodes in (left, right))
        above, score = merged(self.step, *(rows(state, nodes) for nodes in pairs))
        begin, end = self.count, self.count + len(left)
        if end > len(self.score):
            self._grow(end)
        for field, value in zip(self.fields, above, strict=True):
            field[begin:end] = value
        self.score[begin:end] = score.cpu().numpy()
        self.first[begin:end] = self.first[left]
        self.below[begin:end] = np.stack([left, right], axis=1)
        self.hash[begin:end] = name
        self.count = end
        return np.arange(begin, end)

    def _grow(self, least: int) -> None:
        # Twice the room each time, so that all copies together are linear.
        more = max(least, 2 * len(self.score)) - len(self.score)
        self.fields = [
            torch.cat([field, field.new_empty(more, *field.shape[1:])])
            for field in self.fields
        ]
        for name in ("score", "first", "below", "hash"):
            old = getattr(self, name)
            empty = np.empty((more, *old.shape[1:]), old.dtype)
            setattr(self, name, np.concatenate([old, empty]))


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Mix 64 bits (splitmix64: Steele, Lea & Flood, 2014)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class Beams(NamedTuple):
    """The hypotheses of those structures that are not finished, n in all.

    Those of a structure stand together, the best first.
    """

    structure: np.ndarray  # (b,) which structures these are
    begin: np.ndarray  # (b + 1,) where the hypotheses of each begin
    row: np.ndarray  # (n,) which row of the last round each is; -1 at the start
    total: np.ndarray  # (n,) sums of scores
    kind: np.ndarray  # (n,) hash of the set of nodes that stand side by side
    offset: np.ndarray  # (n + 1,) where the pairs of neighbours of each begin
    left: np.ndarray  # (m,) nodes of a pair
    right: np.ndarray  # (m,)
    above: np.ndarray  # (m,) the node that it would become


class Round(NamedTuple):
    """What every hypothesis merged in a round, and which one before it continues."""

    source: np.ndarray
    node: np.ndarray


def merge_batched(
    step: Merge[Any], state: Any, edges: Tensor, structure: Tensor, width: int
) -> tuple[Any, Tensor, Tensor, Tensor]:
    """Merge the pieces of all structures.

    Args:
        step: the node function.
        state: the pieces' states, fields of (N, ...).
        edges: (2, E) neighbours, on the CPU; every structure hangs together.
        structure: (N,) of each piece, ascending, on the CPU.
        width: hypotheses of a structure that are kept.

    Returns:
        States of all V nodes; (V - N, 2) children of the merged ones; their scores,
        and the (B,) sums of these, in float64.
    """
    nodes, of = Nodes(step, state), structure.numpy()
    B = int(of[-1]) + 1 if len(of) else 0
    total, last = np.zeros(B), np.full((B, 2), -1)  # round and row of its best
    beams = _start(nodes, edges.numpy(), of)
    rounds: list[Round] = []
    while len(beams.structure):
        beams, round_ = _merge_once(nodes, beams, width)
        ended = np.diff(beams.offset)[beams.begin[:-1]] == 0
        best = beams.begin[:-1][ended]
        last[beams.structure[ended], 0] = len(rounds)
        last[beams.structure[ended], 1] = best
        total[beams.structure[ended]] = beams.total[best]
        rounds.append(round_)
        beams = _without(beams, ended)
    made = [_trace(rounds, *at) for at in last.tolist()]
    return _result(nodes, np.concatenate([np.empty(0, np.int64), *made]), total)


def _start(nodes: Nodes, edges: np.ndarray, of: np.ndarray) -> Beams:
    """One hypothesis for each structure of more than a piece."""
    pairs = np.unique(np.sort(edges, axis=0), axis=1)
    left, right = pairs[0], pairs[1]  # sorted by left, hence by structure
    structure, counts = np.unique(of[left], return_counts=True)
    n = len(structure)
    kind = np.zeros(int(of[-1]) + 1 if len(of) else 0, np.uint64)
    np.add.at(kind, of, nodes.hash[: len(of)])
    return Beams(
        structure,
        np.arange(n + 1),
        np.full(n, -1),
        np.zeros(n),
        kind[structure],
        np.concatenate([[0], np.cumsum(counts)]),
        left,
        right,
        nodes.look_at(left, right),
    )


def _merge_once(nodes: Nodes, now: Beams, width: int) -> tuple[Beams, Round]:
    """Let every hypothesis take its best merges, and keep `width` of a structure."""
    counts = np.diff(now.offset)
    total = np.repeat(now.total, counts) + nodes.score[now.above]
    kind = np.repeat(now.kind, counts) + nodes.hash[now.above]
    kind -= nodes.hash[now.left] + nodes.hash[now.right]

    most = min(width * len(now.structure), len(total))  # a beam may be very wide
    source, pair = np.empty((2, most), np.int64)
    begin = np.empty(len(now.begin), np.int64)
    n = choose(now.begin, now.offset, total, kind, width, source, pair, begin)
    source, pair = source[:n], pair[:n]

    left, right, above = np.empty((3, int(counts[source].sum())), np.int64)
    offset = np.empty(n + 1, np.int64)
    scratch = np.full(len(nodes.first), -1)
    old = (now.offset, now.left, now.right, now.above)
    m = advance(source, pair, *old, nodes.first, scratch, left, right, above, offset)
    left, right, above = left[:m], right[:m], above[:m]
    new = above < 0
    if new.any():
        above[new] = nodes.look_at(left[new], right[new])
    after = Beams(
        now.structure,
        begin,
        np.arange(n),
        total[pair],
        kind[pair],
        offset,
        *(left, right, above),
    )
    return after, Round(now.row[source], now.above[pair])


def _without(beams: Beams, ended: np.ndarray) -> Beams:
    """Leave structures out, none of whose hypotheses has a pair left."""
    if not ended.any():
        return beams
    sizes = np.diff(beams.begin)
    keep, sizes = np.repeat(~ended, sizes), sizes[~ended]
    counts = np.diff(beams.offset)[keep]
    return beams._replace(
        structure=beams.structure[~ended],
        begin=np.concatenate([[0], np.cumsum(sizes)]),
        row=beams.row[keep],
        total=beams.total[keep],
        kind=beams.kind[keep],
        offset=np.concatenate([[0], np.cumsum(counts)]),
    )


def _trace(rounds: list[Round], number: int, row: int) -> np.ndarray:
    """The nodes that a hypothesis merged, in order."""
    made = np.empty(number + 1, np.int64)
    for k in range(number, -1, -1):
        made[k] = rounds[k].node[row]
        row = rounds[k].source[row]
    return made


def _result(
    nodes: Nodes, made: np.ndarray, total: np.ndarray
) -> tuple[Any, Tensor, Tensor, Tensor]:
    """Number the nodes that were taken after the pieces."""
    N = nodes.num_pieces
    kept = np.concatenate([np.arange(N), made])
    number = np.empty(nodes.count, np.int64)
    number[kept] = np.arange(len(kept))
    state = rows(
        nodes.kind(*nodes.fields), torch.from_numpy(kept).to(nodes.fields[0].device)
    )
    children = torch.from_numpy(number[nodes.below[made]])
    return state, children, torch.from_numpy(nodes.score[made]), torch.from_numpy(total)
