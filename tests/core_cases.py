"""Cells and forests that the contract tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from treefold import Cell, Children, Forest, State, fold
from treefold.cells import (
    ChildSumTreeGRUCell,
    ChildSumTreeLSTMCell,
    Dropout,
    ExtendedTreeGRUCell,
    ExtendedTreeLSTMCell,
    GatedRecursiveCell,
    LayerNormRecursiveCell,
    Leaky,
    MaxSumTreeLSTMCell,
    MVRNNCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    PooledCell,
    RecursiveCell,
    RNTNCell,
    Skip,
    TiedDropout,
    Zoneout,
)


class MeanCell(Cell):
    """A user's own cell, in ten lines."""

    ordered = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.linear = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Tensor, children: Children) -> State:
        below = children.mean(children.state.h)
        return State(self.linear(torch.cat([x, below], dim=-1)).tanh())


class PairState(NamedTuple):
    h: Tensor
    memory: Tensor  # (N, H, 2): any trailing shape will do
    size: Tensor  # (N,) int64: a field without gradient


class CountingCell(Cell[PairState]):
    """A user's own cell with a state of three fields, one of them whole numbers."""

    ordered = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        self.inner = nn.Linear(input_size, hidden_size)
        self.outer = nn.Linear(hidden_size, hidden_size, bias=False)

    def zeros(self, num_nodes: int, like: Tensor) -> PairState:
        H = self.hidden_size
        size = torch.zeros(num_nodes, dtype=torch.int64, device=like.device)
        return PairState(
            like.new_zeros(num_nodes, H), like.new_zeros(num_nodes, H, 2), size
        )

    def forward(self, x: Tensor, children: Children[PairState]) -> PairState:
        h, memory, size = children.state
        below = children.max(self.outer(h))
        memory = children.sum(memory.flip(2)) + self.inner(x)[:, :, None]
        size = 1 + children.sum(size)
        return PairState(torch.tanh(below + memory.sum(2)), memory, size)


NewCell = Callable[[], Cell[Any]]

IN, OUT = 3, 4  # features of an input and of a state

_NEW: dict[str, NewCell] = {
    "recursive": lambda: RecursiveCell(OUT, OUT, arity=3),
    "recursive-child-sum": lambda: RecursiveCell(OUT, OUT, arity=None),
    "recursive-affine": lambda: RecursiveCell(IN, OUT, arity=3, input="affine"),
    "recursive-affine-child-sum": lambda: RecursiveCell(
        IN, OUT, arity=None, input="affine"
    ),
    "rntn": lambda: RNTNCell(OUT, OUT, arity=3),
    "rntn-affine": lambda: RNTNCell(IN, OUT, arity=2, input="affine"),
    "mv-rnn": lambda: MVRNNCell(2, rank=1),
    "lstm-child-sum": lambda: ChildSumTreeLSTMCell(IN, OUT),
    "lstm-nary": lambda: NaryTreeLSTMCell(IN, OUT, arity=3),
    "gru-child-sum": lambda: ChildSumTreeGRUCell(IN, OUT),
    "gru-nary": lambda: NaryTreeGRUCell(IN, OUT, arity=3),
    "dropout-in-evaluation": lambda: Dropout(
        NaryTreeLSTMCell(IN, OUT, arity=2), 0.5
    ).eval(),
    "tied-dropout-in-evaluation": lambda: TiedDropout(
        NaryTreeGRUCell(IN, OUT, arity=2), 0.5
    ).eval(),
    "zoneout-in-evaluation": lambda: Zoneout(ChildSumTreeLSTMCell(IN, OUT), 0.3).eval(),
    "layer-norm": lambda: LayerNormRecursiveCell(IN, OUT, arity=3),
    "extended-lstm": lambda: ExtendedTreeLSTMCell(
        IN, OUT + 1, layer_norm=True, proj_size=OUT
    ),
    "extended-lstm-nary": lambda: ExtendedTreeLSTMCell(
        IN, OUT + 1, arity=3, layer_norm=True, proj_size=OUT
    ),
    "extended-gru": lambda: ExtendedTreeGRUCell(IN, OUT, layer_norm=True),
    "extended-gru-nary": lambda: ExtendedTreeGRUCell(IN, OUT, arity=3, layer_norm=True),
    "gated": lambda: GatedRecursiveCell(IN, OUT, arity=2),
    "gated-ternary": lambda: GatedRecursiveCell(
        IN, OUT, arity=3, inner_size=5, activation="relu"
    ),
    "pooled": lambda: PooledCell(IN, OUT, message_size=5, num_phases=2),
    "max-sum": lambda: MaxSumTreeLSTMCell(IN, OUT),
    "leaky": lambda: Leaky(RecursiveCell(OUT, OUT, arity=2), 0.3),
    "leaky-learned": lambda: Leaky(ChildSumTreeLSTMCell(IN, OUT), 0.3, learned=True),
    "skip": lambda: Skip(NaryTreeLSTMCell(IN, OUT, arity=2), 2),
    "skip-to-children": lambda: Skip(RecursiveCell(OUT, OUT, arity=None), 1),
    "leaky-skip": lambda: Leaky(Skip(NaryTreeGRUCell(IN, OUT, arity=3), 2), 0.3),
    "own-mean": lambda: MeanCell(IN, OUT),
    "own-counting": lambda: CountingCell(IN, OUT),
}


def randomised(new: NewCell) -> NewCell:
    """Give a new cell random weights, so that no zero or symmetry hides a term."""

    def made() -> Cell[Any]:
        cell = new()
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.normal_(0, 0.5)
        return cell

    return made


CELLS: dict[str, NewCell] = {name: randomised(new) for name, new in _NEW.items()}
WITH_INITIAL = {name: new for name, new in CELLS.items() if not new().leaf_is_input}

FUSED_CELLS = (
    RecursiveCell,
    RNTNCell,
    ChildSumTreeLSTMCell,
    NaryTreeLSTMCell,
    ChildSumTreeGRUCell,
    NaryTreeGRUCell,
)
WAYS = ("fused", "batched")
FUSED = [  # the cells that the fused fold serves
    name for name, new in CELLS.items() if type(new()) in FUSED_CELLS
]
EACH_WAY = [
    (way, name) for way in WAYS for name in CELLS if way != "fused" or name in FUSED
]

FORESTS: dict[str, list[list[int]]] = {
    "empty": [],
    "single node": [[]],
    "two single nodes": [[], []],
    "binary tree": [[], [], [0, 1], [], [2, 3]],
    "chain": [[], [0], [1], [2], [3]],
    "mixed arity": [[], [], [], [0, 1], [2], [3, 4, 0]],
    "shared nodes": [[], [0], [0], [1, 2], [0, 3]],
    "double edge": [[], [0, 0], [1, 1]],
    "several structures": [[], [0], [], [], [2, 3], []],
    "children after parents": [[4, 2], [], [3], [], [1, 3]],
    "several roots": [[], [0], [0], [0, 1]],
}


@st.composite
def child_lists(
    draw: st.DrawFn,
    max_arity: int = 3,
    max_nodes: int = 12,
    trees: bool = False,
) -> list[list[int]]:
    """Trees, DAGs with shared nodes and double edges, chains, in shuffled numbering."""
    V = draw(st.integers(0, max_nodes))
    free = set(range(V))  # roots so far, for trees
    children: list[list[int]] = []
    for v in range(V):
        below = sorted(u for u in free if u < v) if trees else list(range(v))
        arity = draw(st.integers(0, max_arity)) if below else 0
        if trees:
            some = draw(st.permutations(below))[:arity] if arity else []
            free.difference_update(some)
        else:
            some = (
                draw(st.lists(st.sampled_from(below), min_size=arity, max_size=arity))
                if arity
                else []
            )
        children.append(some)
    place = draw(st.permutations(range(V)))
    shuffled: list[list[int]] = [[] for _ in range(V)]
    for v, below in enumerate(children):
        shuffled[place[v]] = [place[u] for u in below]
    return shuffled


@st.composite
def forests(
    draw: st.DrawFn, max_arity: int = 3, max_nodes: int = 12, any_slot: bool = True
) -> Forest:
    """Random forests; some with slots left empty, or shared by edges."""
    forest = Forest(draw(child_lists(max_arity, max_nodes)))
    if any_slot and draw(st.booleans()):
        slot = st.lists(
            st.integers(0, max_arity - 1),
            min_size=forest.num_edges,
            max_size=forest.num_edges,
        )
        return Forest.from_csr(forest.offset, forest.child, slot=draw(slot))
    return forest


def nodes_with_input(cell: Cell[Any], forest: Forest) -> Tensor | None:
    """The leaves, in another order than theirs, where a cell takes input there only."""
    return forest.leaves.flip(0) if cell.leaf_is_input else None


def random_input(
    cell: Cell[Any], forest: Forest, nodes: Tensor | None = None
) -> Tensor:
    rows = forest.num_nodes if nodes is None else len(nodes)
    return torch.randn(rows, cell.input_size, requires_grad=True)


def random_initial(cell: Cell[Any], rows: int) -> Any:
    """Random states for the frontier; a field of whole numbers stays zero."""
    state = cell.zeros(rows, torch.empty(0))
    return type(state)(
        *(
            torch.randn(f.shape, requires_grad=True) if f.is_floating_point() else f
            for f in state
        )
    )


def by_way(way: str, cell: Cell[Any], forest: Forest) -> str | None:
    """Name a path; None, the library's choice, where the fused one does not serve."""
    if way != "fused":
        return way
    node = torch.repeat_interleave(forest.arities)
    taken = torch.stack([node, forest.slot]).unique(dim=1).shape[1]
    one_each = cell.max_arity is None or taken == forest.num_edges
    return "fused" if forest.num_nodes and one_each else None


def total(state: Sequence[Tensor]) -> Tensor:
    """A number that depends on every entry of a state, on each in its own way."""
    parts = []
    for field in state:
        if field.is_floating_point():
            weight = torch.linspace(0.5, 2.0, field.numel(), dtype=field.dtype)
            parts.append((field * weight.view(field.shape)).sin().sum())
    return torch.stack(parts).sum()


def value_and_gradients(
    algorithm: str | None,
    cell: Cell[Any],
    forest: Forest,
    x: Tensor,
    nodes: Tensor | None = None,
    initial: Any = None,
    also: Sequence[Tensor] = (),
) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """States of a fold, and the gradients of all that has one."""
    state = fold(cell, forest, x, nodes, initial, algorithm=algorithm)  # type: ignore[arg-type]
    given = [x, *(initial or ()), *cell.parameters(), *also]
    ends = [t for t in given if t.requires_grad]
    value = total(state)
    if not value.requires_grad:  # nothing was computed
        return state, [torch.zeros_like(t) for t in ends]
    return state, torch.autograd.grad(
        value, ends, allow_unused=True, materialize_grads=True
    )
