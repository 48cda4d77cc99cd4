"""Weights to and from ``torch.nn.RNN``, ``LSTM`` and ``GRU``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from treefold.cells import (
    Cell,
    ExtendedTreeLSTMCell,
    NaryTreeGRUCell,
    NaryTreeLSTMCell,
    RecursiveCell,
)
from treefold.layers.recurrent import GRU, LSTM, RNN, Recurrent

# torch's gates i | f | g | o of H rows, and ours i | u | o | f, as numbers of blocks;
# the same permutation for all that has a row a gate.
_FROM_TORCH, _TO_TORCH = (0, 2, 3, 1), (0, 3, 1, 2)


def from_torch(net: nn.RNNBase) -> Recurrent:
    """Make our layer of torch's, with the same weights: the same function.

    torch adds two biases, ``bias_ih`` and ``bias_hh``; we keep their sum. A GRU's
    candidate has two in earnest, as one of them stands inside the reset gate.

    Args:
        net: an ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``.

    Returns:
        An `RNN`, `LSTM` or `GRU`, in the same dtype, device and mode.

    Raises:
        TypeError: any other module.
    """
    if not isinstance(net, nn.RNN | nn.LSTM | nn.GRU):
        raise TypeError(
            f"net must be an nn.RNN, nn.LSTM or nn.GRU, got {type(net).__name__}."
        )
    options: dict[str, Any] = {
        "bias": net.bias,
        "batch_first": net.batch_first,
        "dropout": net.dropout,
        "bidirectional": net.bidirectional,
    }
    sizes = (net.input_size, net.hidden_size, net.num_layers)
    if isinstance(net, nn.RNN):
        kind: Any = net.nonlinearity
        layer = RNN(*sizes, nonlinearity=kind, **options)
    elif isinstance(net, nn.LSTM):
        layer = LSTM(*sizes, proj_size=net.proj_size, **options)
    else:
        layer = GRU(*sizes, **options)
    layer = layer.to(next(net.parameters()))
    with torch.no_grad():
        for cell, suffix in _cells(layer):
            for name, value in _ours(net, suffix).items():
                own = cell.get_parameter(name)
                own.copy_(value.reshape(own.shape))
    return layer.train(net.training)


def to_torch(layer: Recurrent) -> nn.RNNBase:
    """Make torch's layer of ours, with the same weights: the same function.

    Our biases become torch's ``bias_ih``; ``bias_hh`` is zero (but for b_hn of a GRU).

    Args:
        layer: an `RNN`, `LSTM` or `GRU` without what torch's layers do not have:
            zoneout, layer norm, learned initial states, and dropout of the state, of
            the update, or tied.

    Raises:
        TypeError: not such a layer.
        ValueError: an option that torch's layers do not have.
    """
    kinds: dict[Any, Any] = {RNN: nn.RNN, LSTM: nn.LSTM, GRU: nn.GRU}
    if type(layer) not in kinds:
        raise TypeError(
            f"layer must be an RNN, LSTM or GRU of treefold, got "
            f"{type(layer).__name__}."
        )
    if layer.initial is not None or (layer.variational and layer.dropout):
        raise ValueError(
            "torch's layers have no learned initial state and no tied dropout; "
            "make the layer without."
        )
    cells = [cell for cell, _ in _cells(layer)]
    options: dict[str, Any] = {
        "bias": any(p.requires_grad or bool(p.any()) for p in _biases(cells)),
        "batch_first": layer.batch_first,
        "dropout": layer.dropout,
        "bidirectional": layer.bidirectional,
    }
    if isinstance(layer, RNN):
        options["nonlinearity"] = cells[0].activation
    if isinstance(layer, LSTM) and layer.hidden_size < layer.memory_size:
        options["proj_size"] = layer.hidden_size
    net = kinds[type(layer)](
        layer.input_size, layer.memory_size, layer.num_layers, **options
    )
    net = net.to(cells[0].weight_ih)
    with torch.no_grad():
        for cell, suffix in _cells(layer):
            for name, value in _theirs(cell).items():
                if net.bias or not name.startswith("bias"):
                    getattr(net, name + suffix).copy_(value)
    return net.train(layer.training)


def _cells(layer: Recurrent) -> Iterator[tuple[Any, str]]:
    """Each cell, and what torch adds to the names of its parameters."""
    D = layer.num_directions
    for number, cell in enumerate(layer.cells):
        plain = isinstance(cell, RecursiveCell | NaryTreeLSTMCell | NaryTreeGRUCell)
        if isinstance(cell, ExtendedTreeLSTMCell):
            plain = cell.norm_x is None and not cell.update_dropout
        if not plain:
            raise ValueError(
                f"torch's layers have nothing like {type(cell).__name__} as it is "
                "here; make the layer without zoneout, layer norm, and dropout of the "
                "state or the update."
            )
        yield cell, f"_l{number // D}{'_reverse' * (number % D)}"


def _biases(cells: list[Cell[Any]]) -> list[Tensor]:
    return [
        parameter
        for cell in cells
        for name, parameter in cell.named_parameters()
        if name.startswith("bias")
    ]


def _ours(net: nn.RNNBase, suffix: str) -> dict[str, Tensor]:
    """The parameters of a cell, of those of torch's layer."""
    W, U = getattr(net, f"weight_ih{suffix}"), getattr(net, f"weight_hh{suffix}")
    b, b_h = W.new_zeros(2, len(W))
    if net.bias:
        b, b_h = getattr(net, f"bias_ih{suffix}"), getattr(net, f"bias_hh{suffix}")
    if isinstance(net, nn.GRU):
        rz, n = [2 * net.hidden_size, net.hidden_size], net.hidden_size
        U_rz, U_n = U.split(rz)
        b = torch.cat([b[:-n] + b_h[:-n], b[-n:]])
        return {
            "weight_ih": W,
            "weight_hh": U_rz,
            "weight_hn": U_n,
            "bias": b,
            "bias_hn": b_h[-n:],
        }
    parts = {"weight_ih": W, "weight_hh": U, "bias": b + b_h}
    if isinstance(net, nn.LSTM):
        parts = {name: _in_order(part, _FROM_TORCH) for name, part in parts.items()}
    if net.proj_size:
        parts["weight_hr"] = getattr(net, f"weight_hr{suffix}")
    return parts


def _theirs(cell: Any) -> dict[str, Tensor]:
    """The parameters of torch's layer, of those of a cell."""
    W, U, b = cell.weight_ih, cell.weight_hh, cell.bias
    b_h = torch.zeros_like(b)
    if isinstance(cell, NaryTreeGRUCell):
        U = torch.cat([U, cell.weight_hn[0]])
        b_h[-cell.hidden_size :] = cell.bias_hn
    parts = {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": b_h}
    if isinstance(cell, NaryTreeLSTMCell | ExtendedTreeLSTMCell):
        parts = {name: _in_order(part, _TO_TORCH) for name, part in parts.items()}
    if isinstance(cell, ExtendedTreeLSTMCell) and cell.weight_hr is not None:
        parts["weight_hr"] = cell.weight_hr
    return parts


def _in_order(rows: Tensor, order: tuple[int, ...]) -> Tensor:
    """Bring the gates' blocks of rows into another order."""
    blocks = rows.chunk(4)
    return torch.cat([blocks[number] for number in order])
