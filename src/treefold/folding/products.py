"""What a level's graph rests on, and gradients of weights put off to one product.

Most parameters of a cell are matrices that rows are multiplied by: Y = X P. Autograd
would make the gradient of a whole matrix, X'ᵀ Y', for each level, however few rows the
level has, and add them up. Here the products are found in the levels' graphs; their X
and Y' are collected over many levels and multiplied at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

ENOUGH = 1024  # rows: a product of more is no faster, and they would fill memory

_ADDMM, _MM = "AddmmBackward0", "MmBackward0"  # names of torch's nodes, as below


def _part(whole: Tensor, sizes: Any, dim: int, number: int) -> Tensor:
    return whole.split(sizes, dim)[number]


# The views through which cells multiply by their weights: how to take them again.
_VIEWS: Mapping[str, Callable[[Any, int], tuple[Any, ...]]] = {
    "TBackward0": lambda node, number: (torch.t,),
    "PermuteBackward0": lambda node, number: (torch.permute, node._saved_dims),
    "SplitBackward0": lambda node, number: (
        *(_part, node._saved_split_size, node._saved_dim, number),
    ),
    "SplitWithSizesBackward0": lambda node, number: (
        *(_part, node._saved_split_sizes, node._saved_dim, number),
    ),
}


def _node(tensor: Tensor) -> Any:
    """Autograd's node that made a tensor, or that takes its gradient in."""
    return tensor.grad_fn or get_gradient_edge(tensor).node


def _is_product(node: Any) -> bool:
    name = node.name()
    return name == _MM or (name == _ADDMM and node._saved_alpha == 1)


def _left(node: Any) -> Tensor:
    """X, of the node of a product X P."""
    return node._saved_self if node.name() == _MM else node._saved_mat1


class Factor(NamedTuple):
    """P in a product X P: a parameter or a view of one.

    Attributes:
        parameter: the number of the parameter.
        view: functions and their arguments, which make P of the parameter.
    """

    parameter: int
    view: tuple[tuple[Any, ...], ...]


class Uses(NamedTuple):
    """How a level's graph uses the parameters; one object for all levels alike.

    Attributes:
        factors: of those products whose share in a gradient can be put off.
        direct: numbers of the parameters that are used in any other way.
    """

    factors: tuple[Factor, ...]
    direct: tuple[int, ...]


class Grounds:
    """The tensors in which the graphs of all levels may end.

    Args:
        parameters: what stands for each parameter of the cell in the graphs.
    """

    def __init__(self, parameters: Sequence[Tensor]):
        self._number = {
            get_gradient_edge(p).node: number
            for number, p in enumerate(parameters)
            if p.requires_grad
        }
        # Python's garbage collector looks at every object that a deep fold holds.
        self._shared = dict[Any, Any]()

    def look(
        self, state: Sequence[Tensor], given: Sequence[Tensor]
    ) -> tuple[tuple[Any, ...], Uses] | None:
        """Look through the graph of a level's state.

        Args:
            state: where the graph begins.
            given: tensors of this level alone in which it may end, besides parameters.

        Returns:
            Autograd's node of each product that can be put off, and how the graph uses
            the parameters. None where it ends in any other tensor. The levels' graphs
            are cut from all else, so such a tensor would get no gradient. Every level
            is looked at: a cell may use a tensor on some levels only.
        """
        known, number = set(map(id, given)), self._number
        products, direct = list[tuple[Any, Factor]](), set[int]()
        seen = dict.fromkeys(_node(field) for field in state if field.requires_grad)
        direct.update(number[node] for node in seen if node in number)
        nodes = [node for node in seen if node not in number]
        for node in nodes:  # a list that grows on the way
            below = node.next_functions
            if not below:
                end = getattr(node, "variable", None)
                if end is not None and id(end) not in known:
                    return None
                continue
            if len(below) > 1 and _is_product(node):
                factor = self._factor(*below[-1])
                if factor is not None:
                    products.append((node, factor))
                    below = below[:-1]
            for before, _ in below:
                if before in seen or before is None:
                    continue
                if before in number:
                    direct.add(number[before])
                    continue
                seen[before] = None
                nodes.append(before)
        # Asked for such a parameter's gradient, autograd counts its products in.
        products = [p for p in products if p[1].parameter not in direct]
        uses = Uses(tuple(factor for _, factor in products), tuple(sorted(direct)))
        return tuple(node for node, _ in products), self._shared.setdefault(uses, uses)

    def _factor(self, node: Any, output: int) -> Factor | None:
        """Follow the right factor of a product through views to a parameter."""
        view = []
        while node not in self._number:
            if node is None or (take := _VIEWS.get(node.name())) is None:
                return None
            view.append(take(node, output))
            ((node, output),) = node.next_functions
        return Factor(self._number[node], tuple(reversed(view)))


class Sums:
    """Gradients of the parameters, to which the products' shares are added late.

    Args:
        totals: for each parameter the tensor to which all is added in place, or None.
    """

    def __init__(self, totals: Sequence[Tensor | None]):
        self.totals = totals
        self._waiting = defaultdict[Factor, list[tuple[Tensor, Tensor]]](list)
        self._num_rows = Counter[Factor]()

    def add(self, factor: Factor, node: Any, gradient: Tensor) -> None:
        """Add Xᵀ Y' for a product's node, given Y', now or later."""
        self._waiting[factor].append((_left(node), gradient))
        self._num_rows[factor] += len(gradient)
        if self._num_rows[factor] >= ENOUGH:
            self._add(factor)

    def finish(self) -> None:
        """Add all that was put off."""
        for factor in list(self._waiting):
            self._add(factor)

    def _add(self, factor: Factor) -> None:
        del self._num_rows[factor]
        waiting = self._waiting.pop(factor)
        rows = _stack([rows for rows, _ in waiting])
        gradients = _stack([gradient for _, gradient in waiting])
        total = self.totals[factor.parameter]
        if total is None:
            return
        for function, *arguments in factor.view:
            total = function(total, *arguments)
        total.addmm_(rows.mH, gradients)


def _stack(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]
