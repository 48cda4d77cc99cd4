"""What a cell is: the node function of a recursive network, for many nodes at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Generic, NamedTuple, Self, TypeVar, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

S = TypeVar("S", bound=tuple)


class State(NamedTuple):
    """The plainest state: h, of shape (N, H).

    Any NamedTuple of tensors whose first field is ``h`` is a state; the fields have a
    row per node and any trailing shape.
    """

    h: Tensor


@final
class Children(Generic[S]):
    """All that a cell sees below N nodes: E rows of state, and whose they are.

    Attributes:
        state: the children's states, fields of (E, ...), node by node in order.
        parent: (E,) int64, which of the N nodes each child belongs to.
        slot: (E,) int64, which child of its node each one is.
        num_nodes: N.
        arity: K where every node fills the slots 0..K-1 in order (0 where no node
            has a child), else None. It lets sums and slots be views.
    """

    def __init__(
        self,
        state: S,
        parent: Tensor,
        slot: Tensor,
        num_nodes: int,
        arity: int | None = None,
    ):
        self.state = state
        self.parent = parent
        self.slot = slot
        self.num_nodes = num_nodes
        self.arity = 0 if len(slot) == 0 else arity

    @classmethod
    def of_pairs(cls, left: S, right: S) -> Self:
        """The children of N nodes that have two each, with states of (N, ...)."""
        fields = (
            torch.stack(pair, dim=1).flatten(0, 1)
            for pair in zip(left, right, strict=True)
        )
        N = len(left[0])
        edge = torch.arange(2 * N, device=left[0].device)
        state = cast(S, type(left)(*fields))
        return cls(state, edge // 2, edge % 2, N, 2)

    def __len__(self) -> int:
        """E."""
        return len(self.slot)

    def sum(self, value: Tensor) -> Tensor:
        """Sum a value of each child, (E, ...), over the children of each node."""
        if self.arity == 1:
            return value
        if self.arity is not None:
            return self._by_node(value).sum(dim=1)
        return value.new_zeros(self.num_nodes, *value.shape[1:]).index_add(
            0, self.parent, value
        )

    def mean(self, value: Tensor) -> Tensor:
        """Mean of (E, ...) over the children of each node; 0 where it has none."""
        if self.arity == 1:
            return value
        count = self.count.clamp(min=1).to(value.dtype)
        return self.sum(value) / count.view(-1, *[1] * (value.dim() - 1))

    def max(self, value: Tensor) -> Tensor:
        """Maximum of (E, ...) over the children of each node; 0 where it has none."""
        index = self.parent.view(-1, *[1] * (value.dim() - 1)).expand_as(value)
        zeros = value.new_zeros(self.num_nodes, *value.shape[1:])
        return zeros.scatter_reduce(0, index, value, "amax", include_self=False)

    def repeat(self, value: Tensor) -> Tensor:
        """Give each child the value of its node: (N, ...) to (E, ...)."""
        if self.arity is not None:
            return value.repeat_interleave(self.arity, dim=0)
        return value.index_select(0, self.parent)

    def slots(self, K: int) -> S:
        """Arrange the states by slot: fields of (N, K, ...), zero at empty slots.

        States of edges that share node and slot, as in a transposed DAG, are added.
        """
        return cast(S, type(self.state)(*(self._in_slots(v, K) for v in self.state)))

    def filled(self, K: int) -> Tensor:
        """(N, K) number of children in each slot: 0 or 1, more in a transposed DAG."""
        return self._in_slots(torch.ones_like(self.slot), K)

    @cached_property
    def count(self) -> Tensor:
        """(N,) int64, number of children of each node."""
        if self.arity is not None:
            return self.parent.new_full((self.num_nodes,), self.arity)
        return torch.bincount(self.parent, minlength=self.num_nodes)

    def _by_node(self, value: Tensor) -> Tensor:
        return value.reshape(self.num_nodes, self.arity or 0, *value.shape[1:])

    def _check_slots(self, K: int) -> None:
        # A slot of K or more would fall into the row of another node. On a GPU, where
        # looking means waiting, `fold` has compared the forest with `max_arity`.
        if self.slot.is_cuda and self.arity is None:
            return
        most = self.arity or int(self.slot.max()) + 1
        if most > K:
            raise ValueError(
                f"a node's children stand in {most} slots, but {K} were asked for. "
                "Set the cell's max_arity to its number of slots."
            )

    def _in_slots(self, value: Tensor, K: int) -> Tensor:
        if self.arity is not None and self.arity <= K:
            by_node, empty = self._by_node(value), K - self.arity
            if empty:
                by_node = F.pad(by_node, [0, 0] * (value.dim() - 1) + [0, empty])
            return by_node
        self._check_slots(K)
        flat = value.new_zeros(self.num_nodes * K, *value.shape[1:])
        flat = flat.index_add(0, self.parent * K + self.slot, value)
        return flat.view(self.num_nodes, K, *value.shape[1:])


class Cell(nn.Module, ABC, Generic[S]):
    """A node function: the state of N nodes from their inputs and children's states.

    A subclass writes `forward`; `treefold.fold` runs it over a whole forest. Where
    the state has more fields than ``h``, `zeros` is written too. A cell knows
    tensors only: no order of nodes, no mask, no padding.

    Args:
        input_size: I, features of a node's input.
        hidden_size: H, features of a node's state.

    Attributes:
        ordered: False promises that the order of the children does not matter.
        max_arity: K, the number of slots; None takes any number of children.
        leaf_is_input: True says that a leaf's input is its state, so that inner nodes
            may have no input and leaves no `initial` state.

    Example:
        >>> class MeanCell(Cell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.linear = nn.Linear(input_size + hidden_size, hidden_size)
        ...
        ...     def forward(self, x, children):
        ...         below = children.mean(children.state.h)
        ...         return State(self.linear(torch.cat([x, below], dim=-1)).tanh())
    """

    ordered: bool = True
    max_arity: int | None = None
    leaf_is_input: bool = False

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size

    def project(self, x: Tensor) -> Tensor:
        """Turn inputs (rows, I) into what `forward` gets; run once for a forest.

        It must treat rows alone, and map a missing input to zeros: biases belong to
        `forward`. The default passes x through.
        """
        return x

    @abstractmethod
    def forward(self, x: Tensor, children: Children[S]) -> S:
        """Return the states of N nodes.

        Args:
            x: (N, ...) rows of `project`, zeros where a node has no input.
            children: the states below.
        """

    def zeros(self, num_nodes: int, like: Tensor) -> S:
        """States of zeros, in dtype and on device of `like`."""
        return cast(S, State(like.new_zeros(num_nodes, self.hidden_size)))

    def extra_repr(self) -> str:
        """Sizes, as torch prints them."""
        return f"{self.input_size}, {self.hidden_size}"
