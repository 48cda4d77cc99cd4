"""`RNN`, `LSTM`, `GRU`: the layers of one child, in all of torch's forms of input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)

from treefold.forest import Forest
from treefold.layers.stack import Options, Stack
from treefold.layers.tree import TreeGRU, TreeLSTM, TreeRNN


class Recurrent(Stack):
    """What RNN, LSTM and GRU share: sequences come in torch's forms, or as a forest.

    A sequence is a chain, each step the child of the next. Output comes in the form of
    the input:

    - a tensor (T, B, I), or (B, T, I) with ``batch_first=True``; (T, I) alone;
    - the same, padded, with `lengths`: what stands beyond a length is not read, and
      the output there is zero;
    - a ``PackedSequence``, whose memory the forest shares;
    - a list of B tensors (T_b, I);
    - a forest of chains and the input of its nodes, as any layer takes them.
    """

    batch_first = False

    def forward(
        self,
        input: Any,
        hx: Any = None,
        nodes: Tensor | None = None,
        initial: Any = None,
        *,
        rows: Tensor | None = None,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Any, Any]:
        """Run over sequences: ``layer(input, hx)``, or ``layer(forest, x, ...)``.

        Args:
            input: the sequences, or a forest of chains.
            hx: the state before the first step, and bidirectionally after the last:
                (num_layers·D, B, H), for an LSTM a pair (h, c); None counts as zeros.
                Beside a forest, x, the input of its nodes.
            nodes: beside a forest: the nodes that have input.
            initial: beside a forest: what hx is beside sequences.
            rows: beside a forest: the row of x that each node reads.
            lengths: (B,) steps of each sequence of a padded tensor.

        Returns:
            The last layer's h at every step, in the form of the input; and the final
            state, (num_layers·D, B, H), which may be the next block's `hx`.
        """
        if isinstance(input, Forest):
            if lengths is not None:
                raise ValueError("a forest knows its lengths; leave `lengths` out.")
            return super().forward(input, hx, nodes, initial, rows=rows)
        if nodes is not None or rows is not None or initial is not None:
            raise ValueError(
                "nodes, initial and rows go with a forest; sequences take hx."
            )
        if isinstance(input, PackedSequence):
            return self._packed(input, hx)
        if lengths is not None:
            return self._padded(input, hx, lengths)
        if isinstance(input, Tensor):
            return self._tensor(input, hx)
        if isinstance(input, list | tuple):
            return self._list(input, hx)
        raise TypeError(
            "input must be a tensor, a PackedSequence, a list of tensors or a forest, "
            f"got {type(input).__name__}."
        )

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        self._check_width(packed.data)
        forest = Forest.from_packed_sequence(packed)
        output, final = super().forward(forest, packed.data, initial=hx)
        return PackedSequence(output, *packed[1:]), final

    def _padded(self, input: Any, hx: Any, lengths: Any) -> tuple[Tensor, Any]:
        if not isinstance(input, Tensor) or input.dim() != 3:
            raise ValueError("lengths go with a padded tensor of three dimensions.")
        first = self.batch_first
        packed = pack_padded_sequence(
            input, torch.as_tensor(lengths).cpu(), first, enforce_sorted=False
        )
        output, final = self._packed(packed, hx)
        padded, _ = pad_packed_sequence(
            output, first, total_length=input.shape[1 if first else 0]
        )
        return padded, final

    def _list(self, input: Sequence[Any], hx: Any) -> tuple[list[Tensor], Any]:
        for number, each in enumerate(input):
            if not isinstance(each, Tensor) or each.dim() != 2 or not len(each):
                raise ValueError(
                    f"sequence {number} of the list must be a tensor of (steps, "
                    f"{self.input_size}) with at least one step."
                )
        if not input:
            raise ValueError("the list of sequences is empty.")
        lengths = [len(each) for each in input]
        forest, order = Forest.from_lengths(lengths).sort()
        steps = torch.cat(tuple(input))
        self._check_width(steps)
        forest, order = forest.to(steps.device), order.to(steps.device)
        output, final = super().forward(forest, steps[order], initial=hx)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        return list(output[place].split(lengths)), final

    def _tensor(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        if input.dim() == 2:
            hx = _each(hx, lambda field: field.unsqueeze(1))
            output, final = self._steps_first(input.unsqueeze(1), hx)
            return output.squeeze(1), _each(final, lambda field: field.squeeze(1))
        if input.dim() != 3:
            raise ValueError(
                "input must have the shape (steps, batch, features), with batch_first="
                "True (batch, steps, features), or (steps, features), got "
                f"{tuple(input.shape)}."
            )
        if not self.batch_first:
            return self._steps_first(input, hx)
        output, final = self._steps_first(input.transpose(0, 1), hx)
        return output.transpose(0, 1), final

    def _steps_first(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        """Run over (T, B, I): its rows already stand in level order."""
        self._check_width(input)
        T, B = input.shape[:2]
        if not T:
            raise ValueError("a sequence must have at least one step, got none.")
        forest = _chains(T, B).to(input.device)
        output, final = super().forward(forest, input.flatten(0, 1), initial=hx)
        return output.unflatten(0, (T, B)), final

    def _check_width(self, input: Tensor) -> None:
        if input.shape[-1] != self.input_size:
            raise ValueError(
                f"input must have {self.input_size} features, got shape "
                f"{tuple(input.shape)}."
            )

    def extra_repr(self) -> str:
        """Sizes, as torch prints them."""
        return super().extra_repr() + ", batch_first=True" * self.batch_first


class RNN(Recurrent, TreeRNN):
    """Elman network over sequences: ``torch.nn.RNN``, as a fold over chains.

    Args:
        input_size: I, features of a step.
        hidden_size: H, features of the state.
        num_layers: number of layers, one upon the other.
        nonlinearity: "tanh", "relu" or "identity".
        bias: False holds the biases at zero.
        batch_first: tensors are (B, T, I) instead of (T, B, I).
        layer_norm: see `TreeRNN`.
        options: directions, dropouts and more; see `Stack`.

    Shape:
        See `Recurrent`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: Literal["tanh", "relu", "identity"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        layer_norm: bool = False,
        **options: Unpack[Options],
    ):
        TreeRNN.__init__(
            self,
            input_size,
            hidden_size,
            arity=1,
            nonlinearity=nonlinearity,
            layer_norm=layer_norm,
            num_layers=num_layers,
            **options,
        )
        self.batch_first = batch_first
        _set_bias(self, bias)


class LSTM(Recurrent, TreeLSTM):
    """LSTM over sequences: ``torch.nn.LSTM``, as a fold over chains.

    Args:
        input_size: I, features of a step.
        hidden_size: H, features of the state.
        num_layers: number of layers, one upon the other.
        bias: False holds the biases at zero.
        batch_first: tensors are (B, T, I) instead of (T, B, I).
        proj_size: P, features of h, projected from H; 0 is no projection.
        layer_norm, update_dropout: see `TreeLSTM`.
        options: directions, dropouts and more; see `Stack`.

    Shape:
        See `Recurrent`; states are pairs (h, c).

    Example:
        >>> import torch
        >>> from treefold import LSTM
        >>> lstm = LSTM(8, 16, num_layers=2, bidirectional=True)
        >>> output, (h, c) = lstm(torch.randn(5, 3, 8))
        >>> output.shape, h.shape
        (torch.Size([5, 3, 32]), torch.Size([4, 3, 16]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        proj_size: int = 0,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        **options: Unpack[Options],
    ):
        TreeLSTM.__init__(
            self,
            input_size,
            hidden_size,
            arity=1,
            proj_size=proj_size,
            layer_norm=layer_norm,
            update_dropout=update_dropout,
            num_layers=num_layers,
            **options,
        )
        self.batch_first = batch_first
        _set_bias(self, bias)


class GRU(Recurrent, TreeGRU):
    """GRU over sequences: ``torch.nn.GRU``, as a fold over chains.

    Args:
        input_size: I, features of a step.
        hidden_size: H, features of the state.
        num_layers: number of layers, one upon the other.
        bias: False holds the biases at zero.
        batch_first: tensors are (B, T, I) instead of (T, B, I).
        layer_norm, update_dropout: see `TreeGRU`.
        options: directions, dropouts and more; see `Stack`.

    Shape:
        See `Recurrent`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        layer_norm: bool = False,
        update_dropout: float = 0.0,
        **options: Unpack[Options],
    ):
        TreeGRU.__init__(
            self,
            input_size,
            hidden_size,
            arity=1,
            layer_norm=layer_norm,
            update_dropout=update_dropout,
            num_layers=num_layers,
            **options,
        )
        self.batch_first = batch_first
        _set_bias(self, bias)


def _set_bias(layer: Stack, bias: bool) -> None:
    """Hold the biases at zero where none are wanted."""
    if bias:
        return
    for name, parameter in layer.cells.named_parameters():
        if name.rpartition(".")[2].startswith("bias"):
            torch.nn.init.zeros_(parameter)
            parameter.requires_grad_(False)


def _chains(T: int, B: int) -> Forest:
    """B chains of T steps, in level order: node t·B + b is step t of sequence b."""
    V = T * B
    numbers = np.arange(V + 1)
    return Forest.from_sorted(
        np.maximum(numbers - B, 0),
        numbers[: V - B],
        numbers[:V] % max(B, 1),
        numbers[V - B : V],
        np.arange(T + 1) * B if B else np.zeros(1, np.int64),
    )


def _each(state: Any, function: Any) -> Any:
    """Apply a function to a state's one field or to each of several."""
    if state is None:
        return None
    return function(state) if isinstance(state, Tensor) else tuple(map(function, state))
