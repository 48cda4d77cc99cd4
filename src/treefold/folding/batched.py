"""The fold of any cell, level by level, with one gradient buffer for the whole forest.

Forward writes each level's states into a preallocated buffer of V rows. Left to plain
autograd, backward would then make a gradient of all V rows for every level, O(V·L): on
a chain, quadratic. Here each level keeps a small graph of its own, cut from the others,
and backward walks the levels from the top, adding what each one sends to its children
into one shared buffer: O(V). As no graph spans levels, none is deep, and a chain of
100,000 nodes is freed without recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import RLock
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from treefold.cells import Cell, Children
from treefold.folding.inputs import Inputs
from treefold.folding.noise import Noise
from treefold.forest import Forest
from treefold.levels import Level

S = TypeVar("S", bound=tuple)

_turn = RLock()


def taking_turns() -> AbstractContextManager[Any]:
    """Let one thread at a time fold with gradients: a cell's parameters are swapped."""
    return _turn if torch.is_grad_enabled() else nullcontext()


class Step(NamedTuple):
    """One level's graph: from its rows of input and the states below to its states."""

    rows: Tensor
    below: tuple[Tensor, ...]
    state: tuple[Tensor, ...]


def fold_batched(cell: Cell[S], forest: Forest, inputs: Inputs, initial: S | None) -> S:
    """Fold level by level; states come back in level order."""
    if not torch.is_grad_enabled():
        return _walk_up(cell, forest, inputs, initial, None)

    named = dict(cell.named_parameters())
    given = (inputs.rows, *(initial or ()), *named.values())
    # Stand-ins: what leads from one given tensor to another, and the hooks on them,
    # lie outside the fold. The levels' graphs end in these.
    inner = {
        name: p.detach().requires_grad_(p.requires_grad) for name, p in named.items()
    }
    noise, tape = Noise.now(forest.device), list[Step]()
    tracked = any(t.requires_grad for t in given)
    state = _call_with(inner, cell, _walk_up, forest, inputs, initial, tape, tracked)
    if _reaches_beyond(tape, inner.values()):
        noise.restore()
        return fold_plain(cell, forest, inputs, initial)
    if not tracked:
        return state
    walk = _Walk(cell, forest, inputs, initial, inner, tape, noise)
    return type(state)(*_WalkDown.apply(walk, tuple(state), *given))


class _With(nn.Module):
    """Call a function of a cell, as a module whose parameters can be replaced."""

    def __init__(self, cell: Cell[Any], function: Callable[..., Any]):
        super().__init__()
        self.cell = cell
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(self.cell, *args)


def _call_with(
    parameters: dict[str, Tensor],
    cell: Cell[Any],
    function: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call ``function(cell, *args)`` while the cell has other parameters."""
    swapped = {f"cell.{name}": p for name, p in parameters.items()}
    return functional_call(_With(cell, function), swapped, args)


def _walk_up(
    cell: Cell[S],
    forest: Forest,
    inputs: Inputs,
    initial: S | None,
    tape: list[Step] | None,
    tracked: bool = False,
) -> S:
    """Run the cell on each level, and record each level's graph on the tape."""
    state = cell.zeros(0, inputs.rows)
    for number, level in enumerate(forest.levels):
        rows = inputs.rows[inputs.offset[number] : inputs.offset[number + 1]]
        if number == 0:
            below, parent, slot = frontier(cell, forest, inputs.rows, initial)
            arity = None if initial is None else 1
        else:
            below = type(state)(*(f.index_select(0, level.child) for f in state))
            parent, slot, arity = level.parent, level.slot, level.arity
        if tape is not None:
            rows = rows.detach().requires_grad_(inputs.rows.requires_grad)
            below = type(state)(
                *(f.detach().requires_grad_(tracked and _smooth(f)) for f in below)
            )
        spread = inputs.of(number, level, rows)
        N = level.stop - level.start
        new = _checked(cell, cell(spread, Children(below, parent, slot, N, arity)), N)
        if tape is not None:
            tape.append(Step(rows, below, new))
        if number == 0:
            V = forest.num_nodes
            state = type(new)(*(f.new_empty(V, *f.shape[1:]) for f in new))
        written = (_write(*pair, level) for pair in zip(state, new, strict=True))
        state = type(new)(*written)
    return state


def _write(field: Tensor, value: Tensor, level: Level) -> Tensor:
    """Write a level's rows, and return the buffer: a wider one where they need it."""
    if value.shape[1:] != field.shape[1:]:
        raise ValueError(
            f"a cell's states must have one shape at all nodes, but the leaves have "
            f"{tuple(field.shape[1:])} and nodes above {tuple(value.shape[1:])}."
        )
    if value.dtype != field.dtype:
        field = field.to(torch.promote_types(field.dtype, value.dtype))
    field[level.start : level.stop] = value.detach()
    return field


def _smooth(field: Tensor) -> bool:
    """Say whether a field of the state can have a gradient; a counter has none."""
    return field.is_floating_point() or field.is_complex()


def _checked(cell: Cell[Any], state: Any, N: int) -> Any:
    """Return what a cell returned, if it is a state of N nodes."""
    if not isinstance(state, tuple) or type(state) is tuple:
        raise TypeError(
            f"{type(cell).__name__}.forward must return a NamedTuple of tensors, such "
            f"as treefold.State(h), got {type(state).__name__}."
        )
    for name, field in zip(cast(Any, state)._fields, state, strict=True):
        if len(field) != N:
            raise ValueError(
                f"{type(cell).__name__}.forward must return a row for each of the {N} "
                f"nodes, got {name} of shape {tuple(field.shape)}. The nodes at hand "
                "are the rows of x; expand what is the same for all."
            )
    return state


def frontier(
    cell: Cell[S], forest: Forest, like: Tensor, initial: S | None
) -> tuple[S, Tensor, Tensor]:
    """What stands below the leaves: nothing, or `initial` in slot 0 of each."""
    if initial is None:
        none = forest.child[:0]
        return cell.zeros(0, like), none, none
    levels = forest.levels
    leaf = torch.arange(levels.offset[1], device=forest.device)
    tree = forest.tree[leaf if levels.order is None else levels.order[leaf]]
    below = (
        f[tree] if len(f) > 1 else f.expand(len(leaf), *f.shape[1:]) for f in initial
    )
    return type(initial)(*below), leaf, torch.zeros_like(leaf)


class _Walk(NamedTuple):
    """A fold that was run, with all that its backward needs.

    Attributes:
        inner: by name, what stood for each parameter in the graphs on the tape.
    """

    cell: Cell[Any]
    forest: Forest
    inputs: Inputs
    initial: Any
    inner: dict[str, Tensor]
    tape: list[Step]
    noise: Noise


class _WalkDown(torch.autograd.Function):
    """Hand out the states of a walk up; backward walks down the levels."""

    @staticmethod
    def forward(
        ctx: Any, walk: _Walk, state: tuple[Tensor, ...], *given: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(f for f in state if not _smooth(f)))
        ctx.save_for_backward(*given)
        ctx.walk = walk
        return state

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        given, needed = ctx.saved_tensors, ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # create_graph: the gradient gets a graph itself
            found = _differentiable_gradients(ctx.walk, given, needed, grads)
        else:
            found = _gradients(ctx.walk, given, needed, grads)
        return None, None, *found


def _gradients(
    walk: _Walk,
    given: Sequence[Tensor],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of the rows, the initial states and the parameters."""
    num_initial = len(walk.initial or ())
    wanted = [p for p in walk.inner.values() if p.requires_grad]
    to_rows = torch.zeros_like(given[0]) if needed[0] else None
    to_wanted = [torch.zeros_like(p) for p in wanted]
    to_initial: Sequence[Tensor | None] = [None] * num_initial

    V = walk.forest.num_nodes
    to_state = (
        [  # the one gradient buffer, of (V, ...) for each field
            f.new_zeros(V, *f.shape[1:]) if g is None else g.clone()
            for f, g in zip(walk.tape[0].state, grads, strict=True)
        ]
        if walk.tape
        else []
    )

    levels = walk.forest.levels
    for number in reversed(range(len(levels))):
        level, step = levels[number], walk.tape[number]
        ends = [
            (f, g[level.start : level.stop].to(f.dtype))
            for f, g in zip(step.state, to_state, strict=True)
            if f.requires_grad
        ]
        if not ends:
            continue
        begins = [step.rows] * (to_rows is not None)
        below = [f for f in step.below if f.requires_grad and len(f)]
        got = iter(
            torch.autograd.grad(
                [f for f, _ in ends],
                [*begins, *below, *wanted],
                [g for _, g in ends],
                retain_graph=True,
                allow_unused=True,
            )
        )
        if to_rows is not None and (g := next(got)) is not None:
            to_rows[walk.inputs.offset[number] : walk.inputs.offset[number + 1]] = g
        to_below = [
            next(got) if f.requires_grad and len(f) else None for f in step.below
        ]
        for total, g in zip(to_wanted, got, strict=True):
            if g is not None:
                total += g
        if number > 0:
            for total, g in zip(to_state, to_below, strict=True):
                if g is not None:
                    total.index_add_(0, level.child, g.to(total.dtype))
        elif num_initial:
            to_initial = _to_initial(walk, to_below)

    by_parameter = iter(to_wanted)
    return [
        to_rows,
        *to_initial,
        *(next(by_parameter) if need else None for need in needed[1 + num_initial :]),
    ]


def _to_initial(walk: _Walk, to_below: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Add up, for each structure, what its leaves send to their initial state."""
    forest, order = walk.forest, walk.forest.levels.order
    leaf = slice(0, forest.levels.offset[1])
    tree = forest.tree[leaf if order is None else order[leaf]]
    return [
        None
        if g is None
        else torch.zeros_like(f).index_add(0, tree % len(f), g.to(f.dtype))
        for f, g in zip(walk.initial, to_below, strict=True)
    ]


def _differentiable_gradients(
    walk: _Walk,
    given: Sequence[Tensor],
    needed: Sequence[bool],
    grads: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients with a graph of their own: fold again by plain autograd."""
    # Stand-ins here too, but such that a graph leads on from them.
    rows, *rest = [t.view_as(t) for t in given]
    num_initial = len(walk.initial or ())
    initial = type(walk.initial)(*rest[:num_initial]) if num_initial else None
    parameters = dict(zip(walk.inner, rest[num_initial:], strict=True))
    inputs = walk.inputs._replace(rows=rows)
    with taking_turns(), walk.noise.again():
        state = _call_with(
            parameters, walk.cell, fold_plain, walk.forest, inputs, initial
        )
    _check_same(walk, state)
    ends = [
        (f, g)
        for f, g in zip(state, grads, strict=True)
        if g is not None and f.requires_grad
    ]
    begins = [t for t, need in zip([rows, *rest], needed, strict=True) if need]
    if not ends:
        return [
            torch.zeros_like(t) if need else None
            for t, need in zip(given, needed, strict=True)
        ]
    got = iter(
        torch.autograd.grad(
            [f for f, _ in ends],
            begins,
            [g for _, g in ends],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
    )
    return [next(got) if need else None for need in needed]


def _check_same(walk: _Walk, again: Sequence[Tensor]) -> None:
    """Raise if the cell computes other states now than it did when folded."""
    for number, field in enumerate(again):
        if not walk.tape or not _smooth(field):
            continue
        first = torch.cat([step.state[number] for step in walk.tape]).detach()
        largest = first.abs().max()
        if bool(((field.detach() - first).abs() > 0.02 * largest).any()):
            raise RuntimeError(
                "a gradient with create_graph=True folds again, but the cell computes "
                "other states now: its mode or an attribute has changed since the "
                "fold. Change it after backward, or give what changes in x."
            )


def fold_plain(
    cell: Cell[S],
    forest: Forest,
    inputs: Inputs,
    initial: S | None,
) -> S:
    """Fold level by level under ordinary autograd, differentiable any number of times.

    The state grows by concatenation: simple, and O(V·L).
    """
    state = cell.zeros(0, inputs.rows)
    for number, level in enumerate(forest.levels):
        rows = inputs.rows[inputs.offset[number] : inputs.offset[number + 1]]
        if number == 0:
            below, parent, slot = frontier(cell, forest, inputs.rows, initial)
            arity = None if initial is None else 1
        else:
            below = type(state)(*(f.index_select(0, level.child) for f in state))
            parent, slot, arity = level.parent, level.slot, level.arity
        N = level.stop - level.start
        spread = inputs.of(number, level, rows)
        new = _checked(cell, cell(spread, Children(below, parent, slot, N, arity)), N)
        if number == 0:
            state = new
        else:
            state = type(new)(*map(torch.cat, zip(state, new, strict=True)))
    return state


def _reaches_beyond(steps: Sequence[Step], parameters: Collection[Tensor]) -> bool:
    """Say whether a level's graph ends in a tensor that was not given to the fold.

    The levels' graphs are cut from all else, so such a tensor would get no gradient.
    Every level is looked at: a cell may use a tensor on some levels only.
    """
    own = {id(p) for p in parameters}
    for step in steps:
        known = own.union(map(id, (step.rows, *step.below)))
        stack = [f.grad_fn for f in step.state if f.grad_fn is not None]
        seen = set(stack)
        while stack:
            node = stack.pop()
            end = getattr(node, "variable", None)
            if end is not None:
                if id(end) not in known:
                    return True
                continue
            for before, _ in node.next_functions:
                if before is not None and before not in seen:
                    seen.add(before)
                    stack.append(before)
        for field in step.state:  # returned as it is, a tensor has no graph
            if field.grad_fn is None and field.requires_grad and id(field) not in known:
                return True
    return False
