"""Layers: deep and bidirectional folds, to cells what ``nn.LSTM`` is to its cell."""

from typing import TYPE_CHECKING

from treefold._lazy import attach

if TYPE_CHECKING:
    from treefold.layers.exchange import from_torch, to_torch
    from treefold.layers.recurrent import GRU, LSTM, RNN
    from treefold.layers.stack import Stack
    from treefold.layers.tree import TreeGRU, TreeLSTM, TreeRNN, TreeTensor

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "GRU": "recurrent",
        "LSTM": "recurrent",
        "RNN": "recurrent",
        "Stack": "stack",
        "TreeGRU": "tree",
        "TreeLSTM": "tree",
        "TreeRNN": "tree",
        "TreeTensor": "tree",
        "from_torch": "exchange",
        "to_torch": "exchange",
    },
)
