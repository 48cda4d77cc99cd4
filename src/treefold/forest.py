"""Forest: many trees, DAGs and sequences in one packed structure, without features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from treefold import csr, structure
from treefold.csr import ForestError
from treefold.levels import Level, Levels
from treefold.packed_sequence import as_packed_sequence, of_packed_sequence
from treefold.svg import tree_svg

__all__ = ["Forest", "ForestError", "Level"]


@final
class Forest:
    """B structures over V nodes: ``PackedSequence`` generalised to trees and DAGs.

    A forest holds only structure: the ordered children of every node, and which
    structure a node is of. Features live in tensors with a row per node. Trees, DAGs
    and sequences are one type, and one forest may mix them.

    ``Forest(children)`` takes the list of children of each node, in order, and makes
    one structure per connected component, in order of its smallest node. The same
    child may appear twice under one parent (x · x), or under several, unless
    ``trees=True`` demands one parent at most.

    Args:
        children: ``children[v]`` lists the nodes below node v; V = len(children).
        trees: refuse a node with two parents.

    Attributes:
        offset: (V + 1,) int64; the children of v are ``child[offset[v]:offset[v+1]]``.
        child: (E,) int64, the node at the lower end of each edge.
        slot: (E,) int64, which child of its parent each edge leads to. It is the
            position in the child list, except in a transposed forest.
        tree: (V,) int64, the structure of each node (the first of them where
            structures share nodes, see `share`).
        roots: (R,) int64, the nodes without parent, structure by structure.
        root_tree: (R,) int64, the structure of each root. A tree has one root.

    Raises:
        ForestError: a cycle, a child out of range, or a second parent where trees are
            asked for; the message names the nodes.

    Example:
        >>> forest = Forest([[], [], [0, 1]])  # node 2 over the leaves 0 and 1
        >>> forest
        Forest(num_trees=1, num_nodes=3, num_edges=2, num_levels=2)
        >>> forest.roots
        tensor([2])
    """

    offset: Tensor
    child: Tensor
    slot: Tensor
    tree: Tensor
    roots: Tensor
    root_tree: Tensor
    num_trees: int
    __hash__ = None  # type: ignore[assignment]  # equality compares contents

    def __init__(self, children: Sequence[Sequence[int]], *, trees: bool = False):
        self._build(*csr.of_child_lists(children), trees=trees)

    def _build(
        self,
        offset: np.ndarray,
        child: np.ndarray,
        tree: np.ndarray | None,
        *,
        slot: np.ndarray | None = None,
        trees: bool = False,
    ) -> Self:
        """Check a structure, find its components and roots, and hold it."""
        height = csr.check(offset, child, trees=trees)
        if tree is None:
            tree, num_trees = structure.components(offset, child)
        else:
            num_trees = int(tree.max(initial=-1)) + 1
        if slot is None:
            slot = structure.positions(offset)
        roots, root_tree = structure.roots(offset, child, tree, num_trees)
        self._hold(offset, child, slot, tree, roots, root_tree, num_trees)
        self.__dict__["_height"] = height
        return self

    def _hold(
        self,
        offset: np.ndarray,
        child: np.ndarray,
        slot: np.ndarray,
        tree: np.ndarray,
        roots: np.ndarray,
        root_tree: np.ndarray,
        num_trees: int,
    ) -> Self:
        """Take arrays as they are, without a copy."""
        self.offset = torch.from_numpy(offset)
        self.child = torch.from_numpy(child)
        self.slot = torch.from_numpy(slot)
        self.tree = torch.from_numpy(tree)
        self.roots = torch.from_numpy(roots)
        self.root_tree = torch.from_numpy(root_tree)
        self.num_trees = int(num_trees)
        self._csr = (offset, child, slot)
        return self

    @classmethod
    def from_csr(
        cls,
        offset: Any,
        child: Any,
        tree: Any = None,
        *,
        slot: Any = None,
        trees: bool = False,
    ) -> Self:
        """Make a forest of flat arrays, see the attributes of the same names.

        Args:
            offset: (V + 1,) where each node's children begin in `child`.
            child: (E,) children, node by node, in order.
            tree: (V,) structure of each node; None makes one of each connected
                component. Edges may not lead from one structure to another.
            slot: (E,) which child each edge leads to; None takes its position.
            trees: refuse a node with two parents.

        Raises:
            ForestError: as the class, or arrays that do not fit each other.
        """
        offset, child, tree = csr.of_arrays(offset, child, tree)
        if slot is not None:
            slot = csr.whole_numbers(slot, "slot").copy()
            if len(slot) != len(child) or slot.min(initial=0) < 0:
                raise ForestError(
                    f"slot must give a number >= 0 for each of the {len(child)} edges."
                )
        return cls.__new__(cls)._build(offset, child, tree, slot=slot, trees=trees)

    @classmethod
    def from_sorted(
        cls,
        offset: np.ndarray,
        child: np.ndarray,
        tree: np.ndarray,
        roots: np.ndarray,
        level_offset: np.ndarray,
    ) -> Self:
        """Take trees that are in level order already, without a check or a copy.

        For loaders, which sort a corpus once. int64 arrays: `offset` (V + 1,),
        `child` (E,), `tree` (V,), `roots` (B,) and `level_offset` (L + 1,).
        """
        forest = cls.__new__(cls)
        slot = structure.positions(offset)
        forest._hold(
            offset, child, slot, tree, roots, np.arange(len(roots)), len(roots)
        )
        forest.__dict__["_level_order"] = (None, level_offset)
        return forest

    @classmethod
    def from_trees(cls, trees: Iterable[Any]) -> Self:
        """Make a forest of nested trees, one structure each, in post-order.

        A tuple, a list or an ``nltk.Tree`` (which is a list) is a node over its
        items; anything else is a leaf. In each tree children come
        before their parent, and leaves from left to right.

        Example:
            >>> Forest.from_trees([(("not", "bad"), "at all")]).child
            tensor([0, 1, 2, 3])
        """
        return cls.__new__(cls)._build(*csr.of_trees(trees))

    @classmethod
    def from_parents(cls, parents: Any) -> Self:
        """Make trees of a parent array: ``parents[v]`` is v's parent, -1 at a root.

        Children are ordered by their numbers.

        Raises:
            ForestError: a parent out of range, or a cycle.
        """
        return cls.__new__(cls)._build(*csr.of_parents(parents))

    @classmethod
    def from_lengths(cls, lengths: Any, *, num_nodes: int | None = None) -> Self:
        """Make one chain per length, numbered step by step, sequence by sequence.

        Each step is the child of the next; the last is the root.

        Args:
            lengths: (B,) numbers of steps, each at least 1.
            num_nodes: what the lengths must add up to, if you know it.

        Raises:
            ForestError: a length below 1, or lengths that do not add up.
        """
        return cls.__new__(cls)._build(*csr.of_lengths(lengths, num_nodes))

    @classmethod
    def from_edges(
        cls, edges: Any, num_nodes: int | None = None, *, trees: bool = False
    ) -> Self:
        """Make a forest of (parent, child) pairs, or of a networkx directed graph.

        The children of a node are ordered as their edges are. The nodes of a graph
        are numbered in the order of ``graph.nodes``.

        Args:
            edges: (E, 2) pairs of node numbers, or a networkx (Multi)DiGraph.
            num_nodes: V; None takes the largest number of a pair plus one.
            trees: refuse a node with two parents.

        Raises:
            ForestError: as the class; an undirected graph.
        """
        return cls.__new__(cls)._build(*csr.of_edges(edges, num_nodes), trees=trees)

    @classmethod
    def from_packed_sequence(cls, packed: PackedSequence) -> Forest:
        """Make chains of a packed batch; node i is row i of ``packed.data``, shared.

        Fold with ``x=packed.data``. Structure b is the batch's sequence b in its
        original order.
        """
        forest = cls.__new__(cls)._build(*of_packed_sequence(packed))
        # Columns of a packed batch stand by falling length, which is level order.
        return forest.to(packed.data.device)

    @classmethod
    def cat(cls, forests: Iterable[Forest]) -> Forest:
        """Put forests side by side: nodes and structures are numbered on.

        Raises:
            ForestError: forests on several devices.
        """
        forests = list(forests)
        parts = [forest._host for forest in forests]
        node = csr.offsets([f.num_nodes for f in parts])
        tree = csr.offsets([f.num_trees for f in parts])

        def join(name: str, shift: np.ndarray) -> np.ndarray:
            moved = [
                getattr(f, name).numpy() + s for f, s in zip(parts, shift, strict=False)
            ]
            return np.concatenate([np.empty(0, np.int64), *moved])

        devices = {f.device for f in forests}
        if len(devices) > 1:
            names = " and ".join(sorted(map(str, devices)))
            raise ForestError(f"the forests are on {names}; move them to one device.")
        both = cls.__new__(cls)._hold(
            csr.offsets(
                np.concatenate([np.empty(0, np.int64), *(f.arities for f in parts)])
            ),
            join("child", node),
            join("slot", np.zeros_like(node)),
            join("tree", tree),
            join("roots", node),
            join("root_tree", tree),
            tree[-1],
        )
        return both.to(devices.pop()) if devices else both

    @property
    def num_nodes(self) -> int:
        """V."""
        return len(self.offset) - 1

    @property
    def num_edges(self) -> int:
        """E."""
        return len(self.child)

    @property
    def device(self) -> torch.device:
        """Where the index tensors live; structure work itself is done on the CPU."""
        return self.offset.device

    @property
    def arities(self) -> Tensor:
        """(V,) int64, number of children of each node."""
        return self.offset.diff()

    @property
    def max_arity(self) -> int:
        """K, the number of slots in use."""
        return int(self.slot.max()) + 1 if self.num_edges else 0

    @property
    def leaves(self) -> Tensor:
        """Nodes without children, ascending."""
        return (self.arities == 0).nonzero().flatten()

    @property
    def heights(self) -> Tensor:
        """(V,) int64, edges between a node and the deepest leaf below it."""
        return torch.tensor(self._host._height, device=self.device)  # a copy

    @cached_property
    def _host(self) -> Forest:
        return self

    @cached_property
    def _height(self) -> np.ndarray:
        return structure.heights(*self._csr[:2])

    @cached_property
    def _level_order(self) -> tuple[np.ndarray | None, np.ndarray]:
        order, level_offset = structure.level_order(self._host._height)
        if (order[1:] > order[:-1]).all():
            return None, level_offset
        return order, level_offset

    @property
    def is_sorted(self) -> bool:
        """True where nodes are numbered in level order, as `sort` makes them."""
        return self._host._level_order[0] is None

    @cached_property
    def levels(self) -> Levels:
        """Nodes grouped by height: what `fold` visits, one batch a level."""
        return Levels(*self._csr, *self._host._level_order, self.device)

    def sort(self) -> tuple[Forest, Tensor]:
        """Renumber the nodes in level order.

        Returns:
            The sorted forest, and `order` (V,): its node i is our node ``order[i]``,
            so that ``x[order]`` are its features.
        """
        order, level_offset = self._host._level_order
        if order is None:
            return self, torch.arange(self.num_nodes, device=self.device)
        host = self._host
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        new = Forest.__new__(Forest)._hold(
            *structure.renumber(*host._csr, order),
            host.tree.numpy()[order],
            place[host.roots.numpy()],
            host.root_tree.numpy(),
            self.num_trees,
        )
        new.__dict__["_level_order"] = (None, level_offset)
        return new.to(self.device), torch.tensor(order, device=self.device)

    def transpose(self) -> Forest:
        """Reverse every edge: parents become children, roots become leaves.

        Nodes keep their numbers and edges their slots, so that in the fold of the
        transpose a node knows which child of its parent it is. Two edges of a node
        may then share a slot.
        """
        host = self._host
        tree = host.tree.numpy()
        offset, child, slot = structure.transpose(*host._csr)
        roots, root_tree = structure.roots(offset, child, tree, self.num_trees)
        new = Forest.__new__(Forest)
        new._hold(offset, child, slot, tree, roots, root_tree, self.num_trees)
        return new.to(self.device)

    def share(self, labels: Tensor) -> tuple[Forest, Tensor, Tensor]:
        """Merge equal subtrees into one node each (Goller & Küchler, 1996).

        Feed ``x[first]``, read ``h[node_of]``. A root may then serve several
        structures, and a root of one may lie inside another.

        Args:
            labels: (V,) integers; nodes are equal when their labels and their ordered
                children are.

        Returns:
            The shared forest (a DAG in level order), `node_of` (V,), the node that
            stands for each of ours, and `first` (V',), one of ours for each of its.
        """
        host = self._host
        label = csr.whole_numbers(labels, "labels")
        if len(label) != self.num_nodes:
            raise ForestError(
                f"labels must give one number per node, {self.num_nodes} in all, "
                f"got {len(label)}."
            )
        order, _ = host._level_order
        order = np.arange(self.num_nodes) if order is None else order
        node_of, first = structure.share(*host._csr, order, label)
        offset, edge = csr.lists_of(host._csr[0], first)
        shared = Forest.__new__(Forest)._hold(
            offset,
            node_of[host._csr[1][edge]],
            host._csr[2][edge],
            host.tree.numpy()[first],
            node_of[host.roots.numpy()],
            host.root_tree.numpy(),
            self.num_trees,
        )
        device = self.device
        return (
            shared.to(device),
            torch.from_numpy(node_of).to(device),
            torch.from_numpy(first).to(device),
        )

    def to(
        self, device: torch.device | str | int, non_blocking: bool = False
    ) -> Forest:
        """Return the forest with its index tensors on `device`."""
        if torch.empty(0, device=device).device == self.device:
            return self
        return self._carried(lambda t: t.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Forest:
        """Return a copy in page-locked memory, for fast transfer to a GPU."""
        return self._carried(lambda t: t.pin_memory())

    def _carried(self, move: Any) -> Forest:
        new = Forest.__new__(Forest)
        for name in ("offset", "child", "slot", "tree", "roots", "root_tree"):
            setattr(new, name, move(getattr(self, name)))
        new.num_trees, new._csr = self.num_trees, self._csr
        new.__dict__["_host"] = self._host
        return new

    def to_packed_sequence(self, data: Tensor) -> PackedSequence:
        """View rows of a forest of chains as torch's packed batch.

        The data is shared, not copied, when the nodes already stand in packed order,
        as `from_packed_sequence` leaves them.

        Args:
            data: (V, ...), a row per node.

        Raises:
            ForestError: a structure is not a chain.
        """
        return as_packed_sequence(self, data)

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor) -> Forest:
        """Take one structure (an int) or several (a slice or a list of numbers).

        Nodes keep their order within a structure and are numbered anew from 0.
        """
        if isinstance(index, slice):
            wanted = np.arange(self.num_trees)[index]
        else:
            wanted = csr.wanted(index, self.num_trees)
        host = self._host
        parts = structure.select(
            *host._csr[:2],
            host.roots.numpy(),
            host.root_tree.numpy(),
            wanted,
            self.num_trees,
        )
        nodes, child, tree, roots, root_tree = map(np.concatenate, parts)
        offset, edge = csr.lists_of(host._csr[0], nodes)
        new = Forest.__new__(Forest)
        slot = host._csr[2][edge]
        new._hold(offset, child, slot, tree, roots, root_tree, len(wanted))
        return new.to(self.device)

    def __iter__(self) -> Iterator[Forest]:
        return (self[b] for b in range(self.num_trees))

    def __len__(self) -> int:
        return self.num_trees

    def __eq__(self, other: object) -> bool:
        """Equal structures, numbered alike; devices may differ."""
        if not isinstance(other, Forest):
            return NotImplemented
        mine, theirs = self._host, other._host
        return self.num_trees == other.num_trees and all(
            torch.equal(getattr(mine, name), getattr(theirs, name))
            for name in ("offset", "child", "slot", "tree", "roots", "root_tree")
        )

    def __repr__(self) -> str:
        return (
            f"Forest(num_trees={self.num_trees}, num_nodes={self.num_nodes}, "
            f"num_edges={self.num_edges}, num_levels={len(self.levels)}"
            f"{'' if self.device.type == 'cpu' else f', device={self.device}'})"
        )

    def _repr_svg_(self) -> str:
        """Draw the structures with the nodes' numbers, or a summary of many."""
        V = self.num_nodes
        names = [str(v) for v in range(V)] if V <= 400 else None
        return tree_svg(*self._host._csr[:2], self._host.roots.numpy(), text=names)
