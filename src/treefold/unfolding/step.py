"""What is run at every node of an unfolding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar, cast

from torch import Tensor, nn

from treefold.unfolding.draws import Draws
from treefold.unfolding.search import Greedy, Sample

S = TypeVar("S", bound=tuple)


class Decision(NamedTuple):
    """What a step says of N nodes, before their labels are chosen.

    Attributes:
        state: the nodes' states, a NamedTuple with fields of (N, ...).
        logits: (N, C), of each label; minus infinity forbids one.
        exists: (N, K) logits that a child stands in each slot; None where one always
            does, until the label `end`.
    """

    state: Any
    logits: Tensor
    exists: Tensor | None = None


class Step(nn.Module, ABC, Generic[S]):
    """The node function of an unfolding: a node's state and label from its parent's.

    A subclass writes `forward`; `treefold.unfold` runs it from the root down. For trees
    `below` may be written, too: by default each child starts from its parent's state
    and knows its slot. A node is decided in this order: `forward` gives its state and
    logits, the search takes a label and the children's existence, `below` gives what
    these begin with.

    Labels are classes, unless `choose` is written: labels may then be vectors.

    Attributes:
        num_slots: K, the slots for children; 1 makes sequences.
        end: a label that ends its branch: no child stands below it. The node itself
            is in the forest.

    Example:
        >>> import torch
        >>> from treefold import State, unfold
        >>> class Countdown(Step):
        ...     end = 0
        ...     def forward(self, state, previous, slot, tree, context):
        ...         state = State(state.h - 1)
        ...         return Decision(state, -(state.h - torch.arange(9.0)).abs())
        >>> forest, labels, _ = unfold(
        ...     Countdown(), torch.tensor([[4.0], [3.0]]), max_depth=10
        ... )
        >>> labels.tolist(), forest.tree.tolist()
        ([3, 2, 1, 0, 2, 1, 0], [0, 0, 0, 0, 1, 1, 1])
    """

    num_slots: int = 1
    end: int | None = None

    @abstractmethod
    def forward(
        self, state: S, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
    ) -> Decision:
        """Return the states and logits of N nodes.

        Args:
            state: what each node begins with, fields of (N, ...).
            previous: the parent's labels, (N,), or (N, F) where labels are vectors;
                at a root -1, or what was given to `unfold`.
            slot: (N,) int64, which child of its parent each node is; 0 at a root.
            tree: (N,) int64, the structure of each node: rows of the context.
            context: what was given to `unfold`.
        """

    def below(self, state: S, label: Tensor) -> S:
        """Return what the children of N nodes begin with, fields of (N, K, ...).

        It is not called `children`, which is what a module calls its submodules.

        Args:
            state: the nodes' states, as `forward` made them.
            label: their labels, (N,) or (N, F).
        """
        fields = (f[:, None].expand(-1, self.num_slots, *f.shape[1:]) for f in state)
        return cast(S, type(state)(*fields))

    def choose(
        self, logits: Tensor, search: Greedy | Sample, draws: Draws | None
    ) -> tuple[Tensor, Tensor]:
        """Choose the labels of N nodes; write it for labels that are not classes.

        A beam compares classes, so it never comes here.

        Args:
            logits: of `forward`.
            search: says how; a mixture of densities has a temperature, too.
            draws: the nodes' random numbers, when drawing; None when greedy. Take
                randomness from here alone, so that it belongs to the node.

        Returns:
            The labels, (N,) or (N, F), and their log-probabilities, (N,), by the model
            itself: temperature and nucleus do not change them.
        """
        label = search.label(logits, draws)
        log_prob = logits.log_softmax(dim=-1)
        return label, log_prob.gather(-1, label[:, None]).squeeze(-1)


def decide(
    step: Step[S], state: S, previous: Tensor, slot: Tensor, tree: Tensor, context: Any
) -> Decision:
    """Run a step, and check that what it returns is a decision on N nodes."""
    decision = step(state, previous, slot, tree, context)
    name, N, K = type(step).__name__, len(tree), step.num_slots
    if not isinstance(decision, Decision):
        raise TypeError(
            f"{name}.forward must return a treefold.Decision(state, logits, exists), "
            f"got {type(decision).__name__}."
        )
    fields = decision.state
    if not (isinstance(fields, tuple) and hasattr(fields, "_fields")):
        raise TypeError(
            f"{name}.forward must return a state that is a NamedTuple of tensors, got "
            f"{type(fields).__name__}. Use treefold.State(h) for h alone."
        )
    wrong = [tuple(f.shape) for f in fields if f.dim() < 1 or len(f) != N]
    if wrong:
        raise ValueError(
            f"{name}.forward must return a state with a row for each of the {N} nodes, "
            f"got {wrong[0]}."
        )
    logits = decision.logits
    if logits.dim() < 2 or len(logits) != N or not logits.shape[-1]:
        raise ValueError(
            f"{name}.forward must return logits of ({N}, C), a row for each node, got "
            f"{tuple(logits.shape)}."
        )
    if not logits.is_floating_point():
        raise TypeError(
            f"{name}.forward must return logits of floating point, got {logits.dtype}."
        )
    if decision.exists is not None and decision.exists.shape != (N, K):
        raise ValueError(
            f"{name}.forward must return exists of {(N, K)}, nodes and num_slots, got "
            f"{tuple(decision.exists.shape)}."
        )
    return decision


def chosen(
    step: Step[Any], logits: Tensor, search: Greedy | Sample, draws: Draws | None
) -> tuple[Tensor, Tensor]:
    """Let a step choose, and check what it returns."""
    label, log_prob = step.choose(logits, search, draws)
    if len(label) != len(logits) or log_prob.shape != logits.shape[:1]:
        raise ValueError(
            f"{type(step).__name__}.choose must return labels and log-probabilities of "
            f"{len(logits)} nodes, got shapes {tuple(label.shape)} and "
            f"{tuple(log_prob.shape)}."
        )
    if step.end is not None and label.dim() != 1:
        raise ValueError(
            f"{type(step).__name__}.end is {step.end}, but its labels are vectors of "
            f"{tuple(label.shape[1:])}. Let `exists` tell the end."
        )
    return label, log_prob


def start_children(step: Step[S], state: S, label: Tensor) -> S:
    """Ask a step for its children's states, and check their shape."""
    below = step.below(state, label)
    N, K = len(label), step.num_slots
    wrong = [tuple(f.shape) for f in below if f.shape[:2] != (N, K)]
    if wrong:
        raise ValueError(
            f"{type(step).__name__}.below must return fields of ({N}, {K}, ...), "
            f"nodes and num_slots, got {wrong[0]}."
        )
    return below


def num_rows(state: Any, of: str) -> int:
    """Return how many rows a state has, one for each structure or piece.

    Raises:
        TypeError: it is no state.
        ValueError: its fields do not have as many rows.
    """
    if not (isinstance(state, tuple) and hasattr(state, "_fields")):
        raise TypeError(
            "state must be a NamedTuple of tensors, or a tensor, got "
            f"{type(state).__name__}."
        )
    shapes = [tuple(f.shape) for f in state]
    if not all(shapes) or len({shape[0] for shape in shapes}) != 1:
        raise ValueError(
            f"state must have a row for each {of} in every field, got {shapes}."
        )
    return shapes[0][0]


def improbable(tree: int) -> ValueError:
    """Tell that a structure has no decision to take."""
    return ValueError(
        f"at a node of structure {tree} no label has a probability above 0: the "
        "logits are nan, or all of them minus infinity."
    )
